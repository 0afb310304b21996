//! Extraction turns the bytes of one file into text with pages, headings and metadata.
//!
//! [`extract`] finds the format by content before name, hands the bytes to its reader, and checks what comes back against
//! the limits. One file here is one format; [`formats`] lists them.

pub(crate) mod clean;
mod code;
pub(crate) mod decode;
pub(crate) mod formats;
mod html;
mod markdown;
mod options;
mod pdf;
mod source;
mod text;

pub use options::{ExtractOptions, PdfBackend};

use crate::detect::detect;
use crate::{Document, ExtractError, Warning};
use formats::FORMATS;
use source::Source;

/// Reads the bytes of a file called `name`.
///
/// The name counts only where the content does not say what it is. The result's text is never empty.
///
/// # Errors
///
/// Each [`ExtractError`] says what stopped it; none depends on time or on anything but the arguments.
pub fn extract(name: &str, bytes: &[u8], options: &ExtractOptions) -> Result<Document, ExtractError> {
    let limits = &options.limits;
    check_size("document", bytes.len(), limits.bytes_max)?;
    let media_type = detect(name, bytes)?;
    let format = FORMATS.iter().find(|format| (format.reads)(media_type));
    let Some(format) = format else {
        return Err(ExtractError::Unsupported { format: media_type.as_mime().to_owned() });
    };
    let document = (format.extract)(&Source { bytes, media_type, options })?;
    check_size("text", document.text.len(), limits.text_bytes_max)?;
    if document.text.trim().is_empty() {
        return Err(no_text(&document, bytes.len()));
    }
    Ok(document)
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
