//! Workbooks of Excel since 2007: cells as their number formats show them, dates in ISO order.

use std::collections::HashSet;
use std::io::Cursor;

use office_oxide::OfficeError;
use office_oxide::xlsx::{Cell, CellValue, SheetState, Worksheet, XlsxDocument};

use super::rows::note;
use super::{Row, Sheet, Workbook};
use crate::extract::office::refused;
use crate::extract::source::Source;
use crate::{ExtractError, Warning};

pub(super) fn read(source: &Source<'_>) -> Result<Workbook, ExtractError> {
    let mut book = XlsxDocument::from_reader(Cursor::new(source.bytes))
        .map_err(|error| refused(source.media_type, &OfficeError::from(error)))?;
    book.ensure_styles();
    let dates = book.date_style_indices();
    let shown = book.worksheets.iter().filter(|sheet| sheet.state != SheetState::VeryHidden);
    let sheets: Vec<Sheet> = shown.map(|sheet| sheet_of(&book, sheet, &dates)).collect();
    let hidden = book.worksheets.len() - sheets.len();
    let mut warnings = Vec::new();
    if hidden > 0 {
        warnings.push(Warning::HiddenText { elements: hidden });
    }
    for (name, reason) in book.unreadable_sheets.iter().take(10) {
        warnings.push(Warning::Converter { message: format!("sheet {name} could not be read: {reason}") });
    }
    let said = book.core_properties.as_ref();
    let said = |value: fn(&office_oxide::core::properties::CoreProperties) -> &Option<String>| {
        said.and_then(|properties| value(properties).clone())
    };
    let metadata = vec![
        ("title", said(|properties| &properties.title)),
        ("author", said(|properties| &properties.creator)),
        ("subject", said(|properties| &properties.subject)),
        ("created", said(|properties| &properties.created)),
        ("modified", said(|properties| &properties.modified)),
    ];
    Ok(Workbook { sheets, metadata, warnings })
}

fn sheet_of(book: &XlsxDocument, sheet: &Worksheet, dates: &HashSet<u32>) -> Sheet {
    let mut rows: Vec<Row> = sheet
        .rows
        .iter()
        .map(|row| Row {
            number: row.index,
            cells: row.cells.iter().filter_map(|cell| filled(book, cell, dates)).collect(),
        })
        .filter(|row| !row.cells.is_empty())
        .collect();
    for row in &mut rows {
        row.cells.sort_by_key(|(column, _)| *column);
        row.cells.dedup_by_key(|(column, _)| *column);
    }
    rows.sort_by_key(|row| row.number);
    let comments = sheet.comments.iter();
    let notes = comments.map(|comment| note(&comment.cell_ref, comment.author.as_deref(), &comment.text));
    let boxes = sheet.text_shapes.iter().map(|shape| shape.text.clone());
    Sheet { name: sheet.name.clone(), rows, notes: notes.chain(boxes).collect() }
}

fn filled(book: &XlsxDocument, cell: &Cell, dates: &HashSet<u32>) -> Option<(u32, String)> {
    let mut words = String::new();
    book.write_cell_value_fast(cell, &mut words, dates);
    if let CellValue::Number(number) = cell.value {
        words = shown(number, words);
    }
    (!words.trim().is_empty()).then(|| (cell.reference.col + 1, words))
}

/// A number as a spreadsheet shows it, where the library wrote it as it is stored: 0.3 for 0.30000000000000004, and a time
/// of day without the day from which days are counted.
pub(super) fn shown(number: f64, words: String) -> String {
    if let Some((day, time)) = words.split_once(' ')
        && (day == "1899-12-31" || day == "1899-12-30" || day == "1900-01-00")
    {
        return time.to_owned();
    }
    if words != number.to_string() || !number.is_finite() {
        return words;
    }
    // Spreadsheets keep fifteen digits.
    let rounded: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    match rounded.abs() {
        size if size >= 1e21 || size > 0.0 && size < 1e-9 => format!("{rounded:e}"),
        _ => rounded.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_a_sheet_shows_them() {
        let plain = |number: f64| shown(number, number.to_string());
        assert_eq!(plain(0.1 + 0.2), "0.3");
        assert_eq!(plain(1385.25), "1385.25");
        assert_eq!(plain(-12.0), "-12");
        assert_eq!(plain(1e300), "1e300");
        assert_eq!(shown(0.3, "30.0%".into()), "30.0%");
        assert_eq!(shown(0.5, "1899-12-31 12:00:00".into()), "12:00:00");
    }
}
