//! The writer walks through the elements of an office document and writes each of them into a flow.

use std::collections::{BTreeMap, BTreeSet};

use office_oxide::ir::{Element, HeaderFooter, List, ListStyle, Note, Paragraph, Section, Table};

use super::inline::{Reference, description, flat, words};
use crate::extract::flow::{Cell, Flow, is_page_number, marker};
use crate::{Limits, Warning};

/// How deep elements may lie inside one another. 100: forms nest tables ten deep, and a stack holds a hundred.
pub(super) const DEPTH_MAX: usize = 100;

/// Writes one document, or one slide of it.
pub(super) struct Writer<'a> {
    flow: Flow,
    notes: BTreeMap<Reference, &'a Note>,
    /// Notes that the section at hand refers to; they are written at its end.
    pending: Vec<Reference>,
    /// What is taken off the levels of headings.
    raised: u8,
    cut: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { flow: Flow::new(limits), notes: BTreeMap::new(), pending: Vec::new(), raised: 0, cut: false }
    }

    /// Writes a document: headers, body, notes after the part that refers to them, footers.
    pub(super) fn document(mut self, sections: &'a [Section]) -> (String, Vec<Warning>) {
        let mut seen = BTreeSet::new();
        for section in sections {
            let headers = [&section.first_page_header, &section.header, &section.even_page_header];
            self.margins(headers, &mut seen);
        }
        for section in sections {
            self.collect_notes(&section.elements);
            self.elements(&section.elements, 0);
        }
        self.write_notes();
        let left: Vec<Reference> = self.notes.keys().copied().collect();
        self.pending = left;
        self.write_notes();
        for section in sections {
            let footers = [&section.first_page_footer, &section.footer, &section.even_page_footer];
            self.margins(footers, &mut seen);
        }
        self.finish()
    }

    /// Writes a slide, whose title is a heading of the outermost level.
    pub(super) fn slide(mut self, elements: &'a [Element]) -> (String, Vec<Warning>) {
        self.raised = 1;
        self.collect_notes(elements);
        self.elements(elements, 0);
        self.pending = self.notes.keys().copied().collect();
        self.write_notes();
        self.finish()
    }

    fn finish(self) -> (String, Vec<Warning>) {
        let (text, mut warnings) = self.flow.finish();
        if self.cut {
            warnings.push(Warning::NestingCut { depth_max: DEPTH_MAX });
        }
        (text, warnings)
    }

    /// Writes headers or footers that were not written yet.
    fn margins(&mut self, margins: [&'a Option<HeaderFooter>; 3], seen: &mut BTreeSet<String>) {
        for margin in margins.into_iter().flatten() {
            let said = flat(&margin.content, 0, &mut Vec::new());
            if !is_page_number(&said) && seen.insert(said.clone()) {
                self.flow.paragraph(&said);
            }
        }
    }

    fn collect_notes(&mut self, elements: &'a [Element]) {
        for element in elements {
            let (reference, note) = match element {
                Element::Footnote(note) => (Reference::Footnote(note.id), note),
                Element::Endnote(note) if is_comment(note) => (Reference::Comment(note.id), note),
                Element::Endnote(note) => (Reference::Endnote(note.id), note),
                _ => continue,
            };
            self.notes.insert(reference, note);
        }
    }

    fn write_notes(&mut self) {
        for reference in std::mem::take(&mut self.pending) {
            let Some(note) = self.notes.remove(&reference) else { continue };
            let said = flat(&note.content, 0, &mut Vec::new());
            let label = match reference {
                Reference::Comment(_) => note.marker.clone().unwrap_or_default(),
                _ => reference.mark(),
            };
            self.flow.note(&format!("{label}:"), &said);
        }
    }

    fn elements(&mut self, elements: &'a [Element], depth: usize) {
        if depth >= DEPTH_MAX {
            self.cut = true;
            return;
        }
        let mut code: Vec<String> = Vec::new();
        for element in elements {
            if let Some(paragraph) = code_line(element) {
                code.push(words(&paragraph.content, &mut self.pending));
                continue;
            }
            self.flow.code(&std::mem::take(&mut code).join("\n"));
            self.element(element, depth);
        }
        self.flow.code(&code.join("\n"));
    }

    fn element(&mut self, element: &'a Element, depth: usize) {
        match element {
            Element::Heading(heading) => {
                self.write_notes();
                let said = words(&heading.content, &mut self.pending);
                self.flow.heading(heading.level.saturating_sub(self.raised), &said);
            }
            Element::Paragraph(paragraph) => self.paragraph(paragraph),
            Element::Table(table) => self.table(table, depth),
            Element::List(list) => self.list(list, usize::from(list.level), depth),
            Element::TextBox(inner) => self.elements(&inner.content, depth + 1),
            Element::CodeBlock(code) => self.flow.paragraph(&code.content),
            Element::Image(image) => {
                self.flow.paragraph(&description(image.alt_text.as_deref(), image.decorative));
            }
            _ => {}
        }
    }

    fn paragraph(&mut self, paragraph: &'a Paragraph) {
        let said = words(&paragraph.content, &mut self.pending);
        match paragraph.style.as_deref().and_then(titled) {
            Some(level) => {
                self.write_notes();
                self.flow.heading(level, &said);
            }
            None => self.flow.paragraph(&said),
        }
    }

    fn table(&mut self, table: &'a Table, depth: usize) {
        self.flow.paragraph(table.caption.as_deref().unwrap_or_default());
        // A table of one cell is a frame, and what it frames keeps its structure.
        if let [row] = table.rows.as_slice()
            && let [cell] = row.cells.as_slice()
        {
            return self.elements(&cell.content, depth + 1);
        }
        let mut rows = Vec::new();
        for row in &table.rows {
            let mut cells = Vec::new();
            for cell in &row.cells {
                let said = flat(&cell.content, depth + 1, &mut self.pending);
                cells.push(Cell { words: said, columns: cell.col_span, rows: cell.row_span });
            }
            rows.push(cells);
        }
        self.flow.table(&rows);
    }

    fn list(&mut self, list: &'a List, level: usize, depth: usize) {
        if depth >= DEPTH_MAX {
            self.cut = true;
            return;
        }
        let first = list.start_number.unwrap_or(1);
        for (number, item) in (first..).zip(&list.items) {
            let marker = if list.ordered { numbered(list, number) } else { "-".to_owned() };
            let (own, below): (Vec<_>, Vec<_>) = item.content.iter().partition(|element| is_prose(element));
            let said = own.iter().map(|element| flat(std::slice::from_ref(*element), depth + 1, &mut self.pending));
            let said = said.collect::<Vec<_>>().join("\n");
            match own.first().and_then(|element| heading_level(element)) {
                Some(heading) => {
                    self.write_notes();
                    self.flow.heading(heading, &format!("{} {said}", marker::in_heading(&marker)));
                }
                None => self.flow.marked(level, &marker, &said),
            }
            for element in below {
                self.element(element, depth + 1);
            }
            if let Some(nested) = &item.nested {
                self.list(nested, level + 1, depth + 1);
            }
        }
    }
}

/// The number of an item as it is shown: `3.`, or `제3조` where the document writes it so.
fn numbered(list: &List, number: u32) -> String {
    let decimal = matches!(list.style, None | Some(ListStyle::Decimal));
    match list.marker_pattern.as_deref().filter(|_| decimal) {
        Some(pattern) if pattern.matches('%').count() == 1 && pattern.contains("%1") => {
            pattern.replace("%1", &number.to_string())
        }
        _ => format!("{number}."),
    }
}

/// The level of a style that makes headings and does not say so: the title of a document, and what publishers use.
fn titled(style: &str) -> Option<u8> {
    Some(match style {
        "Title" | "제목" | "ChapterTitle" => 1,
        "HeadA" => 2,
        "HeadB" => 3,
        "HeadC" => 4,
        _ => return None,
    })
}

/// A paragraph that is a line of code, by its style.
fn code_line(element: &Element) -> Option<&Paragraph> {
    const CODE: [&str; 5] = ["Code", "Source Code", "SourceCode", "HTML Preformatted", "Preformatted Text"];
    let Element::Paragraph(paragraph) = element else { return None };
    paragraph.style.as_deref().is_some_and(|style| CODE.contains(&style)).then_some(paragraph)
}

/// The level of a heading that is numbered, which the library takes for an item of a list.
fn heading_level(element: &Element) -> Option<u8> {
    let Element::Paragraph(paragraph) = element else { return None };
    let style = paragraph.style.as_deref()?.to_lowercase();
    let level = style.strip_prefix("heading ").or(style.strip_prefix("제목 "))?;
    level.trim().parse().ok()
}

fn is_prose(element: &Element) -> bool {
    matches!(element, Element::Paragraph(_) | Element::Heading(_))
}

/// The library gives comments as endnotes that are marked with who made them.
fn is_comment(note: &Note) -> bool {
    note.marker.as_deref().is_some_and(|marker| marker.starts_with("Comment"))
}

#[cfg(test)]
mod tests {
    use office_oxide::ir::{InlineContent, ListItem, TextSpan};

    use super::*;

    fn item(words: &str, style: Option<&str>) -> ListItem {
        let content = vec![InlineContent::Text(TextSpan::plain(words))];
        let paragraph = Paragraph { content, style: style.map(str::to_owned), ..Paragraph::default() };
        ListItem { content: vec![Element::Paragraph(paragraph)], nested: None }
    }

    fn written(elements: Vec<Element>) -> String {
        let sections = [Section { elements, ..Section::default() }];
        Writer::new(&Limits::default()).document(&sections).0
    }

    #[test]
    fn articles_keep_their_numbers_and_headings_stay_headings() {
        let items = vec![item("목적", None), item("부칙", Some("Heading 2"))];
        let marker_pattern = Some("제%1조".to_owned());
        let articles = List { ordered: true, items, marker_pattern, ..List::default() };
        let plain = List { ordered: true, items: vec![item("one", None)], ..List::default() };
        let text = written(vec![Element::List(articles), Element::List(plain)]);
        assert_eq!(text, "제1조 목적\n\n## 제2조 부칙\n\n1. one");
    }

    #[test]
    fn lines_of_code_stand_together() {
        let line = |words: &str, style: &str| item(words, Some(style)).content.remove(0);
        let elements = vec![line("A", "HeadA"), line("fn f() {", "Code"), line("    1", "Code"), line("}", "Code")];
        assert_eq!(written(elements), "## A\n\n```\nfn f() {\n    1\n}\n```");
    }

    #[test]
    fn elements_beyond_the_depth_are_cut_and_the_stack_holds() {
        let mut element = Element::Paragraph(Paragraph::default());
        for _ in 0..10_000 {
            let content = vec![element];
            element = Element::TextBox(office_oxide::ir::TextBox { content, ..Default::default() });
        }
        let sections = [Section { elements: vec![element], ..Section::default() }];
        let (_, warnings) = Writer::new(&Limits::default()).document(&sections);
        assert_eq!(warnings, [Warning::NestingCut { depth_max: DEPTH_MAX }]);
    }
}
