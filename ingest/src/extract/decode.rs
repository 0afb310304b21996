//! Decoding turns bytes of any encoding into a string, and says when it had to guess.

use encoding_rs::{EUC_KR, Encoding, GBK, ISO_2022_JP, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::{ExtractError, Warning};

/// A decoded text and what was noticed on the way.
pub(crate) struct Decoded {
    pub(crate) text: String,
    pub(crate) warnings: Vec<Warning>,
}

/// Decodes by byte order mark, then UTF-8, then `label` (what the document says of itself), then by statistics.
///
/// UTF-8 goes before the label: text that happens to be valid UTF-8 beyond ASCII practically never is anything else, and
/// wrong labels are common.
pub(crate) fn decode(bytes: &[u8], label: Option<&'static Encoding>) -> Result<Decoded, ExtractError> {
    if let Some(decoded) = utf32(bytes) {
        return Ok(decoded);
    }
    if let Some((encoding, mark_len)) = Encoding::for_bom(bytes) {
        return decode_as(encoding, &bytes[mark_len..], false);
    }
    if let Some(encoding) = utf16_without_mark(bytes) {
        return decode_as(encoding, bytes, true);
    }
    if let Some(decoded) = iso_2022(bytes) {
        return decoded;
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(Decoded { text: text.to_owned(), warnings: Vec::new() });
    }
    if is_nearly_utf8(bytes) {
        return decode_as(UTF_8, bytes, false);
    }
    // Programs that do not know better say Latin, which any byte is.
    let is_mislabelled = |encoding: &'static Encoding| {
        encoding == WINDOWS_1252 && is_plainly_korean(&bytes[..bytes.len().min(SIGN_BYTES)])
    };
    if let Some(encoding) = label.filter(|encoding| *encoding != UTF_8 && !is_mislabelled(encoding)) {
        let decoded = decode_as(encoding, bytes, false);
        if decoded.is_ok() {
            return decoded;
        }
    }
    decode_as(guess(bytes), bytes, true)
}

/// The encoding of a name that mails and pages use, those that the WHATWG does not list included.
pub(crate) fn encoding_of(label: &str) -> Option<&'static Encoding> {
    let lower = label.trim().to_ascii_lowercase();
    let known = match lower.trim_start_matches("x-") {
        "cp949" | "ms949" | "uhc" | "windows-949" | "ks_c_5601" | "ksc5601.1987" => encoding_rs::EUC_KR,
        "cp936" | "ms936" | "windows-936" => GBK,
        "cp932" | "ms932" | "windows-932" => encoding_rs::SHIFT_JIS,
        "cp950" | "ms950" | "windows-950" => encoding_rs::BIG5,
        _ => Encoding::for_label_no_replacement(lower.as_bytes())?,
    };
    Some(known)
}

/// Whether bytes that look like noise are UTF-16 text without a mark.
pub(crate) fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    // A sample is enough, and it keeps a large file from being decoded twice.
    let sample = &bytes[..bytes.len().min(64 << 10) & !1];
    if sample.len() < 4 {
        return None;
    }
    let nuls = |parity: usize| sample.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (nuls(0), nuls(1));
    // Spaces, digits and line ends have a zero high byte, so text in any script shows zeros, and mostly on that side: a
    // few syllables have a zero low byte.
    let encoding = match () {
        () if even > 2 * odd => UTF_16BE,
        () if odd > 2 * even => UTF_16LE,
        () => return None,
    };
    // Where every other byte is ASCII too, the text is ASCII and half of its bytes are zero, or it is ASCII with stray zeros.
    if sample.is_ascii() && (even + odd) * 5 < sample.len() * 2 {
        return None;
    }
    let (text, had_errors) = encoding.decode_without_bom_handling(sample);
    let strange = text.chars().filter(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')).count();
    (!had_errors && strange * 50 <= text.chars().count()).then_some(encoding)
}

/// Whether most of what is not ASCII is valid UTF-8: a few broken bytes in a long text, not another encoding.
fn is_nearly_utf8(bytes: &[u8]) -> bool {
    let (mut valid, mut broken) = (0usize, 0usize);
    for chunk in bytes.utf8_chunks() {
        valid += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    valid > 0 && valid >= 4 * broken
}

/// Decodes UTF-32, which says so by a mark that begins like the one of UTF-16.
fn utf32(bytes: &[u8]) -> Option<Decoded> {
    type Order = fn([u8; 4]) -> u32;
    let (read, units): (Order, &[u8]) = match bytes {
        [0xFF, 0xFE, 0, 0, units @ ..] => (u32::from_le_bytes, units),
        [0, 0, 0xFE, 0xFF, units @ ..] => (u32::from_be_bytes, units),
        _ => return None,
    };
    let (whole, rest) = units.as_chunks::<4>();
    let mut replaced = 0;
    let letter = |unit: &[u8; 4]| {
        char::from_u32(read(*unit)).unwrap_or_else(|| {
            replaced += 1;
            char::REPLACEMENT_CHARACTER
        })
    };
    let text: String = whole.iter().map(letter).collect();
    // A text in UTF-16 may begin with a zero, and then most of these units are no letters.
    if !rest.is_empty() || replaced * 10 > whole.len() {
        return None;
    }
    let lossy = Warning::LossyDecoding { encoding: "UTF-32".to_owned(), replaced };
    Some(Decoded { text, warnings: if replaced > 0 { vec![lossy] } else { Vec::new() } })
}

/// Whether bytes begin with the mark of UTF-32 whose order puts zeros first.
pub(crate) fn begins_with_utf32_mark(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0, 0, 0xFE, 0xFF])
}

/// Decodes Japanese and Korean that switch character sets by escape sequences, as old mails do: all their bytes are ASCII.
fn iso_2022(bytes: &[u8]) -> Option<Result<Decoded, ExtractError>> {
    const KOREAN: &[u8] = b"\x1B$)C";
    let holds = |sequence: &[u8]| bytes.windows(sequence.len()).any(|window| window == sequence);
    if !bytes.contains(&0x1B) || !bytes.is_ascii() {
        return None;
    }
    if holds(KOREAN) {
        let shifted = unshifted(bytes, KOREAN);
        return Some(decode_as(EUC_KR, &shifted, false));
    }
    let japanese: [&[u8]; 2] = [b"\x1B$B", b"\x1B$@"];
    japanese.into_iter().any(holds).then(|| decode_as(ISO_2022_JP, bytes, false))
}

/// ISO-2022-KR as EUC-KR: between the bytes that shift out and in, every byte has its highest bit set there.
fn unshifted(bytes: &[u8], designation: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    let mut high = 0;
    while let Some((&byte, after)) = rest.split_first() {
        if let Some(below) = rest.strip_prefix(designation) {
            rest = below;
            continue;
        }
        rest = after;
        match byte {
            0x0E => high = 0x80,
            0x0F => high = 0,
            b'\n' => {
                // A line end shifts in, whatever was forgotten before it.
                high = 0;
                out.push(byte);
            }
            0x21..=0x7E => out.push(byte | high),
            _ => out.push(byte),
        }
    }
    out
}

/// How much of a text is looked at for signs of one encoding.
const SIGN_BYTES: usize = 64 << 10;

fn guess(bytes: &[u8]) -> &'static Encoding {
    let mut detector = chardetng::EncodingDetector::new();
    detector.feed(bytes, true);
    let guessed = detector.guess(None, false);
    // A few syllables are too little for the detector, which then takes them for Chinese or Cyrillic.
    if guessed != EUC_KR && is_plainly_korean(&bytes[..bytes.len().min(SIGN_BYTES)]) {
        return EUC_KR;
    }
    if guessed.is_single_byte() && is_plainly_shift_jis(&bytes[..bytes.len().min(SIGN_BYTES)]) {
        return SHIFT_JIS;
    }
    if guessed != WINDOWS_1252 {
        return guessed;
    }
    // Short East Asian texts fall below the detector's threshold and come out as accented Latin letters in a row.
    let sample = &bytes[..bytes.len().min(4 << 10)];
    let high = sample.iter().filter(|byte| **byte >= 0x80).count();
    if high * 3 < sample.len() {
        return guessed;
    }
    [EUC_KR, SHIFT_JIS, encoding_rs::EUC_JP, GBK]
        .into_iter()
        .find(|encoding| !encoding.decode_without_bom_handling(sample).1)
        .unwrap_or(guessed)
}

/// The syllables that Korean is mostly written with.
const COMMON_SYLLABLES: &str = "이다는의에을하고가지로사기한인리어도시서대해자나라과를그정은수보전일부아원있장주만구국거상들스여제적동조공\
    않게모오안세관계화신였되년생소문경마면반유진산선단발비당심용우연성분와말때바치무개간요미내방결체통교학행위회론것없같될\
    니며음므로서울록름녕김박최강민광역중앙번호명목별표안건예결재무영업팀월금토항규칙법령조례증차새첨파견납품입출추천";

/// Whether all that is not ASCII is Korean in EUC-KR: syllables of KS X 1001, half of them common ones.
fn is_plainly_korean(bytes: &[u8]) -> bool {
    let (text, had_errors) = EUC_KR.decode_without_bom_handling(bytes);
    // A sample may end inside of a syllable.
    if had_errors && text.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER).count() > 1 {
        return false;
    }
    let (mut syllables, mut common, mut others) = (0usize, 0usize, 0usize);
    for c in text.chars().filter(|c| !c.is_ascii()) {
        if matches!(c, '가'..='힣') {
            syllables += 1;
            common += usize::from(COMMON_SYLLABLES.contains(c));
        } else {
            others += 1;
        }
    }
    // Chinese has only half of its characters where Korean has its syllables, and those are rare ones.
    syllables >= 2 && others * 10 <= syllables && common * 2 >= syllables
}

/// Whether all that is not ASCII is Japanese in Shift-JIS: kana and everyday characters, never one by itself, as a dash or a
/// quotation mark between Latin letters would be.
fn is_plainly_shift_jis(bytes: &[u8]) -> bool {
    let (mut rest, mut run, mut runs) = (bytes, 0usize, 0usize);
    loop {
        rest = match rest {
            [0x81..=0x83 | 0x88..=0x97, 0x40..=0x7E | 0x80..=0xFC, after @ ..] => {
                run += 1;
                after
            }
            [0x80..=0xFF, ..] => return false,
            _ if run == 1 => return false,
            [_, after @ ..] => {
                runs += usize::from(run > 0);
                run = 0;
                after
            }
            [] => return runs + usize::from(run > 0) > 0,
        };
    }
}

fn decode_as(encoding: &'static Encoding, bytes: &[u8], guessed: bool) -> Result<Decoded, ExtractError> {
    let (text, had_errors) = encoding.decode_without_bom_handling(bytes);
    let name = || encoding.name().to_owned();
    let mut warnings = Vec::new();
    if guessed {
        warnings.push(Warning::GuessedEncoding { encoding: name() });
    }
    if had_errors {
        let characters = text.chars().count();
        let replaced = text.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER).count();
        // Below one in ten a reader still follows the text; above, it would be stored as noise. Very short texts are
        // judged more gently, because one byte weighs much there.
        if replaced * 10 > characters && replaced > 3 {
            return Err(ExtractError::Encoding { encoding: name(), invalid: replaced, characters });
        }
        warnings.push(Warning::LossyDecoding { encoding: name(), replaced });
    }
    Ok(Decoded { text: text.into_owned(), warnings })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KOREAN: &str = "한강은 대한민국의 중부를 흐르는 강이다. 길이는 494 km.\n";

    fn decoded(bytes: &[u8]) -> String {
        decode(bytes, None).unwrap().text
    }

    fn encoded(label: &str, text: &str) -> Vec<u8> {
        let encoding = Encoding::for_label(label.as_bytes()).unwrap();
        let (bytes, _, unmappable) = encoding.encode(text);
        assert!(!unmappable);
        bytes.into_owned()
    }

    #[test]
    fn korean_code_pages_decode() {
        assert_eq!(decoded(&encoded("euc-kr", KOREAN)), KOREAN);
        let extended = "똠방각하가 펲시콜라를 마셨다. 한강의 물은 맑다.";
        assert_eq!(decoded(&encoded("euc-kr", extended)), extended);
    }

    #[test]
    fn japanese_and_chinese_code_pages_decode() {
        let japanese = "日本語の文章です。これはテストです。";
        assert_eq!(decoded(&encoded("shift_jis", japanese)), japanese);
        let chinese = "中华人民共和国的首都是北京，这是一个测试文件。";
        assert_eq!(decoded(&encoded("gb18030", chinese)), chinese);
    }

    #[test]
    fn short_and_long_texts_decode_with_and_without_ascii_around() {
        let samples: [(&str, &[&str]); 11] = [
            (
                "euc-kr",
                &[
                    "안녕",
                    "서울",
                    "이름,도시",
                    "회의록",
                    "2026년 예산안.txt",
                    "견적서 보냅니다",
                    "제목: 회의 안건\n내용",
                ],
            ),
            ("shift_jis", &["東京", "議事録", "予算案.txt", "こんにちは", "お見積書をお送りします"]),
            ("euc-jp", &["日本", "こんにちは", "お見積書をお送りします", "東京都の人口は約1400万人である。"]),
            ("gb18030", &["中国", "北京", "会议记录", "姓名,城市", "请查收附件"]),
            ("big5", &["臺北", "會議記錄", "姓名,城市", "請查收附件"]),
            (
                "windows-1252",
                &["café", "été", "naïve résumé", "“quoted” – dash", "one—two—three", "El niño comió piñas"],
            ),
            ("windows-1250", &["Příliš žluťoučký kůň úpěl ďábelské ódy.", "Zażółć gęślą jaźń i pójdź do domu."]),
            ("iso-8859-2", &["Příliš žluťoučký kůň úpěl ďábelské ódy.", "Zażółć gęślą jaźń i pójdź do domu."]),
            ("koi8-r", &["Привет, как дела?", "Москва является столицей России."]),
            ("windows-1251", &["Привет, как дела?", "Москва является столицей России."]),
            ("iso-2022-jp", &["日本", "日本語の文章です。"]),
        ];
        for (label, texts) in samples {
            for text in texts {
                for (before, after) in
                    [("", "\n"), ("Name: ", " (1)\n"), ("The quick brown fox, 2026-01-02.\n", "\nend.\n")]
                {
                    for times in [1, 20] {
                        let whole = format!("{before}{text}{after}").repeat(times);
                        assert_eq!(decoded(&encoded(label, &whole)), whole, "{label}, {times} times");
                    }
                }
            }
        }
    }

    #[test]
    fn korean_that_shifts_between_character_sets_decodes() {
        assert_eq!(decoded(b"\x1b$)C\x0eGQ0-\x0f ok\n\x0e90\x0f"), "한강 ok\n물");
    }

    #[test]
    fn utf_32_decodes_by_its_mark() {
        let units = |order: fn(u32) -> [u8; 4]| {
            "\u{FEFF}한강 🌊\n".chars().flat_map(|c| order(u32::from(c))).collect::<Vec<u8>>()
        };
        assert_eq!(decoded(&units(u32::to_le_bytes)), "한강 🌊\n");
        assert_eq!(decoded(&units(u32::to_be_bytes)), "한강 🌊\n");
        assert_eq!(crate::detect("a.txt", &units(u32::to_be_bytes)), Ok(crate::MediaType::PlainText));
    }

    #[test]
    fn korean_that_says_it_is_latin_is_korean() {
        assert_eq!(decode(&encoded("euc-kr", KOREAN), Some(WINDOWS_1252)).unwrap().text, KOREAN);
        let french = encoded("windows-1252", "L'été à Besançon");
        assert_eq!(decode(&french, Some(WINDOWS_1252)).unwrap().text, "L'été à Besançon");
    }

    #[test]
    fn names_of_encodings_that_mails_use_are_known() {
        for label in ["KS_C_5601-1987", "cp949", "x-windows-949", "UHC", "ms949", "euc-kr"] {
            assert_eq!(encoding_of(label), Some(EUC_KR), "{label}");
        }
        assert_eq!(encoding_of("no-such-thing"), None);
    }

    #[test]
    fn latin_1_decodes() {
        let french = "L'été dernier, un élève a réussi l'épreuve à Besançon.";
        assert_eq!(decoded(&encoded("windows-1252", french)), french);
    }

    #[test]
    fn utf_16_decodes_with_and_without_a_mark() {
        for text in [KOREAN, "plain ascii words\n"] {
            let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert_eq!(decoded(&big), text);
            assert_eq!(decoded(&little), text);
            assert_eq!(decoded(&[&[0xFE, 0xFF], &big[..]].concat()), text);
            assert_eq!(decoded(&[&[0xFF, 0xFE], &little[..]].concat()), text);
        }
    }

    #[test]
    fn a_few_broken_bytes_are_a_warning() {
        let mut bytes = KOREAN.repeat(3).into_bytes();
        bytes[0] = 0xFF;
        let decoded = decode(&bytes, None).unwrap();
        assert!(decoded.text.ends_with("494 km.\n"));
        assert!(matches!(decoded.warnings[..], [Warning::LossyDecoding { .. }]));
    }

    #[test]
    fn a_wrong_label_does_not_spoil_utf_8() {
        assert_eq!(decode(KOREAN.as_bytes(), Some(encoding_rs::EUC_KR)).unwrap().text, KOREAN);
    }
}
