//! Documents of the Hangul word processor before its open format.

use std::collections::BTreeSet;

use unhwp::ParseOptions;
use unhwp::model::{Block, Document as Read, HeadKind, InlineContent, Paragraph, Table};

use crate::extract::assembly::Assembly;
use crate::extract::flow::{Cell, Flow, is_page_number};
use crate::extract::office::{describe, description};
use crate::extract::source::Source;
use crate::{Document, ExtractError, Warning};

/// How deep tables may lie inside one another. 64: the library reads no deeper.
const TABLE_DEPTH_MAX: usize = 64;

/// Reads a document of version 3 or 5.
pub(super) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    let read = super::read(source, ParseOptions::new())?;
    // Documents for distribution keep their text in streams of their own, under a key; what stands in the others only says
    // so.
    if read.metadata.is_distribution {
        return Err(super::encrypted(source.media_type));
    }
    Ok(written(source, &read))
}

fn written(source: &Source<'_>, read: &Read) -> Document {
    let mut writer = Writer { flow: Flow::new(&source.options.limits), notes: Vec::new(), count: 0 };
    let mut seen = BTreeSet::new();
    for section in &read.sections {
        writer.margin(section.header.as_deref().unwrap_or_default(), &mut seen);
    }
    for block in read.sections.iter().flat_map(|section| &section.content) {
        match block {
            Block::Paragraph(paragraph) => writer.paragraph(paragraph),
            Block::Table(table) => writer.table(table),
        }
    }
    writer.write_notes();
    for section in &read.sections {
        writer.margin(section.footer.as_deref().unwrap_or_default(), &mut seen);
    }
    let (text, warnings) = writer.flow.finish();
    let mut assembly = Assembly::default();
    assembly.part(&text);
    assembly.warnings.extend(warnings);
    if !read.skipped_sections.is_empty() {
        let message = format!("{} sections could not be read", read.skipped_sections.len());
        assembly.warnings.push(Warning::Converter { message });
    }
    let said = &read.metadata;
    let keywords = said.keywords.join(", ");
    let mut document = assembly.finish(source.media_type);
    describe(
        &mut document,
        [
            ("title", said.title.as_deref()),
            ("author", said.author.as_deref()),
            ("subject", said.subject.as_deref()),
            ("keywords", Some(keywords.as_str())),
            ("created", said.created.as_deref()),
            ("modified", said.modified.as_deref()),
        ],
    );
    document
}

struct Writer {
    flow: Flow,
    /// Notes that the section at hand refers to.
    notes: Vec<(String, String)>,
    count: usize,
}

impl Writer {
    /// Writes a header or a footer that was not written yet.
    fn margin(&mut self, paragraphs: &[Paragraph], seen: &mut BTreeSet<String>) {
        let lines: Vec<String> = paragraphs.iter().map(|paragraph| self.words(paragraph)).collect();
        let said = lines.join("\n");
        if !is_page_number(&said) && seen.insert(said.clone()) {
            self.flow.paragraph(&said);
        }
    }

    fn paragraph(&mut self, paragraph: &Paragraph) {
        let words = self.words(paragraph);
        let style = &paragraph.style;
        // The library counts levels of the outline from 0, and takes those at 0 for text.
        let outline = style.head.filter(|head| head.kind == HeadKind::Outline).map(|head| head.level.saturating_add(1));
        let level = outline.unwrap_or(style.heading_level);
        if level > 0 {
            self.write_notes();
            return self.flow.heading(level, &words);
        }
        // The number or bullet of an item is its first word.
        match words.trim_start().split_once(' ').filter(|_| style.list_style.is_some() || style.head.is_some()) {
            Some((marker, rest)) => self.flow.marked(usize::from(style.indent_level), marker, rest),
            None => self.flow.paragraph(&words),
        }
    }

    fn write_notes(&mut self) {
        for (label, words) in std::mem::take(&mut self.notes) {
            self.flow.note(&label, &words);
        }
    }

    fn words(&mut self, paragraph: &Paragraph) -> String {
        let mut out = String::new();
        for content in &paragraph.content {
            match content {
                InlineContent::Text(run) => out.push_str(&run.text),
                InlineContent::LineBreak => out.push('\n'),
                InlineContent::Link { text, .. } => out.push_str(text),
                InlineContent::Equation(equation) => out.push_str(equation.latex.as_ref().unwrap_or(&equation.script)),
                InlineContent::Footnote(words) => {
                    self.count += 1;
                    let mark = format!("[^{}]", self.count);
                    out.push_str(&mark);
                    self.notes.push((format!("{mark}:"), words.clone()));
                }
                InlineContent::Image(image) => {
                    out.push_str(&description(image.alt_text.as_deref(), false));
                }
            }
        }
        out
    }

    fn table(&mut self, table: &Table) {
        // A table of one cell is a frame, and what it frames keeps its structure.
        if let [row] = table.rows.as_slice()
            && let [cell] = row.cells.as_slice()
        {
            for paragraph in &cell.content {
                self.paragraph(paragraph);
            }
            for nested in &cell.nested_tables {
                let rows = self.rows(nested, 1);
                self.flow.table(&rows);
            }
            return;
        }
        let rows = self.rows(table, 0);
        self.flow.table(&rows);
    }

    fn rows(&mut self, table: &Table, depth: usize) -> Vec<Vec<Cell>> {
        let mut rows = Vec::new();
        for row in &table.rows {
            let mut cells = Vec::new();
            for cell in &row.cells {
                let mut parts: Vec<String> = cell.content.iter().map(|paragraph| self.words(paragraph)).collect();
                for nested in cell.nested_tables.iter().filter(|_| depth < TABLE_DEPTH_MAX) {
                    parts.extend(self.rows(nested, depth + 1).into_iter().flatten().map(|inner| inner.words));
                }
                cells.push(Cell { words: parts.join("\n"), columns: cell.colspan, rows: cell.rowspan });
            }
            rows.push(cells);
        }
        rows
    }
}
