//! The text of an OpenDocument file: headings, paragraphs, lists, tables, notes and slides.

use super::styles::Styles;
use crate::extract::flow::{Cell, Flow};
use crate::extract::office::linked;
use crate::extract::xml::{Tag, Visitor};
use crate::{Limits, Warning};

/// Spaces that one element may stand for. 1,000: more is no space that people make.
const SPACES_MAX: u32 = 1_000;

/// Tables inside one another. 100: forms nest them ten deep.
const TABLES_MAX: usize = 100;

/// Lists inside one another that are told apart. 16: the format's own styles have ten levels.
const LISTS_MAX: usize = 16;

/// A text, or a slide, or the notes beside it.
pub(super) struct Part {
    /// The number of the slide; 0 before the first one and in texts.
    pub(super) number: u32,
    pub(super) notes: bool,
    pub(super) words: String,
    pub(super) warnings: Vec<Warning>,
}

/// Hears the XML of a text or a presentation and writes its words down.
pub(super) struct Reader<'a> {
    styles: Styles,
    limits: &'a Limits,
    parts: Vec<Part>,
    flow: Flow,
    number: u32,
    in_notes: bool,
    paragraphs: Vec<Paragraph>,
    /// The link at hand: how many paragraphs are open, where in the last one it begins, and where it leads.
    link: Option<(usize, usize, String)>,
    lists: Vec<List>,
    tables: Vec<Table>,
    /// Tables beyond the limit that are open. Their words belong to the last cell within it.
    deeper: usize,
    sinks: Vec<Sink>,
    /// Notes that the section at hand refers to.
    pending: Vec<(String, String)>,
    footnotes: u32,
    /// How many elements deep in something that is left out.
    skipped: usize,
    /// For each open frame, whether it holds the title of a slide, and how many of them do.
    frames: Vec<bool>,
    titles: usize,
}

struct Paragraph {
    level: Option<u8>,
    words: String,
}

struct List {
    style: String,
    number: u32,
    /// The marker of an item whose first words have not come yet.
    marker: Option<String>,
}

#[derive(Default)]
struct Table {
    rows: Vec<Vec<Cell>>,
    row: Vec<Cell>,
}

/// Where paragraphs go: with none of these, into the flow.
enum Sink {
    Cell(Cell),
    Note { label: String, words: String },
}

/// Elements whose words belong to nobody's text: deleted passages, forms, the picture of a slide beside its notes.
const LEFT_OUT: [&str; 8] = [
    "text:page-number",
    "text:tracked-changes",
    "office:forms",
    "text:note-citation",
    "text:sequence-decls",
    "office:event-listeners",
    "meta:date-string",
    "dc:date",
];

impl<'a> Reader<'a> {
    pub(super) fn new(styles: Styles, limits: &'a Limits) -> Self {
        Self {
            styles,
            limits,
            parts: Vec::new(),
            flow: Flow::new(limits),
            number: 0,
            in_notes: false,
            paragraphs: Vec::new(),
            link: None,
            lists: Vec::new(),
            tables: Vec::new(),
            deeper: 0,
            sinks: Vec::new(),
            pending: Vec::new(),
            footnotes: 0,
            skipped: 0,
            frames: Vec::new(),
            titles: 0,
        }
    }

    pub(super) fn margins(&self, kind: &str) -> String {
        self.styles.margins(kind)
    }

    /// The parts in order. What a cut file left open is closed.
    pub(super) fn finish(mut self) -> Vec<Part> {
        while let Some(paragraph) = self.paragraphs.pop() {
            self.paragraph(&paragraph);
        }
        while let Some(sink) = self.sinks.last() {
            match sink {
                Sink::Cell(_) => {
                    self.close_cell();
                    self.close_row();
                    self.close_table();
                }
                Sink::Note { .. } => self.close_note(),
            }
        }
        while !self.tables.is_empty() {
            self.close_row();
            self.close_table();
        }
        self.end_part();
        self.parts
    }

    fn end_part(&mut self) {
        self.write_notes();
        let (words, warnings) = std::mem::replace(&mut self.flow, Flow::new(self.limits)).finish();
        self.parts.push(Part { number: self.number, notes: self.in_notes, words, warnings });
    }

    fn write_notes(&mut self) {
        for (label, words) in std::mem::take(&mut self.pending) {
            self.flow.note(&label, &words);
        }
    }

    fn say(&mut self, words: &str) {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.words.push_str(words);
        }
    }

    fn paragraph(&mut self, paragraph: &Paragraph) {
        let words = paragraph.words.as_str();
        match self.sinks.last_mut() {
            Some(Sink::Cell(Cell { words: said, .. }) | Sink::Note { words: said, .. }) => {
                said.push_str(words);
                said.push('\n');
                return;
            }
            None => {}
        }
        let level = if self.titles > 0 { Some(1) } else { paragraph.level };
        match (level, self.lists.len()) {
            (Some(level), _) => {
                self.write_notes();
                self.flow.heading(level, words);
            }
            (None, 0) => self.flow.paragraph(words),
            (None, depth) => match self.lists.iter_mut().rev().take(LISTS_MAX).find_map(|list| list.marker.take()) {
                Some(marker) => self.flow.item(depth - 1, &marker, words),
                None => self.flow.paragraph(words),
            },
        }
    }

    fn open_link(&mut self, tag: &Tag<'_>) {
        let start = self.paragraphs.last().map_or(0, |paragraph| paragraph.words.len());
        self.link = Some((self.paragraphs.len(), start, tag.value("xlink:href").unwrap_or_default()));
    }

    /// Writes the target beside the words of a link, where both stand in one paragraph.
    fn close_link(&mut self) {
        let Some((depth, start, target)) = self.link.take().filter(|(depth, ..)| *depth == self.paragraphs.len())
        else {
            return;
        };
        if let Some(paragraph) = self.paragraphs.get_mut(depth.wrapping_sub(1))
            && start <= paragraph.words.len()
        {
            let label = paragraph.words.split_off(start);
            paragraph.words.push_str(&linked(label, &target));
        }
    }

    fn open_list(&mut self, tag: &Tag<'_>) {
        let outer = self.lists.last().filter(|_| self.lists.len() < LISTS_MAX).map(|list| list.style.clone());
        let style = tag.value("text:style-name").or(outer).unwrap_or_default();
        self.lists.push(List { style, number: 0, marker: None });
    }

    fn open_item(&mut self, tag: &Tag<'_>) {
        let level = u32::try_from(self.lists.len()).unwrap_or(u32::MAX);
        let Some(list) = self.lists.last_mut() else { return };
        list.number = tag.number("text:start-value").unwrap_or(list.number.saturating_add(1));
        let numbered = self.styles.is_numbered(&list.style, level);
        list.marker = Some(if numbered { format!("{}.", list.number) } else { "-".to_owned() });
    }

    fn open_note(&mut self, tag: &Tag<'_>) {
        self.footnotes += 1;
        let kind = if tag.value("text:note-class").as_deref() == Some("endnote") { "^e" } else { "^" };
        let mark = format!("[{kind}{}]", self.footnotes);
        self.say(&mark);
        self.sinks.push(Sink::Note { label: format!("{mark}:"), words: String::new() });
    }

    fn close_note(&mut self) {
        if matches!(self.sinks.last(), Some(Sink::Note { .. }))
            && let Some(Sink::Note { label, words }) = self.sinks.pop()
        {
            self.pending.push((label, words));
        }
    }

    fn close_row(&mut self) {
        if let Some(table) = self.tables.last_mut() {
            let row = std::mem::take(&mut table.row);
            table.rows.push(row);
        }
    }

    fn close_cell(&mut self) {
        if !matches!(self.sinks.last(), Some(Sink::Cell(_))) {
            return;
        }
        let Some(Sink::Cell(cell)) = self.sinks.pop() else { return };
        match (self.tables.last_mut(), self.sinks.last_mut()) {
            (Some(table), _) => table.row.push(cell),
            // A cell outside of a table is no cell, and its words are words.
            (None, Some(Sink::Cell(Cell { words, .. }) | Sink::Note { words, .. })) if words.is_empty() => {
                *words = cell.words
            }
            (None, Some(Sink::Cell(Cell { words, .. }) | Sink::Note { words, .. })) => words.push_str(&cell.words),
            (None, None) => self.flow.paragraph(&cell.words),
        }
    }

    fn close_table(&mut self) {
        let Some(Table { rows, row }) = self.tables.pop() else { return };
        let rows: Vec<Vec<Cell>> = rows.into_iter().chain((!row.is_empty()).then_some(row)).collect();
        match self.sinks.last_mut() {
            // A table inside a cell is no table in Markdown.
            Some(Sink::Cell(Cell { words, .. }) | Sink::Note { words, .. }) => {
                for cell in rows.iter().flatten() {
                    words.push_str(&cell.words);
                    words.push(' ');
                }
            }
            None => self.flow.table(&rows),
        }
    }
}

impl Visitor for Reader<'_> {
    fn open(&mut self, name: &str, tag: &Tag<'_>) {
        if self.skipped > 0 || LEFT_OUT.contains(&name) {
            self.skipped += 1;
            return;
        }
        match name {
            "style:style" | "text:list-style" | "text:list-level-style-number" => self.styles.open(name, tag),
            "text:p" => {
                let is_title = tag.value("text:style-name").is_some_and(|style| self.styles.is_title(&style));
                self.paragraphs.push(Paragraph { level: is_title.then_some(1), words: String::new() });
            }
            "text:a" => self.open_link(tag),
            "text:h" => {
                let level = tag.number("text:outline-level").unwrap_or(1).clamp(1, 6);
                self.paragraphs.push(Paragraph { level: Some(level as u8), words: String::new() });
            }
            "svg:title" | "svg:desc" | "dc:creator" => {
                self.paragraphs.push(Paragraph { level: None, words: String::new() });
            }
            "text:s" => self.say(&" ".repeat(tag.number("text:c").unwrap_or(1).min(SPACES_MAX) as usize)),
            "text:tab" => self.say("\t"),
            "text:line-break" => self.say("\n"),
            "text:list" => self.open_list(tag),
            "text:list-item" => self.open_item(tag),
            "text:note" => self.open_note(tag),
            "office:annotation" => {
                self.sinks.push(Sink::Note { label: "Comment:".to_owned(), words: String::new() });
            }
            "table:table" if self.tables.len() >= TABLES_MAX => self.deeper += 1,
            "table:table" => self.tables.push(Table::default()),
            "table:table-cell" if self.deeper == 0 => {
                let span = |attribute: &str| tag.number(attribute).unwrap_or(1).max(1);
                let columns = span("table:number-columns-spanned").max(span("table:number-columns-repeated"));
                let rows = span("table:number-rows-spanned");
                self.sinks.push(Sink::Cell(Cell { words: String::new(), columns, rows }));
            }
            "draw:frame" => {
                let is_title = tag.value("presentation:class").as_deref() == Some("title");
                self.frames.push(is_title);
                self.titles += usize::from(is_title);
            }
            "draw:page" => {
                self.end_part();
                self.number = self.number.saturating_add(1);
            }
            "presentation:notes" => {
                self.end_part();
                self.in_notes = true;
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        match name {
            "text:p" | "text:h" | "svg:title" | "svg:desc" | "dc:creator" => {
                if let Some(paragraph) = self.paragraphs.pop() {
                    self.paragraph(&paragraph);
                }
            }
            "text:a" => self.close_link(),
            "text:list" => {
                self.lists.pop();
            }
            "text:note" | "office:annotation" => self.close_note(),
            "table:table" if self.deeper > 0 => self.deeper -= 1,
            "table:table-cell" | "table:table-row" if self.deeper > 0 => {}
            "table:table-cell" => self.close_cell(),
            "table:table-row" => self.close_row(),
            "table:table" => self.close_table(),
            "draw:frame" => {
                self.titles -= usize::from(self.frames.pop().unwrap_or(false));
            }
            "presentation:notes" => {
                self.end_part();
                self.in_notes = false;
            }
            _ => {}
        }
    }

    fn words(&mut self, words: &str) {
        if self.skipped > 0 || self.paragraphs.is_empty() {
            return;
        }
        // White space in the XML is layout; what counts as space has elements of its own.
        let folded = words.contains(['\n', '\r', '\t']).then(|| words.replace(['\n', '\r', '\t'], " "));
        self.say(folded.as_deref().unwrap_or(words));
    }
}
