//! The sections of a document in the open format: paragraphs, tables, notes and what stands around them.

use std::collections::BTreeSet;

use unhwp::model::{HeadKind, NumberingState, ParaHead, StyleRegistry};

use crate::extract::flow::{Cell, Flow, is_page_number};
use crate::extract::xml::{Tag, Visitor, local};
use crate::{Limits, Warning};

/// Tables inside one another. 100: forms nest them ten deep.
const TABLES_MAX: usize = 100;

/// What was read.
pub(super) struct Read {
    pub(super) text: String,
    pub(super) headers: String,
    pub(super) footers: String,
    pub(super) warnings: Vec<Warning>,
}

/// Hears the XML of the sections, one after the other.
pub(super) struct Reader<'a> {
    styles: &'a StyleRegistry,
    numbering: NumberingState,
    flow: Flow,
    paragraphs: Vec<Paragraph>,
    tables: Vec<Vec<Vec<Cell>>>,
    /// Tables beyond the limit that are open. Their words belong to the last cell within it.
    deeper: usize,
    sinks: Vec<Sink>,
    /// Notes that the section at hand refers to.
    pending: Vec<(String, String)>,
    notes: usize,
    headers: Vec<String>,
    footers: Vec<String>,
    seen: BTreeSet<String>,
    /// How deep in elements whose words are text.
    in_words: usize,
    /// Whether a tracked deletion is open.
    deleted: bool,
}

struct Paragraph {
    head: Option<ParaHead>,
    words: String,
}

/// Where paragraphs go: with none of these, into the flow.
struct Sink {
    kind: SinkKind,
    words: String,
    columns: u32,
    rows: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SinkKind {
    Cell,
    Header,
    Footer,
    Footnote,
    Endnote,
    Comment,
}

impl SinkKind {
    fn of(element: &str) -> Option<Self> {
        Some(match element {
            "tc" => Self::Cell,
            "header" => Self::Header,
            "footer" => Self::Footer,
            "footNote" => Self::Footnote,
            "endNote" => Self::Endnote,
            "hiddenComment" | "fieldBegin" => Self::Comment,
            _ => return None,
        })
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(styles: &'a StyleRegistry, limits: &Limits) -> Self {
        Self {
            styles,
            numbering: NumberingState::new(),
            flow: Flow::new(limits),
            paragraphs: Vec::new(),
            tables: Vec::new(),
            deeper: 0,
            sinks: Vec::new(),
            pending: Vec::new(),
            notes: 0,
            headers: Vec::new(),
            footers: Vec::new(),
            seen: BTreeSet::new(),
            in_words: 0,
            deleted: false,
        }
    }

    /// Ends a section. What a cut file left open is closed.
    pub(super) fn end_section(&mut self) {
        while !self.paragraphs.is_empty() {
            self.end_paragraph();
        }
        while let Some(sink) = self.sinks.pop() {
            self.end_sink(sink);
        }
        while !self.tables.is_empty() {
            self.end_table();
        }
        self.write_notes();
        (self.in_words, self.deleted, self.deeper) = (0, false, 0);
    }

    pub(super) fn finish(self) -> Read {
        let (text, warnings) = self.flow.finish();
        Read { text, headers: self.headers.join("\n"), footers: self.footers.join("\n"), warnings }
    }

    fn open_paragraph(&mut self, tag: &Tag<'_>) {
        let style = tag.number("paraPrIDRef").and_then(|id| self.styles.get_para_style(id));
        self.paragraphs.push(Paragraph { head: style.and_then(|style| style.head), words: String::new() });
    }

    fn end_paragraph(&mut self) {
        let Some(Paragraph { head, words }) = self.paragraphs.pop() else { return };
        let label = match head {
            Some(head) if !words.trim().is_empty() => self.numbering.label(&head, self.styles).unwrap_or_default(),
            _ => String::new(),
        };
        if let Some(sink) = self.sinks.last_mut() {
            sink.words.push_str(&format!("{label} {words}\n"));
            return;
        }
        match head {
            // Levels of the outline count from 0.
            Some(ParaHead { kind: HeadKind::Outline, level, .. }) => {
                self.write_notes();
                self.flow.heading(level.saturating_add(1), &format!("{label} {words}"));
            }
            Some(ParaHead { level, .. }) => self.flow.marked(usize::from(level), &label, &words),
            None => self.flow.paragraph(&words),
        }
    }

    fn write_notes(&mut self) {
        for (label, words) in std::mem::take(&mut self.pending) {
            self.flow.note(&label, &words);
        }
    }

    fn open_sink(&mut self, kind: SinkKind) {
        if matches!(kind, SinkKind::Footnote | SinkKind::Endnote) {
            self.notes += 1;
            let mark = format!("[^{}]", self.notes);
            self.say(&mark);
            self.pending.push((format!("{mark}:"), String::new()));
        }
        self.sinks.push(Sink { kind, words: String::new(), columns: 1, rows: 1 });
    }

    fn end_sink(&mut self, sink: Sink) {
        let words = sink.words;
        match sink.kind {
            SinkKind::Cell => {
                let row = self.tables.last_mut().and_then(|table| table.last_mut());
                if let Some(row) = row {
                    row.push(Cell { words, columns: sink.columns, rows: sink.rows });
                }
            }
            SinkKind::Header | SinkKind::Footer => {
                let said = words.trim().to_owned();
                if !is_page_number(&said) && self.seen.insert(said.clone()) {
                    let lines = if sink.kind == SinkKind::Header { &mut self.headers } else { &mut self.footers };
                    lines.push(said);
                }
            }
            SinkKind::Footnote | SinkKind::Endnote => {
                // A note may stand inside of another one, and the inner one ends first.
                let empty = self.pending.iter_mut().rev().find(|(_, said)| said.is_empty());
                if let Some((_, said)) = empty {
                    *said = words;
                }
            }
            SinkKind::Comment if words.trim().is_empty() => {}
            SinkKind::Comment => self.pending.push(("Comment:".to_owned(), words)),
        }
    }

    fn end_table(&mut self) {
        let Some(rows) = self.tables.pop() else { return };
        match self.sinks.last_mut() {
            // A table inside a cell is no table in Markdown.
            Some(sink) => {
                for cell in rows.iter().flatten() {
                    sink.words.push_str(&cell.words);
                    sink.words.push(' ');
                }
            }
            None => self.flow.table(&rows),
        }
    }

    fn say(&mut self, words: &str) {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.words.push_str(words);
        }
    }
}

impl Visitor for Reader<'_> {
    fn open(&mut self, name: &str, tag: &Tag<'_>) {
        let element = local(name);
        if let Some(kind) = SinkKind::of(element).filter(|kind| self.deeper == 0 || *kind != SinkKind::Cell) {
            return self.open_sink(kind);
        }
        match element {
            "p" => self.open_paragraph(tag),
            "t" | "script" | "mainText" => self.in_words += 1,
            "lineBreak" => self.say("\n"),
            "tab" | "fwSpace" if self.in_words > 0 => self.say(" "),
            "nbSpace" => self.say("\u{A0}"),
            "hyphen" if self.in_words > 0 => self.say("-"),
            "deleteBegin" => self.deleted = true,
            "deleteEnd" => self.deleted = false,
            "tbl" if self.tables.len() >= TABLES_MAX => self.deeper += 1,
            "tbl" => self.tables.push(Vec::new()),
            "tr" if self.deeper == 0 => {
                if let Some(table) = self.tables.last_mut() {
                    table.push(Vec::new());
                }
            }
            "cellSpan" if self.deeper == 0 => {
                if let Some(sink) = self.sinks.last_mut() {
                    sink.columns = tag.number("colSpan").unwrap_or(1).max(1);
                    sink.rows = tag.number("rowSpan").unwrap_or(1).max(1);
                }
            }
            "secPr" => {
                if let Some(id) = tag.number("outlineShapeIDRef") {
                    self.numbering.set_outline_id(id);
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        let element = local(name);
        if let Some(kind) = SinkKind::of(element).filter(|kind| self.deeper == 0 || *kind != SinkKind::Cell) {
            if self.sinks.last().is_some_and(|sink| sink.kind == kind)
                && let Some(sink) = self.sinks.pop()
            {
                self.end_sink(sink);
            }
            return;
        }
        match element {
            "p" => self.end_paragraph(),
            "t" | "script" | "mainText" => self.in_words = self.in_words.saturating_sub(1),
            "tbl" if self.deeper > 0 => self.deeper -= 1,
            "tbl" => self.end_table(),
            _ => {}
        }
    }

    fn words(&mut self, words: &str) {
        if self.in_words > 0 && !self.deleted {
            self.say(words);
        }
    }
}
