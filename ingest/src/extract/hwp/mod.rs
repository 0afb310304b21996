//! Documents of the Hangul word processor, in its old and its open format.

mod binary;
mod hwpx;
mod section;

use unhwp::{Error, ParseOptions};

use super::office::{damaged, guarded, name};
use super::source::Source;
use crate::{Document, ExtractError, MediaType};

/// Reads a document.
pub(crate) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    match source.media_type {
        MediaType::Hwpx => hwpx::extract(source),
        _ => binary::extract(source),
    }
}

/// Lets the library read the document, without looking at pictures and on one thread: other documents have the others.
fn read(source: &Source<'_>, options: ParseOptions) -> Result<unhwp::model::Document, ExtractError> {
    let media_type = source.media_type;
    let options = options.lenient().without_resources().sequential();
    guarded(media_type, || {
        unhwp::parse_bytes_with_options(source.bytes, &options).map_err(|error| match error {
            Error::Encrypted | Error::DistributionRestricted => encrypted(media_type),
            _ => damaged(media_type, &error.to_string()),
        })
    })
}

fn encrypted(media_type: MediaType) -> ExtractError {
    ExtractError::Encrypted { format: name(media_type).to_owned() }
}
