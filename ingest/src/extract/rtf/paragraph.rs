//! Paragraphs, items and tables of a document in Rich Text Format, as they are put together from its words.

use std::collections::BTreeMap;

use crate::extract::flow::{Cell, Flow, marker};
use crate::{Limits, Warning};

/// What a paragraph is, by its properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Properties {
    pub(super) style: i32,
    /// Its level in the outline, from 1; 0 for the body.
    pub(super) outline: u8,
    pub(super) in_table: bool,
    pub(super) list_level: u8,
}

/// Writes paragraphs into a flow, and gathers cells into tables.
pub(super) struct Body {
    flow: Flow,
    /// Levels of the styles that are headings.
    pub(super) headings: BTreeMap<i32, u8>,
    pub(super) words: String,
    /// What a program wrote before an item.
    pub(super) marker: String,
    cell: String,
    row: Vec<Cell>,
    rows: Vec<Vec<Cell>>,
    /// Notes that the section at hand refers to.
    pub(super) notes: Vec<(String, String)>,
}

impl Body {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            flow: Flow::new(limits),
            headings: BTreeMap::new(),
            words: String::new(),
            marker: String::new(),
            cell: String::new(),
            row: Vec::new(),
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(super) fn end_paragraph(&mut self, properties: Properties) {
        let words = std::mem::take(&mut self.words);
        let marker = std::mem::take(&mut self.marker);
        if properties.in_table {
            self.cell.push_str(&words);
            self.cell.push('\n');
            return;
        }
        self.end_table();
        let style = self.headings.get(&properties.style).copied().unwrap_or(0);
        match properties.outline.max(style) {
            0 => self.flow.marked(usize::from(properties.list_level), marker.trim(), &words),
            level => {
                self.write_notes();
                self.flow.heading(level, &format!("{} {words}", marker::in_heading(marker.trim())));
            }
        }
    }

    pub(super) fn end_cell(&mut self) {
        let mut words = std::mem::take(&mut self.cell);
        words.push_str(&std::mem::take(&mut self.words));
        self.marker.clear();
        self.row.push(Cell::of(words));
    }

    pub(super) fn end_row(&mut self) {
        let row = std::mem::take(&mut self.row);
        if !row.is_empty() {
            self.rows.push(row);
        }
    }

    fn end_table(&mut self) {
        if !self.cell.trim().is_empty() {
            self.end_cell();
        }
        self.cell.clear();
        self.end_row();
        let rows = std::mem::take(&mut self.rows);
        if !rows.is_empty() {
            self.flow.table(&rows);
        }
    }

    fn write_notes(&mut self) {
        for (label, words) in std::mem::take(&mut self.notes) {
            self.flow.note(&label, &words);
        }
    }

    pub(super) fn finish(mut self, properties: Properties) -> (String, Vec<Warning>) {
        self.end_paragraph(properties);
        self.end_table();
        self.write_notes();
        self.flow.finish()
    }
}
