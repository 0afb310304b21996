//! The first library for office documents, and what its errors mean here.

use std::io::Cursor;

use office_oxide::ir::DocumentIR;
use office_oxide::options::ParseOptions;
use office_oxide::{DocumentFormat, OfficeError};

use super::{damaged, guarded, name};
use crate::extract::source::Source;
use crate::{ExtractError, Limits, MediaType};

/// Reads a document into the library's own form.
pub(super) fn read(source: &Source<'_>) -> Result<DocumentIR, ExtractError> {
    let media_type = source.media_type;
    let format = match media_type {
        MediaType::Docx => DocumentFormat::Docx,
        MediaType::Pptx => DocumentFormat::Pptx,
        MediaType::Doc => DocumentFormat::Doc,
        _ => DocumentFormat::Ppt,
    };
    guarded(media_type, || {
        let bytes = Cursor::new(source.bytes.to_vec());
        let read = office_oxide::Document::from_reader_with(bytes, format, &options(&source.options.limits));
        Ok(read.map_err(|error| refused(media_type, &error))?.to_ir())
    })
}

/// Says what an error of the library means.
pub(in crate::extract) fn refused(media_type: MediaType, error: &OfficeError) -> ExtractError {
    let said = error.to_string().to_lowercase();
    match ["encrypt", "password"].iter().any(|word| said.contains(word)) {
        true => ExtractError::Encrypted { format: name(media_type).to_owned() },
        false => damaged(media_type, &said),
    }
}

fn options(limits: &Limits) -> ParseOptions {
    let mut options = ParseOptions::default();
    options.limits.package_entries = limits.entries_max;
    options.limits.package_bytes = limits.inflated_bytes_max;
    options.limits.inflate_ratio = limits.inflate_ratio_max;
    options.limits.text_chars = limits.text_bytes_max;
    // Documents inside are read as children, each with its own place.
    options.limits.embedded_depth = 0;
    options
}
