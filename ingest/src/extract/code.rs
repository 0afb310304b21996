//! Source code is text that is kept as it is: its line ends and indentation are its structure.

use super::source::Source;
use super::text;
use crate::{Document, ExtractError};

/// Reads source code and data files in text formats.
pub(crate) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    text::extract(source)
}
