//! A page's head says its encoding, title and language, and who wrote it.

use std::collections::BTreeMap;

use encoding_rs::Encoding;

use super::tags::tags;

/// Where browsers look for the encoding that a page declares.
const CHARSET_WITHIN_BYTES: usize = 1 << 10;

/// Longer values are no metadata.
const VALUE_BYTES_MAX: usize = 2_000;

/// Names that pages have for what we call by one name. The first that a page uses counts.
const ENTRIES: [(&str, &str); 9] = [
    ("description", "description"),
    ("og:description", "description"),
    ("author", "author"),
    ("article:author", "author"),
    ("keywords", "keywords"),
    ("date", "date"),
    ("dc.date", "date"),
    ("dcterms.date", "date"),
    ("article:published_time", "date"),
];

/// The language and the metadata that the page declares before its body.
pub(super) fn metadata(page: &str) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut keep = |key: &str, rank: usize, value: &str| {
        let words = unescaped(&value.split_whitespace().collect::<Vec<_>>().join(" "));
        let better = found.get(key).is_none_or(|(known, _)| rank < *known);
        if better && !words.is_empty() && words.len() <= VALUE_BYTES_MAX {
            found.insert(key.to_owned(), (rank, words));
        }
    };
    for tag in tags(page).take_while(|tag| !tag.is("body")).filter(|tag| !tag.closes) {
        if tag.is("html") {
            keep("language", 0, tag.attribute("lang").or_else(|| tag.attribute("xml:lang")).unwrap_or_default());
        }
        if !tag.is("meta") {
            continue;
        }
        let name = tag.attribute("name").or_else(|| tag.attribute("property")).unwrap_or_default();
        let entry = ENTRIES.iter().enumerate().find(|(_, (known, _))| known.eq_ignore_ascii_case(name));
        if let (Some((rank, (_, key))), Some(content)) = (entry, tag.attribute("content")) {
            keep(key, rank, content);
        }
    }
    found.into_iter().map(|(key, (_, words))| (key, words)).collect()
}

/// The encoding that the page declares in a `meta` element.
pub(in crate::extract) fn declared_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes[..bytes.len().min(CHARSET_WITHIN_BYTES)].to_ascii_lowercase();
    let needle = b"charset=";
    let at = head.windows(needle.len()).position(|window| window == needle)? + needle.len();
    let label = head[at..]
        .split(|byte| matches!(byte, b'"' | b'\'' | b' ' | b';' | b'/' | b'>'))
        .find(|part| !part.is_empty())?;
    Encoding::for_label(label)
}

/// The words of the first `title` element.
pub(in crate::extract) fn title(page: &str) -> Option<String> {
    let (start, _) = find_tag(page, "<title", 0)?;
    let open = start + page[start..].find('>')? + 1;
    let close = find_tag(page, "</title", open).map_or(page.len(), |(at, _)| at);
    // A page that never closes its title would make the whole page one.
    let words = page.get(open..close)?.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = unescaped(&words);
    (!words.is_empty() && words.len() <= 1_000).then_some(words)
}

fn find_tag(page: &str, tag: &str, from: usize) -> Option<(usize, usize)> {
    let bytes = page.as_bytes().get(from..)?;
    let at = bytes.windows(tag.len()).position(|window| window.eq_ignore_ascii_case(tag.as_bytes()))?;
    Some((from + at, from + at + tag.len()))
}

/// Resolves the character references that titles hold in practice.
fn unescaped(words: &str) -> String {
    if !words.contains('&') {
        return words.to_owned();
    }
    let mut out = String::with_capacity(words.len());
    let mut rest = words;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let reference = after.split_once(';').filter(|(name, _)| name.len() <= 10);
        match reference.and_then(|(name, tail)| Some((character(name)?, tail))) {
            Some((c, tail)) => {
                out.push(c);
                rest = tail;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn character(name: &str) -> Option<char> {
    let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        "mdash" => Some('—'),
        "ndash" => Some('–'),
        "middot" => Some('·'),
        "raquo" => Some('»'),
        "laquo" => Some('«'),
        "copy" => Some('©'),
        "hellip" => Some('…'),
        _ => match name.strip_prefix('#')? {
            digits if digits.starts_with(['x', 'X']) => number(&digits[1..], 16),
            digits => number(digits, 10),
        },
    }
    .filter(|c| !c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_is_read_with_its_character_references() {
        let page = "<html><head><TITLE lang=ko>\n 한강 &amp; 서울 &#8212; 안내 &x </TITLE></head>";
        assert_eq!(title(page).as_deref(), Some("한강 & 서울 — 안내 &x"));
        assert_eq!(title("<p>no title"), None);
    }

    #[test]
    fn a_declared_encoding_is_found_in_both_spellings() {
        let old = b"<meta http-equiv=Content-Type content=\"text/html; charset=euc-kr\">";
        assert_eq!(declared_encoding(old).map(Encoding::name), Some("EUC-KR"));
        assert_eq!(declared_encoding(b"<meta charset='Shift_JIS'>").map(Encoding::name), Some("Shift_JIS"));
        assert_eq!(declared_encoding(b"<p>"), None);
    }

    #[test]
    fn language_and_metadata_come_from_the_head() {
        let page = "<html lang='ko-KR'><meta property=og:description content=other><meta name=Description content='물 &amp; 불'>\
                    <meta content=Kim name=author><meta property='article:published_time' content='2026-01-02'><meta name=viewport content=x>\
                    <body><meta name=keywords content=late>";
        let found: Vec<_> = metadata(page).into_iter().collect();
        let expected = [("author", "Kim"), ("date", "2026-01-02"), ("description", "물 & 불"), ("language", "ko-KR")];
        assert_eq!(found, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
}
