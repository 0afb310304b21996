//! A notebook is read cell by cell.

use super::source::Source;
use crate::{Document, ExtractError};

pub(crate) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    Err(ExtractError::Unsupported { format: source.media_type.as_mime().to_owned() })
}
