//! Workbooks of Excel 97 to 2003.

use std::io::Cursor;

use office_oxide::OfficeError;
use office_oxide::xls::{CellValue, XlsDocument};
use office_oxide::xlsx::CellRef;

use super::rows::note;
use super::xlsx::shown;
use super::{Row, Sheet, Workbook};
use crate::ExtractError;
use crate::extract::office::refused;
use crate::extract::source::Source;

pub(super) fn read(source: &Source<'_>) -> Result<Workbook, ExtractError> {
    let book = XlsDocument::from_reader(Cursor::new(source.bytes))
        .map_err(|error| refused(source.media_type, &OfficeError::from(error)))?;
    let sheets = book.sheets.iter().map(sheet_of).collect();
    let said = book.summary_properties();
    let metadata = vec![
        ("title", said.and_then(|properties| properties.title.clone())),
        ("author", said.and_then(|properties| properties.author.clone())),
        ("subject", said.and_then(|properties| properties.subject.clone())),
        ("created", said.and_then(|properties| properties.created.clone())),
        ("modified", said.and_then(|properties| properties.modified.clone())),
    ];
    Ok(Workbook { sheets, metadata, warnings: Vec::new() })
}

fn sheet_of(sheet: &office_oxide::xls::Sheet) -> Sheet {
    let mut rows = Vec::new();
    for (index, values) in sheet.rows.iter().enumerate() {
        let mut cells = Vec::new();
        for (column, value) in values.iter().enumerate() {
            let Some(words) = sheet.display_text(index, column) else { continue };
            let words = match value {
                CellValue::Number(number) => shown(*number, words.into_owned()),
                _ => words.into_owned(),
            };
            if !words.trim().is_empty() {
                cells.push((u32::try_from(column + 1).unwrap_or(u32::MAX), words));
            }
        }
        if !cells.is_empty() {
            rows.push(Row { number: u32::try_from(index + 1).unwrap_or(u32::MAX), cells });
        }
    }
    let notes = sheet.comments.iter().map(|comment| {
        let column = CellRef::col_name(u32::from(comment.col));
        note(&format!("{column}{}", u32::from(comment.row) + 1), comment.author.as_deref(), &comment.text)
    });
    Sheet { name: sheet.name.clone(), rows, notes: notes.collect() }
}
