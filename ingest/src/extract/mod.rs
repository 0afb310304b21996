//! Extraction turns the bytes of one file into text with pages, headings and metadata.
//!
//! [`extract`] finds the format by content before name, hands the bytes to its reader, and checks what comes back against
//! the limits. One file here is one format; [`formats`] lists them.

mod archive;
mod assembly;
pub(crate) mod clean;
mod code;
pub(crate) mod decode;
mod entries;
mod epub;
mod flow;
pub(crate) mod formats;
mod html;
mod hwp;
mod json;
mod mail;
mod markdown;
mod markup;
mod notebook;
mod odf;
mod office;
mod options;
mod pdf;
mod rtf;
mod scrub;
mod sheet;
mod source;
mod subtitles;
mod table;
mod text;
mod xml;
mod zip_guard;

pub use entries::{MEDIA_EXTENSIONS, TakenPaths};
pub use options::{ExtractOptions, PdfBackend};
pub use pdf::{PagePicture, page_pictures};
pub use source::Observer;
pub use table::table_head;

use std::sync::Arc;

use crate::detect::detect;
use crate::{Document, ExtractError, Warning};
use formats::FORMATS;
use source::{Budget, Inside, Source};

/// Reads the bytes of a file called `name`.
///
/// The name counts only where the content does not say what it is. The result's text is never empty, unless there are
/// documents inside it.
///
/// # Errors
///
/// Each [`ExtractError`] says what stopped it; none depends on time or on anything but the arguments.
pub fn extract(name: &str, bytes: &[u8], options: &ExtractOptions) -> Result<Document, ExtractError> {
    extract_observed(name, bytes, options, &())
}

/// As [`extract`], and tells `observer` of every part before it is read.
///
/// # Errors
///
/// Those of [`extract`].
pub fn extract_observed(
    name: &str,
    bytes: &[u8],
    options: &ExtractOptions,
    observer: &dyn Observer,
) -> Result<Document, ExtractError> {
    let budget = Budget::new(&options.limits);
    read(name, (bytes, None), options, &Inside::outermost(observer, &budget))
}

/// As [`extract_observed`], of bytes that a reader may hold for as long as it works, which saves a copy of them.
///
/// # Errors
///
/// Those of [`extract`].
pub fn extract_shared(
    name: &str,
    bytes: &Arc<Vec<u8>>,
    options: &ExtractOptions,
    observer: &dyn Observer,
) -> Result<Document, ExtractError> {
    let budget = Budget::new(&options.limits);
    read(name, (bytes, Some(bytes)), options, &Inside::outermost(observer, &budget))
}

fn read(
    name: &str,
    (bytes, shared): (&[u8], Option<&Arc<Vec<u8>>>),
    options: &ExtractOptions,
    inside: &Inside<'_>,
) -> Result<Document, ExtractError> {
    let limits = &options.limits;
    check_size("document", bytes.len(), limits.bytes_max)?;
    let media_type = detect(name, bytes)?;
    let format = FORMATS.iter().find(|format| (format.reads)(media_type)).expect("a test says that each has a reader");
    let mut document = (format.extract)(&Source { name, bytes, media_type, options, inside, shared })?;
    scrub::scrub(&mut document);
    cut_marks(&mut document, inside, limits.marks_max);
    check_size("text", document.text.len(), limits.text_bytes_max)?;
    // What lies inside another document comes without its bytes, so nobody could recognise anything on it later.
    let is_scan = options.scans && inside.depth == 0 && document.pages.iter().any(|page| page.needs_ocr);
    if document.text.trim().is_empty() && inside.children.get() == 0 && !is_scan {
        return Err(no_text(&document, bytes.len()));
    }
    Ok(document)
}

/// Leaves out the places, boxes and the like beyond what all documents of one file may have together.
fn cut_marks(document: &mut Document, inside: &Inside<'_>, limit: usize) {
    let left = inside.budget.marks_left.get();
    let counts = [document.places.len(), document.boxes.len(), document.headings.len(), document.blocks.len()];
    let most = counts.into_iter().max().unwrap_or(0);
    if most > left {
        document.places.truncate(left);
        document.boxes.truncate(left);
        document.headings.truncate(left);
        document.blocks.truncate(left);
        let what = "places, boxes, headings or blocks".to_owned();
        document.warnings.push(Warning::MarksCut { what, count: most, limit });
    }
    inside.budget.marks_left.set(left.saturating_sub(most));
}

fn check_size(what: &str, value: usize, limit: usize) -> Result<(), ExtractError> {
    if value > limit {
        let (value, limit) = (value as u64, limit as u64);
        return Err(ExtractError::TooLarge { what: what.to_owned(), value, limit });
    }
    Ok(())
}

/// Says why there is no text: a scan, a page nested beyond reach, or nothing at all.
fn no_text(document: &Document, bytes: usize) -> ExtractError {
    if document.pages.iter().any(|page| page.needs_ocr) {
        return ExtractError::NoText { pages: document.pages.len() };
    }
    let cut = document.warnings.iter().find(|warning| matches!(warning, Warning::NestingCut { .. }));
    match cut {
        Some(warning) => {
            ExtractError::Damaged { format: document.media_type.as_mime().to_owned(), reason: warning.to_string() }
        }
        None => ExtractError::Empty { bytes },
    }
}
