//! The languages that documents and filters can name: ISO 639-1.

/// Every code of ISO 639-1, and `no`, which is written for `nb`.
const CODES: &str = "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz \
    ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja \
    jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng \
    nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw \
    ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu";

/// The ISO 639-1 code of a language tag such as `ko`, `ko-KR` or `en_US`; `None` for anything else.
pub fn primary_language(tag: &str) -> Option<&'static str> {
    let end = tag.find(['-', '_']).unwrap_or(tag.len());
    let (primary, rest) = tag.split_at(end);
    let subtags_are_plausible = rest.len() <= 32 && rest.split(['-', '_']).skip(1).all(is_subtag);
    let found = CODES.split_ascii_whitespace().find(|code| code.eq_ignore_ascii_case(primary));
    // Detection says which Norwegian it is, and most that is called `no` is Bokmål.
    found.filter(|_| subtags_are_plausible).map(|code| if code == "no" { "nb" } else { code })
}

fn is_subtag(part: &str) -> bool {
    (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_give_the_code_of_their_language() {
        for (tag, code) in [("ko", "ko"), ("ko-KR", "ko"), ("en_US", "en"), ("ZH-Hant-TW", "zh"), ("no", "nb")] {
            assert_eq!(primary_language(tag), Some(code));
        }
        for tag in ["", "js", "kor", "korean", "한국어", "ko-", "ko-한국", "en us", "e", "-en", "en-a_verylongsubtag"]
        {
            assert_eq!(primary_language(tag), None, "{tag}");
        }
    }

    #[test]
    fn every_code_is_there_once() {
        let codes: std::collections::BTreeSet<&str> = CODES.split_ascii_whitespace().collect();
        assert_eq!((codes.len(), CODES.split_ascii_whitespace().count()), (183, 183));
        assert!(codes.iter().all(|code| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_lowercase())));
    }
}
