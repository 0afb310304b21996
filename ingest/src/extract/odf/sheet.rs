//! The sheets of an OpenDocument spreadsheet, whose empty cells and rows are counted and never made.

use office_oxide::xlsx::CellRef;

use crate::extract::sheet::{Row, Sheet, note};
use crate::extract::xml::{Tag, Visitor};
use crate::{Limits, Warning};

/// How often one filled row or cell is written again where it is repeated. 100: a person who fills a whole column with one
/// value has not said it a million times.
const REPEATED_MAX: u32 = 100;

/// Hears the XML of a spreadsheet.
pub(super) struct Reader {
    columns_max: usize,
    sheets: Vec<Sheet>,
    row: Row,
    row_repeated: u32,
    row_number: u32,
    column: u32,
    cell: Option<Cell>,
    /// Words inside a comment go elsewhere.
    comment: Option<String>,
    /// How many tables deep: a table inside a cell is not a sheet.
    depth: usize,
    repeats_cut: usize,
    skipped: usize,
}

#[derive(Default)]
struct Cell {
    /// What the file stores, where it says more than what is shown: a date in ISO order.
    stored: Option<String>,
    /// What is stored, for a cell that shows nothing.
    fallback: Option<String>,
    shown: String,
    repeated: u32,
}

impl Reader {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            columns_max: limits.columns_max,
            sheets: Vec::new(),
            row: Row::default(),
            row_repeated: 1,
            row_number: 0,
            column: 0,
            cell: None,
            comment: None,
            depth: 0,
            repeats_cut: 0,
            skipped: 0,
        }
    }

    pub(super) fn finish(mut self) -> (Vec<Sheet>, Option<Warning>) {
        self.close_cell();
        self.close_row();
        let (what, count, limit) = ("repeated rows or cells".to_owned(), self.repeats_cut, REPEATED_MAX as usize);
        let cut = (self.repeats_cut > 0).then_some(Warning::TableCut { what, count, limit });
        (self.sheets, cut)
    }

    fn open_cell(&mut self, tag: &Tag<'_>) {
        let kind = tag.value("office:value-type").unwrap_or_default();
        let stored = match kind.as_str() {
            "date" => tag.value("office:date-value").map(|date| date.trim_end_matches("T00:00:00").replace('T', " ")),
            _ => None,
        };
        let fallback = match kind.as_str() {
            "boolean" => tag.value("office:boolean-value").map(|value| value.to_uppercase()),
            "string" => tag.value("office:string-value"),
            _ => tag.value("office:value").or_else(|| tag.value("office:time-value")),
        };
        let repeated = tag.number("table:number-columns-repeated").unwrap_or(1).max(1);
        self.cell = Some(Cell { stored, fallback, shown: String::new(), repeated });
    }

    fn close_cell(&mut self) {
        let Some(Cell { stored, fallback, shown, repeated }) = self.cell.take() else { return };
        let shown = Some(shown.trim()).filter(|words| !words.is_empty()).map(str::to_owned);
        let first = self.column.saturating_add(1);
        self.column = self.column.saturating_add(repeated);
        let Some(words) = stored.or(shown).or(fallback) else { return };
        if repeated > REPEATED_MAX {
            self.repeats_cut = self.repeats_cut.max(repeated as usize);
        }
        for index in 0..repeated.min(REPEATED_MAX) {
            if self.row.cells.len() > self.columns_max {
                break;
            }
            self.row.cells.push((first.saturating_add(index), words.clone()));
        }
    }

    fn open_row(&mut self, tag: &Tag<'_>) {
        self.row = Row::default();
        self.row_repeated = tag.number("table:number-rows-repeated").unwrap_or(1).max(1);
        self.column = 0;
    }

    fn close_row(&mut self) {
        let row = std::mem::take(&mut self.row);
        let first = self.row_number.saturating_add(1);
        self.row_number = self.row_number.saturating_add(self.row_repeated);
        let Some(sheet) = self.sheets.last_mut().filter(|_| !row.cells.is_empty()) else { return };
        if self.row_repeated > REPEATED_MAX {
            self.repeats_cut = self.repeats_cut.max(self.row_repeated as usize);
        }
        for index in 0..self.row_repeated.min(REPEATED_MAX) {
            sheet.rows.push(Row { number: first.saturating_add(index), cells: row.cells.clone() });
        }
    }

    fn say(&mut self, words: &str) {
        match (&mut self.comment, &mut self.cell) {
            (Some(comment), _) => comment.push_str(words),
            (None, Some(cell)) => cell.shown.push_str(words),
            _ => {}
        }
    }
}

impl Visitor for Reader {
    fn open(&mut self, name: &str, tag: &Tag<'_>) {
        if self.skipped > 0 || matches!(name, "table:tracked-changes" | "dc:date" | "office:forms") {
            self.skipped += 1;
            return;
        }
        match name {
            "table:table" => {
                self.depth += 1;
                if self.depth == 1 {
                    self.sheets.push(Sheet { name: tag.value("table:name").unwrap_or_default(), ..Sheet::default() });
                    self.row_number = 0;
                }
            }
            "table:table-row" if self.depth == 1 => self.open_row(tag),
            "table:table-cell" | "table:covered-table-cell" if self.depth == 1 => self.open_cell(tag),
            "office:annotation" => self.comment = Some(String::new()),
            "text:s" | "text:tab" | "text:line-break" => self.say(" "),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        match name {
            "table:table" => self.depth = self.depth.saturating_sub(1),
            "table:table-row" if self.depth == 1 => self.close_row(),
            "table:table-cell" | "table:covered-table-cell" if self.depth == 1 => self.close_cell(),
            "text:p" | "dc:creator" => self.say("\n"),
            "office:annotation" => {
                let words = self.comment.take().unwrap_or_default();
                let cell = format!("{}{}", CellRef::col_name(self.column), self.row_number.saturating_add(1));
                if let Some(sheet) = self.sheets.last_mut().filter(|_| !words.trim().is_empty()) {
                    sheet.notes.push(note(&cell, None, &words));
                }
            }
            _ => {}
        }
    }

    fn words(&mut self, words: &str) {
        if self.skipped == 0 {
            self.say(words);
        }
    }
}
