//! Plain text is decoded and cleaned, and otherwise left alone.

use super::clean::clean;
use super::decode::decode;
use super::source::Source;
use crate::{Document, ExtractError};

/// Reads plain text, and source code of any language.
pub(crate) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    let mut decoded = decode(source.bytes, None)?;
    let text = clean(decoded.text, &mut decoded.warnings);
    Ok(Document::of_text(source.media_type, text, decoded.warnings))
}
