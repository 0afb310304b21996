//! A web page becomes Markdown text: its headings, lists, tables and links stay, its scripts and styles go.

mod head;
mod tags;

use std::borrow::Cow;

use html_to_markdown_rs::{
    CodeBlockStyle, ConversionOptions, HeadingStyle, HiddenContent, InlineDataMedia, PreprocessingOptions,
    PreprocessingPreset, WarningKind, convert,
};

use tags::{Tag, closed_part, tags};

use super::clean::clean;
use super::decode::decode;
use super::markdown::{first_title, headings};
use super::source::Source;
use crate::{Document, ExtractError, Limits, Span, Warning};

pub(super) use head::{declared_encoding, title};

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
    let part = if source.options.html_article { article(&page) } else { None };
    let text = markdown_of(part.unwrap_or(&page), limits, &mut warnings)?;
    let mut document = Document::of_text(source.media_type, text, warnings);
    document.headings = headings(document.body, &document.text);
    document.metadata = head::metadata(&page);
    document.title = title(&page).or_else(|| first_title(&document.headings));
    Ok(document)
}

/// Turns a page, which is cleaned already, into cleaned Markdown.
pub(super) fn markdown_of(page: &str, limits: &Limits, warnings: &mut Vec<Warning>) -> Result<String, ExtractError> {
    let converted =
        convert(&without_inline_targets(closed_part(page)), Some(conversion_options(limits.html_depth_max))).map_err(
            |error| ExtractError::Damaged { format: "html".into(), reason: error.to_string().to_lowercase() },
        )?;
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
        // Pictures and films written into the page would fill chunks with what nobody reads.
        inline_data_media: InlineDataMedia::AltTextOnly,
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

/// How many elements say that they are not shown. An estimate for the warning; the converter decides what is dropped.
fn hidden_elements(page: &str) -> usize {
    tags(page).filter(|tag| !tag.closes && is_hidden(tag)).count()
}

fn is_hidden(tag: &Tag<'_>) -> bool {
    if tag.attributes.is_empty() || tag.is("input") {
        return false;
    }
    tag.attribute("hidden").is_some() || tag.attribute("style").is_some_and(hides)
}

/// Whether a style keeps what it is for from being seen.
fn hides(style: &str) -> bool {
    let squeezed: String =
        style.chars().filter(|c| !c.is_whitespace()).take(4_096).collect::<String>().to_ascii_lowercase();
    squeezed.split(';').any(|rule| {
        let rule = rule.strip_suffix("!important").unwrap_or(rule);
        matches!(rule, "display:none" | "visibility:hidden" | "font-size:0" | "font-size:0px")
    })
}

/// The page without what a link should not hold: data and scripts in place of an address.
fn without_inline_targets(page: &str) -> Cow<'_, str> {
    let mut kept = String::new();
    let mut copied = 0;
    for tag in tags(page).filter(|tag| tag.is("a") && !tag.closes) {
        let inline = |target: &&str| {
            let scheme = target.trim_start().split(':').next().unwrap_or_default();
            ["data", "javascript"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
        };
        if tag.attribute("href").filter(inline).is_some() {
            kept.push_str(&page[copied..tag.start]);
            kept.push_str("<a>");
            copied = tag.end;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(page);
    }
    kept.push_str(&page[copied..]);
    Cow::Owned(kept)
}

/// The page's one `main` or `article` element, when most of the text stands in it.
fn article(page: &str) -> Option<&str> {
    ["main", "article"].iter().find_map(|name| {
        let mut depth = 0usize;
        let mut open: Option<usize> = None;
        let mut found: Option<Span> = None;
        let said = |from: usize, to: usize| page[from..to].bytes().filter(|byte| !byte.is_ascii_whitespace()).count();
        let (mut all, mut inside, mut last) = (0, 0, 0);
        for tag in tags(page) {
            let words = said(last, tag.start);
            (all, inside, last) = (all + words, inside + if depth > 0 { words } else { 0 }, tag.end);
            match (tag.is(name), tag.closes) {
                (true, false) => {
                    if depth == 0 && (open.is_some() || found.is_some()) {
                        return None;
                    }
                    open = open.or(Some(tag.start));
                    depth += 1;
                }
                (true, true) if depth > 0 => {
                    depth -= 1;
                    found = if depth == 0 { open.take().map(|start| Span::new(start, tag.end)) } else { found };
                }
                _ => {}
            }
        }
        all += said(last, page.len());
        found.filter(|_| 2 * inside > all).map(|span| span.slice(page))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_elements_are_counted() {
        let page = "<p style='display: none'>a</p><div hidden>b</div><input type=hidden><p>c</p>";
        assert_eq!(hidden_elements(page), 2);
    }

    #[test]
    fn links_to_data_and_scripts_lose_their_targets() {
        let page = "<p><a href=' DATA:text/html;base64,QUJD'>one</a> <a href=javascript:x()>two</a> <a href=/three>three</a> \
                    <img src='data:image/png;base64,AAAA' alt=four></p><pre>&lt;a href=\"data:x\"></pre>";
        let text = markdown_of(page, &Limits::default(), &mut Vec::new()).unwrap();
        assert!(text.starts_with("one two [three](/three) four"), "{text}");
        assert!(text.contains("href=\"data:x\""), "{text}");
    }

    #[test]
    fn an_article_is_the_one_element_that_holds_most_of_the_text() {
        let page = "<nav>Home</nav><main><p>A long text of its own.</p><main>In it</main></main><footer>F</footer>";
        assert_eq!(article(page), Some("<main><p>A long text of its own.</p><main>In it</main></main>"));
        assert_eq!(article("<article>one</article><article>two</article>"), None);
        assert_eq!(article("<article>one</article> much more around it"), None);
        assert_eq!(article("<article>never closed"), None);
    }
}
