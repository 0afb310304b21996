//! Source code is text that is kept as it is, and its symbols are its headings.

mod grammar;
mod role;
mod symbols;
mod title;

use super::source::Source;
use super::text;
use crate::{Document, ExtractError, MediaType, Warning};

/// The part that an observer hears of while the syntax is read. Grammars are C; should one end the process, the file is read
/// without its symbols.
const PART: &str = "symbols";

/// Reads source code and data files in text formats.
pub(crate) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    let mut document = text::extract(source)?;
    let MediaType::Code(language) = source.media_type else { return Ok(document) };
    let Some(grammar) = grammar::of(language, source.name, &document.text) else { return Ok(document) };
    let found = if source.begins(PART) { symbols::headings(&document.text, &grammar) } else { None };
    match found {
        Some(headings) => document.headings = headings,
        None => document.warnings.push(Warning::NotRead { what: PART.to_owned(), count: 1 }),
    }
    Ok(document)
}
