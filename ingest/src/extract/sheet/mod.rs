//! Spreadsheets are read row by row: a line for each row, a block for each table, and the cells as places.

mod rows;
mod xls;
mod xlsx;

pub(super) use rows::{Row, Sheet, note};

use super::assembly::Assembly;
use super::office::{damaged, describe, guarded};
use super::source::Source;
use super::{odf, zip_guard};
use crate::{Document, ExtractError, MediaType, Warning};

/// What a reader found in a workbook.
#[derive(Default)]
pub(super) struct Workbook {
    pub(super) sheets: Vec<Sheet>,
    /// What it says of itself.
    pub(super) metadata: Vec<(&'static str, Option<String>)>,
    pub(super) warnings: Vec<Warning>,
}

/// Reads a spreadsheet.
pub(crate) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    let media_type = source.media_type;
    if media_type == MediaType::Xlsx {
        zip_guard::check(source.bytes, "xlsx", &source.options.limits)?;
    }
    let read = match media_type {
        MediaType::Ods => odf::read_workbook(source),
        MediaType::Xls => guarded(media_type, || xls::read(source)),
        _ => guarded(media_type, || xlsx::read(source)),
    };
    match read {
        Ok(workbook) => Ok(written(source, workbook)),
        Err(error @ (ExtractError::Encrypted { .. } | ExtractError::TooLarge { .. })) => Err(error),
        Err(error) if media_type == MediaType::Ods => Err(error),
        Err(error) => by_undoc(source).map_err(|_| error),
    }
}

fn written(source: &Source<'_>, workbook: Workbook) -> Document {
    let mut assembly = Assembly::default();
    assembly.warnings = workbook.warnings;
    // Each sheet is gone when it is written.
    for sheet in workbook.sheets {
        rows::write(&mut assembly, &sheet, source.options.limits.columns_max);
    }
    let mut document = assembly.finish(source.media_type);
    describe(&mut document, workbook.metadata.iter().map(|(key, value)| (*key, value.as_deref())));
    // The name of its first sheet is no title of a workbook.
    document.title = document.metadata.get("title").cloned();
    document
}

/// Reads with the second library, which does not say where its rows stand.
fn by_undoc(source: &Source<'_>) -> Result<Document, ExtractError> {
    let media_type = source.media_type;
    guarded(media_type, || {
        let read = undoc::parse_bytes(source.bytes).map_err(|error| damaged(media_type, &error.to_string()))?;
        let mut assembly = Assembly::default();
        for section in &read.sections {
            assembly.heading(1, section.name.as_deref().unwrap_or_default(), false);
            for block in &section.content {
                let undoc::Block::Table(table) = block else { continue };
                for row in &table.rows {
                    let cells = row.cells.iter().map(|cell| super::flow::one_line(&cell.plain_text()));
                    assembly.line(&cells.collect::<Vec<_>>().join(rows::BETWEEN_CELLS));
                }
            }
        }
        Ok(assembly.finish(media_type))
    })
}
