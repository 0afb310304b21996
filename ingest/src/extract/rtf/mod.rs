//! Rich Text Format is read by a small reader of our own, because no library in the tree reads it.

mod charset;
mod destination;
mod paragraph;
mod reader;
mod token;

use super::assembly::Assembly;
use super::office::describe;
use super::source::Source;
use crate::{Document, ExtractError};

/// Reads a document in Rich Text Format.
pub(super) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    let read = reader::read(source.bytes, &source.options.limits);
    let mut assembly = Assembly::default();
    assembly.part(&read.headers.join("\n"));
    assembly.part(&read.text);
    assembly.part(&read.footers.join("\n"));
    assembly.warnings.extend(read.warnings);
    let mut document = assembly.finish(source.media_type);
    describe(&mut document, read.metadata.iter().map(|(key, value)| (*key, Some(value.as_str()))));
    Ok(document)
}
