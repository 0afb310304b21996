//! A web page becomes Markdown text: its headings, lists, tables and links stay, its scripts and styles go.

use encoding_rs::Encoding;
use html_to_markdown_rs::{
    CodeBlockStyle, ConversionOptions, HeadingStyle, HiddenContent, PreprocessingOptions, PreprocessingPreset,
    WarningKind, convert,
};

use super::clean::clean;
use super::decode::decode;
use super::markdown::{first_title, headings};
use super::source::Source;
use crate::{Document, ExtractError, Limits, Warning};

/// Where browsers look for the encoding that a page declares.
const CHARSET_WITHIN_BYTES: usize = 1 << 10;

/// Reads a web page.
pub(crate) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    let limits = &source.options.limits;
    let (value, limit) = (source.bytes.len() as u64, limits.html_bytes_max as u64);
    if value > limit {
        return Err(ExtractError::TooLarge { what: "html".into(), value, limit });
    }
    let mut decoded = decode(source.bytes, declared_encoding(source.bytes))?;
    // Cleaning comes first, so that control characters cannot hide a tag from the converter.
    let page = clean(decoded.text, &mut decoded.warnings);
    let mut warnings = decoded.warnings;
    let text = markdown_of(&page, limits, &mut warnings)?;
    let mut document = Document::of_text(source.media_type, text, warnings);
    document.headings = headings(document.body, &document.text);
    document.title = title(&page).or_else(|| first_title(&document.headings));
    Ok(document)
}

/// Turns a page, which is cleaned already, into cleaned Markdown.
pub(super) fn markdown_of(page: &str, limits: &Limits, warnings: &mut Vec<Warning>) -> Result<String, ExtractError> {
    let converted = convert(page, Some(conversion_options(limits.html_depth_max)))
        .map_err(|error| ExtractError::Damaged { format: "html".into(), reason: error.to_string().to_lowercase() })?;
    for warning in converted.warnings {
        let said = match warning.kind {
            WarningKind::DepthLimitExceeded => Warning::NestingCut { depth_max: limits.html_depth_max },
            _ => Warning::Converter { message: warning.message },
        };
        if !warnings.contains(&said) {
            warnings.push(said);
        }
    }
    let elements = hidden_elements(page);
    if elements > 0 {
        warnings.push(Warning::HiddenText { elements });
    }
    // Character references may bring in what cleaning removed from the source.
    Ok(clean(converted.content.unwrap_or_default(), warnings))
}

fn conversion_options(depth_max: usize) -> ConversionOptions {
    ConversionOptions {
        heading_style: HeadingStyle::Atx,
        code_block_style: CodeBlockStyle::Backticks,
        compact_tables: true,
        autolinks: false,
        // It would be written into the text as front matter.
        extract_metadata: false,
        // What a browser does not show is where instructions to machines are hidden.
        hidden_content: HiddenContent::Drop,
        max_depth: Some(depth_max),
        preprocessing: PreprocessingOptions {
            enabled: true,
            preset: PreprocessingPreset::Minimal,
            // A wrong guess about what is boilerplate loses text that nothing brings back.
            remove_navigation: false,
            remove_forms: false,
        },
        ..ConversionOptions::default()
    }
}

/// The encoding that the page declares in a `meta` element.
pub(super) fn declared_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes[..bytes.len().min(CHARSET_WITHIN_BYTES)].to_ascii_lowercase();
    let needle = b"charset=";
    let at = head.windows(needle.len()).position(|window| window == needle)? + needle.len();
    let label = head[at..]
        .split(|byte| matches!(byte, b'"' | b'\'' | b' ' | b';' | b'/' | b'>'))
        .find(|part| !part.is_empty())?;
    Encoding::for_label(label)
}

/// The words of the first `title` element.
pub(super) fn title(page: &str) -> Option<String> {
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

/// How many elements say that they are not shown. An estimate for the warning; the converter decides what is dropped.
fn hidden_elements(page: &str) -> usize {
    let lower = page.to_ascii_lowercase();
    let mut count = 0;
    for tag in lower.split('<').skip(1) {
        let Some((tag, _)) = tag.split_once('>') else { continue };
        let squeezed: String = tag.chars().filter(|c| !c.is_whitespace()).take(4_096).collect();
        let styled = ["display:none", "visibility:hidden", "font-size:0;", "font-size:0'", "font-size:0\""];
        let attribute = tag.split_whitespace().skip(1).any(|word| word == "hidden" || word.starts_with("hidden="));
        count +=
            usize::from(attribute && !tag.starts_with("input") || styled.iter().any(|style| squeezed.contains(style)));
    }
    count
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
    fn hidden_elements_are_counted() {
        let page = "<p style='display: none'>a</p><div hidden>b</div><input type=hidden><p>c</p>";
        assert_eq!(hidden_elements(page), 2);
    }
}
