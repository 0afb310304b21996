//! Which language a text is in, as far as stemming has to know.

use rust_stemmers::{Algorithm, Stemmer};
use whatlang::Lang;

/// A language that is written in Latin script and has a Snowball stemmer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// Danish.
    Danish,
    /// Dutch.
    Dutch,
    /// English.
    English,
    /// Finnish.
    Finnish,
    /// French.
    French,
    /// German.
    German,
    /// Hungarian.
    Hungarian,
    /// Italian.
    Italian,
    /// Norwegian, Bokmål.
    Norwegian,
    /// Portuguese.
    Portuguese,
    /// Romanian.
    Romanian,
    /// Spanish.
    Spanish,
    /// Swedish.
    Swedish,
    /// Turkish.
    Turkish,
}

impl Language {
    /// Every language, in the order of their names.
    pub const ALL: [Self; 14] = [
        Self::Danish,
        Self::Dutch,
        Self::English,
        Self::Finnish,
        Self::French,
        Self::German,
        Self::Hungarian,
        Self::Italian,
        Self::Norwegian,
        Self::Portuguese,
        Self::Romanian,
        Self::Spanish,
        Self::Swedish,
        Self::Turkish,
    ];

    /// The ISO 639-1 code, such as `en`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Danish => "da",
            Self::Dutch => "nl",
            Self::English => "en",
            Self::Finnish => "fi",
            Self::French => "fr",
            Self::German => "de",
            Self::Hungarian => "hu",
            Self::Italian => "it",
            Self::Norwegian => "nb",
            Self::Portuguese => "pt",
            Self::Romanian => "ro",
            Self::Spanish => "es",
            Self::Swedish => "sv",
            Self::Turkish => "tr",
        }
    }

    /// The language with this ISO 639-1 code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    pub(super) fn stemmer(self) -> Stemmer {
        Stemmer::create(match self {
            Self::Danish => Algorithm::Danish,
            Self::Dutch => Algorithm::Dutch,
            Self::English => Algorithm::English,
            Self::Finnish => Algorithm::Finnish,
            Self::French => Algorithm::French,
            Self::German => Algorithm::German,
            Self::Hungarian => Algorithm::Hungarian,
            Self::Italian => Algorithm::Italian,
            Self::Norwegian => Algorithm::Norwegian,
            Self::Portuguese => Algorithm::Portuguese,
            Self::Romanian => Algorithm::Romanian,
            Self::Spanish => Algorithm::Spanish,
            Self::Swedish => Algorithm::Swedish,
            Self::Turkish => Algorithm::Turkish,
        })
    }

    fn from_lang(lang: Lang) -> Option<Self> {
        Some(match lang {
            Lang::Dan => Self::Danish,
            Lang::Nld => Self::Dutch,
            Lang::Eng => Self::English,
            Lang::Fin => Self::Finnish,
            Lang::Fra => Self::French,
            Lang::Deu => Self::German,
            Lang::Hun => Self::Hungarian,
            Lang::Ita => Self::Italian,
            Lang::Nob => Self::Norwegian,
            Lang::Por => Self::Portuguese,
            Lang::Ron => Self::Romanian,
            Lang::Spa => Self::Spanish,
            Lang::Swe => Self::Swedish,
            Lang::Tur => Self::Turkish,
            _ => return None,
        })
    }
}

/// Trigram counts settle within this much text; more only costs time.
const SAMPLE_BYTES: usize = 4096;

/// The language of `text`, judged by its first kilobytes. `None` when it is unsure, in another script, or in a
/// language without a stemmer.
pub fn detect_language(text: &str) -> Option<Language> {
    detected(text).and_then(Language::from_lang)
}

/// The ISO 639-1 code of the language of `text`, with a stemmer or without, judged by its first kilobytes: `ko`, `en`.
/// `None` when it is unsure.
pub fn language_code(text: &str) -> Option<&'static str> {
    let lang = detected(text)?;
    CODES.iter().find(|(known, _)| *known == lang).map(|(_, code)| *code)
}

fn detected(text: &str) -> Option<Lang> {
    let sample = &text[..text.floor_char_boundary(SAMPLE_BYTES)];
    whatlang::detect(sample).filter(whatlang::Info::is_reliable).map(|info| info.lang())
}

/// Every language that can be told, with its code.
const CODES: [(Lang, &str); 70] = [
    (Lang::Afr, "af"),
    (Lang::Aka, "ak"),
    (Lang::Amh, "am"),
    (Lang::Ara, "ar"),
    (Lang::Aze, "az"),
    (Lang::Bel, "be"),
    (Lang::Ben, "bn"),
    (Lang::Bul, "bg"),
    (Lang::Cat, "ca"),
    (Lang::Ces, "cs"),
    (Lang::Cmn, "zh"),
    (Lang::Cym, "cy"),
    (Lang::Dan, "da"),
    (Lang::Deu, "de"),
    (Lang::Ell, "el"),
    (Lang::Eng, "en"),
    (Lang::Epo, "eo"),
    (Lang::Est, "et"),
    (Lang::Fin, "fi"),
    (Lang::Fra, "fr"),
    (Lang::Guj, "gu"),
    (Lang::Heb, "he"),
    (Lang::Hin, "hi"),
    (Lang::Hrv, "hr"),
    (Lang::Hun, "hu"),
    (Lang::Hye, "hy"),
    (Lang::Ind, "id"),
    (Lang::Ita, "it"),
    (Lang::Jav, "jv"),
    (Lang::Jpn, "ja"),
    (Lang::Kan, "kn"),
    (Lang::Kat, "ka"),
    (Lang::Khm, "km"),
    (Lang::Kor, "ko"),
    (Lang::Lat, "la"),
    (Lang::Lav, "lv"),
    (Lang::Lit, "lt"),
    (Lang::Mal, "ml"),
    (Lang::Mar, "mr"),
    (Lang::Mkd, "mk"),
    (Lang::Mya, "my"),
    (Lang::Nep, "ne"),
    (Lang::Nld, "nl"),
    (Lang::Nob, "nb"),
    (Lang::Ori, "or"),
    (Lang::Pan, "pa"),
    (Lang::Pes, "fa"),
    (Lang::Pol, "pl"),
    (Lang::Por, "pt"),
    (Lang::Ron, "ro"),
    (Lang::Rus, "ru"),
    (Lang::Sin, "si"),
    (Lang::Slk, "sk"),
    (Lang::Slv, "sl"),
    (Lang::Sna, "sn"),
    (Lang::Spa, "es"),
    (Lang::Srp, "sr"),
    (Lang::Swe, "sv"),
    (Lang::Tam, "ta"),
    (Lang::Tel, "te"),
    (Lang::Tgl, "tl"),
    (Lang::Tha, "th"),
    (Lang::Tuk, "tk"),
    (Lang::Tur, "tr"),
    (Lang::Ukr, "uk"),
    (Lang::Urd, "ur"),
    (Lang::Uzb, "uz"),
    (Lang::Vie, "vi"),
    (Lang::Yid, "yi"),
    (Lang::Zul, "zu"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_name_one_language_each() {
        for language in Language::ALL {
            assert_eq!(Language::from_code(language.code()), Some(language));
        }
        assert_eq!(Language::from_code("ko"), None);
    }

    #[test]
    fn every_language_that_can_be_told_has_a_code() {
        assert!(Lang::all().iter().all(|lang| CODES.iter().filter(|(known, _)| known == lang).count() == 1));
        for language in Language::ALL {
            assert!(
                CODES
                    .iter()
                    .any(|(lang, code)| { Language::from_lang(*lang) == Some(language) && *code == language.code() })
            );
        }
        let texts = [
            ("신청자는 서류를 기관에 제출하여야 한다.", Some("ko")),
            ("梅雨は、北海道を除く日本でみられる気象現象である。", Some("ja")),
            ("申请人必须按时向主管机关提交所有文件。", Some("zh")),
            ("Это предложение написано по-русски, и его легко узнать.", Some("ru")),
            ("The regulation says which documents the applicant has to submit to the authority in time.", Some("en")),
            ("12 34", None),
        ];
        texts.into_iter().for_each(|(text, code)| assert_eq!(language_code(text), code, "{text}"));
    }

    #[test]
    fn latin_languages_are_told_apart_and_others_are_none() {
        let german = "Die Verordnung regelt, welche Unterlagen der Antragsteller bei der Behörde einreichen muss.";
        assert_eq!(detect_language(german), Some(Language::German));
        let english = "The regulation says which documents the applicant has to submit to the authority in time.";
        assert_eq!(detect_language(english), Some(Language::English));
        for other in ["", "12 34", "신청자는 서류를 기관에 제출하여야 한다.", "Это предложение написано по-русски."]
        {
            assert_eq!(detect_language(other), None, "{other}");
        }
    }
}
