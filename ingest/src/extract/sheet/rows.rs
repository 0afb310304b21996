//! The rows of a sheet as lines, of which those without an empty row between them are a table.

use std::collections::BTreeSet;

use crate::extract::assembly::Assembly;
use crate::extract::flow::one_line;
use crate::{ChunkKind, Position, Span, Warning};

/// What stands between two cells on a line.
pub(super) const BETWEEN_CELLS: &str = " | ";

/// Empty cells that are written in one table. 1,000,000: beyond that a table has no columns that a reader could follow.
const GAPS_MAX: usize = 1_000_000;

/// Lines with one cell that may stand above the header of a table: a title, a unit, a date.
const TITLES_MAX: usize = 3;

/// One sheet of a workbook.
#[derive(Default)]
pub(in crate::extract) struct Sheet {
    pub(in crate::extract) name: String,
    /// Its filled rows, in ascending order.
    pub(in crate::extract) rows: Vec<Row>,
    /// What stands on it outside of its cells: comments and text boxes.
    pub(in crate::extract) notes: Vec<String>,
}

/// One row that has filled cells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::extract) struct Row {
    /// Its number, from 1.
    pub(in crate::extract) number: u32,
    /// Its filled cells, each with the number of its column from 1, in ascending order.
    pub(in crate::extract) cells: Vec<(u32, String)>,
}

/// A comment on a cell.
pub(in crate::extract) fn note(cell: &str, author: Option<&str>, words: &str) -> String {
    match author.filter(|author| !author.trim().is_empty()) {
        Some(author) => format!("{cell} ({author}): {}", one_line(words)),
        None => format!("{cell}: {}", one_line(words)),
    }
}

/// Writes a sheet under its name. A sheet with nothing on it leaves no trace.
pub(super) fn write(assembly: &mut Assembly, sheet: &Sheet, columns_max: usize) {
    if sheet.rows.is_empty() && sheet.notes.is_empty() {
        return;
    }
    assembly.heading(1, &sheet.name, false);
    for table in sheet.rows.chunk_by(|above, below| below.number == above.number.saturating_add(1)) {
        write_table(assembly, table, sheet, columns_max);
    }
    for note in &sheet.notes {
        assembly.part(note);
    }
}

fn write_table(assembly: &mut Assembly, rows: &[Row], sheet: &Sheet, columns_max: usize) {
    let used: BTreeSet<u32> = rows.iter().flat_map(|row| row.cells.iter().map(|(column, _)| *column)).collect();
    if used.len() > columns_max {
        let (what, count, limit) = ("columns".to_owned(), used.len(), columns_max);
        assembly.warnings.push(Warning::TableCut { what, count, limit });
    }
    let columns: Vec<u32> = used.into_iter().take(columns_max).collect();
    let mut gaps_left = GAPS_MAX;
    let mut spans: Vec<Span> = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(line) = line_of(row, &columns, &mut gaps_left) else { continue };
        let span = if spans.is_empty() { assembly.part(&line) } else { assembly.line(&line) };
        if span.is_empty() {
            continue;
        }
        let column_last =
            row.cells.iter().map(|(column, _)| *column).rfind(|column| columns.binary_search(column).is_ok());
        let column_first = row.cells.first().map_or(1, |(column, _)| *column);
        let column_last = column_last.unwrap_or(column_first);
        assembly.place(span, Position::Sheet { sheet: sheet.name.clone(), row: row.number, column_first, column_last });
        spans.push(span);
    }
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else { return };
    let header = spans.get(header_rows(rows) - 1).filter(|end| spans.len() > 1 && **end != *last);
    let header = header.map(|end| Span::new(first.start, end.end));
    assembly.block(Span::new(first.start, last.end), ChunkKind::Table, header);
}

/// The row on one line, with an empty cell for each column of the table that it leaves out on its way.
fn line_of(row: &Row, columns: &[u32], gaps_left: &mut usize) -> Option<String> {
    let mut out = String::new();
    let mut next = 0;
    for (column, words) in &row.cells {
        let Ok(index) = columns.binary_search(column) else { break };
        let gaps = index.saturating_sub(next).min(*gaps_left);
        *gaps_left -= gaps;
        out.push_str(&BETWEEN_CELLS.repeat(gaps + usize::from(next > 0)));
        out.push_str(&one_line(words));
        next = index + 1;
    }
    (next > 0).then_some(out)
}

/// How many rows at the head of a table say what it holds: its first row, or the first one with several cells below titles.
fn header_rows(rows: &[Row]) -> usize {
    let titles = rows.iter().take_while(|row| row.cells.len() == 1).count();
    match rows.get(titles) {
        Some(_) if titles <= TITLES_MAX => titles + 1,
        _ => 1,
    }
}
