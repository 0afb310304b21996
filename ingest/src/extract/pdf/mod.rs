//! PDF becomes text page by page: a library draws the page, and what it draws is put into lines here.

mod bomb;
mod collector;
mod hayro;
mod layout;
mod outline;
#[cfg(feature = "pdf-extract")]
mod pdf_extract;
mod picture;

use std::collections::BTreeMap;

pub use picture::{PagePicture, page_pictures};

use super::clean::clean;
use super::options::{ExtractOptions, PdfBackend};
use super::source::Source;
use crate::{Block, ChunkKind, Document, ExtractError, LineBox, Page, Span, Warning};
use layout::Laid;
use outline::OutlineEntry;

/// A library that reads the text of PDF pages.
///
/// An implementation never panics: a page that the library cannot read comes back with the reason.
trait PdfText {
    /// The pages in order, and what the document says of itself.
    fn pages(&self, source: &Source<'_>) -> Result<PdfContent, ExtractError>;
}

/// What a backend finds in a file.
#[derive(Debug, Default)]
struct PdfContent {
    pages: Vec<PageText>,
    metadata: BTreeMap<String, String>,
    outline: Vec<OutlineEntry>,
}

/// What a backend finds on a page.
#[derive(Debug, Default, Clone, PartialEq)]
struct PageText {
    laid: Laid,
    /// Pictures.
    images: u32,
    /// The part of the page that they cover, at most 1 where they do not overlap.
    images_share: f64,
    /// Drawn shapes that are no lines: letters that were turned into outlines are among them.
    shapes: usize,
    /// Why the page could not be read to its end. What was read before is kept.
    lost: Option<String>,
    /// Whether the page ended the process before, and was left out.
    quarantined: bool,
}

impl PageText {
    /// Reads a page, unless it ended the process before.
    fn guarded(source: &Source<'_>, number: u32, read: impl FnOnce() -> Self) -> Self {
        if !source.begins(&page_part(number)) {
            return Self { quarantined: true, ..Self::default() };
        }
        let page = read();
        source.ends();
        page
    }
}

fn page_part(number: u32) -> String {
    format!("page {number}")
}

/// The passwords to try, in order. Many files are encrypted with an empty one, only to carry permissions.
fn passwords(options: &ExtractOptions) -> impl Iterator<Item = &str> {
    std::iter::once("").chain(options.passwords.iter().map(String::as_str))
}

/// Between pages. A form feed would be shorter, but fonts exist whose ligatures come out as one.
const PAGE_SEPARATOR: &str = "\n\n";

/// A page below this many visible characters on which pictures or shapes stand is taken for a scan.
const SCANNED_CHARACTERS_MAX: usize = 20;

/// A page that is a picture in so large a part is a scan also when a stamp or a number was added in letters.
const SCAN_SHARE_MIN: f64 = 0.5;

/// Most visible characters of such a stamp.
const STAMP_CHARACTERS_MAX: usize = 100;

/// Pictures below this part of the page are ornaments.
const ORNAMENT_SHARE_MAX: f64 = 0.1;

/// Shapes beyond this many may be letters.
const SHAPES_MAX: usize = 50;

/// Reads a PDF.
pub(crate) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    bomb::check(source.bytes, &source.options.limits)?;
    let content = backend(source.options.pdf_backend)?.pages(source)?;
    if content.pages.is_empty() {
        return Err(damaged("no page can be found"));
    }
    let has_text = content.pages.iter().any(|page| !page.laid.text.is_empty());
    if !has_text && let Some(reason) = content.pages.iter().map(|page| page.lost.as_ref()).next().flatten() {
        return Err(damaged(reason));
    }
    if content.pages.iter().all(|page| page.quarantined) {
        return Err(ExtractError::Quarantined);
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
    let mut document = Document::of_text(source.media_type, String::new(), Vec::new());
    let mut columns_last = 0;
    for (number, page) in (1u32..).zip(content.pages) {
        columns_last = place_page(&mut document, columns_last, number, page);
    }
    let mut in_need = document.pages.iter().filter(|page| page.needs_ocr);
    if let Some(first) = in_need.next() {
        let pages = 1 + in_need.count();
        document.warnings.push(Warning::NeedsOcr { pages, first: first.number });
    }
    document.body = Span::new(0, document.text.len());
    document.headings = outline::headings(&content.outline, &document.pages, &document.text);
    document.title = content.metadata.get("title").and_then(|title| meant_title(title));
    document.metadata = content.metadata;
    document.metadata.retain(|_, value| !is_placeholder(value));
    document
}

/// Whether a program wrote the value because it had none.
fn is_placeholder(value: &str) -> bool {
    let placeholders = ["untitled", "anonymous", "unspecified", "제목 없음", "무제"];
    let bare = value.trim().trim_start_matches('(').trim_end_matches(')').to_lowercase();
    bare.is_empty() || placeholders.contains(&bare.as_str())
}

/// Puts a page behind those before it. The columns of the table that ends the text before are given and come back.
fn place_page(document: &mut Document, columns_before: usize, number: u32, page: PageText) -> usize {
    let needs_ocr = needs_ocr(&page);
    let PageText { laid, images, lost, quarantined, .. } = page;
    let end_before = document.text.len();
    if !laid.text.is_empty() && end_before > 0 {
        document.text.push_str(PAGE_SEPARATOR);
    }
    let start = document.text.len();
    document.text.push_str(&laid.text);
    let moved = |span: Span| Span::new(span.start + start, span.end + start);
    document.boxes.extend(laid.boxes.iter().map(|(span, rect)| LineBox {
        span: moved(*span),
        page: number,
        rect: *rect,
    }));
    for table in &laid.tables {
        let block = Block { span: moved(table.span), kind: ChunkKind::Table, header: table.header.map(moved) };
        let before = document.blocks.last_mut().filter(|before| before.span.end == end_before);
        match before.filter(|_| table.span.start == 0 && table.columns == columns_before) {
            Some(before) if goes_on(before, &block, &document.text) => before.span.end = block.span.end,
            _ => document.blocks.push(block),
        }
    }
    let unmapped = laid.text.chars().filter(|c| is_unmapped(*c)).count() as u32;
    let span = Span::new(start, document.text.len());
    document.pages.push(Page { number, span, needs_ocr, unmapped, images });
    document.warnings.extend(lost.map(|reason| Warning::LostPage { page: number, reason }));
    if quarantined {
        document.warnings.push(Warning::Quarantined { part: page_part(number) });
    }
    let ends_in_table = |table: &&layout::LaidTable| table.span.end == laid.text.len();
    match laid.text.is_empty() {
        true => columns_before,
        false => laid.tables.last().filter(ends_in_table).map_or(0, |table| table.columns),
    }
}

/// Whether a table at the head of a page is the rest of the one before: then it does not repeat the header.
fn goes_on(before: &Block, block: &Block, text: &str) -> bool {
    let row = |header: Option<Span>| header.map(|header| header.slice(text));
    before.header.is_some() && row(before.header) != row(block.header)
}

/// The title, unless a program wrote it because it had none.
fn meant_title(title: &str) -> Option<String> {
    let title =
        title.strip_prefix("Microsoft Word - ").or(title.strip_prefix("Microsoft PowerPoint - ")).unwrap_or(title);
    (!is_placeholder(title)).then(|| title.trim().to_owned())
}

/// Whether recognition would find more on the page than its text layer holds.
fn needs_ocr(page: &PageText) -> bool {
    let visible = page.laid.text.chars().filter(|c| !c.is_whitespace()).count();
    let unmapped = page.laid.text.chars().filter(|c| is_unmapped(*c)).count();
    let is_scan = page.images_share > SCAN_SHARE_MIN && visible < STAMP_CHARACTERS_MAX;
    let is_drawn = page.images_share > ORNAMENT_SHARE_MAX || page.shapes > SHAPES_MAX;
    let is_blank = visible == 0 && (page.images > 0 || page.shapes > 0);
    is_scan || is_blank || (is_drawn && visible < SCANNED_CHARACTERS_MAX) || unmapped * 10 > visible
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
        let page = |text: &str, images_share| PageText {
            laid: Laid { text: text.into(), ..Laid::default() },
            images: u32::from(images_share > 0.0),
            images_share,
            ..PageText::default()
        };
        assert!(needs_ocr(&page("p. 3", 0.9)));
        assert!(needs_ocr(&page("scanned with a telephone, page 3", 0.9)));
        assert!(needs_ocr(&page("\u{FFFD}\u{FFFD}\u{E001} some words after them", 0.0)));
        assert!(!needs_ocr(&page("Chapter 1", 0.0)));
        assert!(!needs_ocr(&page("Part 2", 0.02)));
        assert!(!needs_ocr(&page("", 0.0)));
        assert!(!needs_ocr(&page("a page of ordinary words with a figure", 0.3)));
    }
}
