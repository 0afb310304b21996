//! PDF becomes text page by page: a library draws the page, and what it draws is put into lines here.

mod bomb;
mod hayro;
mod layout;
mod outline;
#[cfg(feature = "pdf-extract")]
mod pdf_extract;

use std::collections::BTreeMap;

use super::clean::clean;
use super::options::PdfBackend;
use super::source::Source;
use crate::{Document, ExtractError, Limits, Page, Span, Warning};
use outline::OutlineEntry;

/// A library that reads the text of PDF pages.
///
/// An implementation never panics: a page that the library cannot read comes back with the reason.
trait PdfText {
    /// The pages in order, and what the document says of itself.
    fn pages(&self, bytes: &[u8], limits: &Limits) -> Result<PdfContent, ExtractError>;
}

/// What a backend finds in a file.
#[derive(Debug, Default)]
struct PdfContent {
    pages: Vec<PageText>,
    metadata: BTreeMap<String, String>,
    outline: Vec<OutlineEntry>,
}

/// What a backend finds on a page.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct PageText {
    text: String,
    /// Whether anything was drawn that could hold words: an image, or a path.
    draws: bool,
    /// Why the page could not be read to its end.
    lost: Option<String>,
}

/// Between pages. A form feed would be shorter, but fonts exist whose ligatures come out as one.
const PAGE_SEPARATOR: &str = "\n\n";

/// A page below this many visible characters that draws something is taken for a scan.
const SCANNED_CHARACTERS_MAX: usize = 20;

/// Reads a PDF.
pub(crate) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    let limits = &source.options.limits;
    bomb::check(source.bytes, limits)?;
    let content = backend(source.options.pdf_backend)?.pages(source.bytes, limits)?;
    if content.pages.is_empty() {
        return Err(damaged("no page can be found"));
    }
    if let Some(reason) = content.pages.iter().map(|page| page.lost.as_ref()).collect::<Option<Vec<_>>>() {
        return Err(damaged(reason.first().map_or("no page can be read", |reason| reason)));
    }
    Ok(assembled(source, content))
}

fn damaged(reason: &str) -> ExtractError {
    ExtractError::Damaged { format: "pdf".into(), reason: reason.to_owned() }
}

fn encrypted() -> ExtractError {
    ExtractError::Encrypted { format: "pdf".into() }
}

fn backend(choice: PdfBackend) -> Result<Box<dyn PdfText>, ExtractError> {
    match choice {
        PdfBackend::Hayro => Ok(Box::new(hayro::Hayro)),
        #[cfg(feature = "pdf-extract")]
        PdfBackend::PdfExtract => Ok(Box::new(pdf_extract::PdfExtract)),
        #[cfg(not(feature = "pdf-extract"))]
        PdfBackend::PdfExtract => {
            Err(ExtractError::Unsupported { format: "pdf (built without the feature pdf-extract)".into() })
        }
    }
}

/// Joins the pages to one text.
fn assembled(source: &Source<'_>, content: PdfContent) -> Document {
    let mut text = String::new();
    let mut pages = Vec::with_capacity(content.pages.len());
    let mut warnings = Vec::new();
    for (number, page) in (1u32..).zip(content.pages) {
        let needs_ocr = needs_ocr(&page);
        let words = clean(page.text, &mut Vec::new());
        let words = words.trim_matches('\n');
        if !words.trim().is_empty() {
            if !text.is_empty() {
                text.push_str(PAGE_SEPARATOR);
            }
            text.push_str(words);
        }
        let len = if words.trim().is_empty() { 0 } else { words.len() };
        pages.push(Page { number, span: Span::new(text.len() - len, text.len()), needs_ocr, unmapped: 0, images: 0 });
        warnings.extend(page.lost.map(|reason| Warning::LostPage { page: number, reason }));
    }
    let mut in_need = pages.iter().filter(|page| page.needs_ocr);
    if let Some(first) = in_need.next() {
        warnings.push(Warning::NeedsOcr { pages: 1 + in_need.count(), first: first.number });
    }
    let mut document = Document::of_text(source.media_type, text, warnings);
    document.headings = outline::headings(&content.outline, &pages, &document.text);
    document.pages = pages;
    document.title = content.metadata.get("title").and_then(|title| meant_title(title));
    document.metadata = content.metadata;
    document
}

/// The title, unless a program wrote it because it had none.
fn meant_title(title: &str) -> Option<String> {
    let title =
        title.strip_prefix("Microsoft Word - ").or(title.strip_prefix("Microsoft PowerPoint - ")).unwrap_or(title);
    let placeholders = ["untitled", "(anonymous)", "anonymous", "제목 없음", "무제"];
    let bare = title.trim().to_lowercase();
    (!bare.is_empty() && !placeholders.contains(&bare.as_str())).then(|| title.trim().to_owned())
}

/// Whether recognition would find more on the page than its text layer holds.
fn needs_ocr(page: &PageText) -> bool {
    let visible = page.text.chars().filter(|c| !c.is_whitespace()).count();
    let unmapped = page.text.chars().filter(|c| is_unmapped(*c)).count();
    (page.draws && visible < SCANNED_CHARACTERS_MAX) || unmapped * 10 > visible
}

/// Whether a font did not say which character it draws.
fn is_unmapped(c: char) -> bool {
    matches!(c, char::REPLACEMENT_CHARACTER | '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_is_no_title() {
        assert_eq!(meant_title("Untitled"), None);
        assert_eq!(meant_title("Microsoft Word - 규정.hwp").as_deref(), Some("규정.hwp"));
    }

    #[test]
    fn a_scan_and_an_unmapped_font_need_ocr() {
        let page = |text: &str, draws| PageText { text: text.into(), draws, lost: None };
        assert!(needs_ocr(&page("p. 3", true)));
        assert!(needs_ocr(&page("\u{FFFD}\u{FFFD}\u{E001} some words after them", false)));
        assert!(!needs_ocr(&page("Chapter 1", false)));
        assert!(!needs_ocr(&page("", false)));
        assert!(!needs_ocr(&page("a page of ordinary words with a figure", true)));
    }
}
