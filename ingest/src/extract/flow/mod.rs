//! A flow is the running text of a document, written down as Markdown: headings, paragraphs, lists, tables and notes.
//!
//! Words are kept as they are. Only a mark that would turn a paragraph into something else (a heading, a fence, an HTML
//! block) gets a backslash, so that a quotation is found where it was quoted from. Emphasis is not written: runs begin and
//! end inside of words, and stars there would split them.

mod grid;
pub(super) mod marker;

pub(super) use grid::Cell;

use crate::{Limits, Warning};
use marker::Marker;

/// Lists nested deeper than this are written at this depth. 8: Word has nine levels.
const ITEM_DEPTH_MAX: usize = 8;

/// A text that grows paragraph by paragraph.
pub(super) struct Flow {
    text: String,
    columns_max: usize,
    /// The depth of the item that was written last, where the last thing written is a list.
    item_depth: Option<usize>,
    /// The depth that the items of that list count from.
    outermost: usize,
    pub(super) warnings: Vec<Warning>,
}

impl Flow {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            text: String::new(),
            columns_max: limits.columns_max,
            item_depth: None,
            outermost: 0,
            warnings: Vec::new(),
        }
    }

    /// Adds a heading, whose words stand on one line.
    pub(super) fn heading(&mut self, level: u8, words: &str) {
        let words = one_line(words);
        if !words.is_empty() {
            self.block(&format!("{} {words}", "#".repeat(usize::from(level.clamp(1, 6)))));
        }
    }

    /// Adds a paragraph. Its line ends stay.
    pub(super) fn paragraph(&mut self, words: &str) {
        let lines = lines_of(words).map(|line| escaped(&line)).collect::<Vec<_>>();
        if !lines.is_empty() {
            self.block(&lines.join("\n"));
        }
    }

    /// Adds lines of code as they stand.
    pub(super) fn code(&mut self, lines: &str) {
        let lines = lines.replace(['\r', '\u{0B}', '\u{0C}'], "\n");
        let longest = lines.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        if !lines.trim().is_empty() {
            self.block(&format!("{fence}\n{}\n{fence}", lines.trim_matches('\n').trim_end()));
        }
    }

    /// Adds an item of a list after its marker: `-` or `3.`.
    pub(super) fn item(&mut self, depth: usize, marker: &str, words: &str) {
        // An item without an outer one at hand would be indented like code.
        self.outermost = self.item_depth.map_or(depth, |_| self.outermost.min(depth));
        let deepest = self.item_depth.map_or(0, |last| last + 1).min(ITEM_DEPTH_MAX);
        let depth = (depth - self.outermost).min(deepest);
        let indent = "    ".repeat(depth);
        let lines = lines_of(words).map(|line| escaped(&line)).collect::<Vec<_>>();
        if lines.is_empty() {
            return;
        }
        let hanging = format!("\n{indent}{}", " ".repeat(marker.len() + 1));
        let separator = if self.item_depth.is_some() { "\n" } else { "\n\n" };
        self.add(&format!("{indent}{marker} {}", lines.join(&hanging)), separator);
        self.item_depth = Some(depth);
    }

    /// Adds an item after what a program wrote before it. What Markdown cannot write as a marker begins a paragraph.
    pub(super) fn marked(&mut self, depth: usize, marker: &str, words: &str) {
        match Marker::of(marker) {
            Marker::None => self.paragraph(words),
            Marker::Bullet => self.item(depth, "-", words),
            Marker::Number(number) => self.item(depth, &format!("{number}."), words),
            Marker::Words => self.paragraph(&format!("{marker} {words}")),
        }
    }

    /// Adds a table whose first row is its header. One that holds a single cell is a frame around a paragraph.
    pub(super) fn table(&mut self, rows: &[Vec<Cell>]) {
        let mut rows = grid::placed(rows, self.columns_max, &mut self.warnings);
        rows.retain(|row| row.iter().any(|cell| !cell.trim().is_empty()));
        let width = rows.iter().map(Vec::len).max().unwrap_or(0);
        match rows.as_slice() {
            [] => {}
            [row] if width == 1 => self.paragraph(&row[0]),
            [header, rest @ ..] => {
                let mut lines = vec![grid::line(header, width), format!("|{}", " --- |".repeat(width))];
                lines.extend(rest.iter().map(|row| grid::line(row, row.len())));
                self.block(&lines.join("\n"));
            }
        }
    }

    /// Adds what a mark in the text refers to: a footnote or a comment.
    pub(super) fn note(&mut self, label: &str, words: &str) {
        let words = lines_of(words).collect::<Vec<_>>().join(" ");
        if !words.is_empty() {
            self.block(&format!("{label} {words}"));
        }
    }

    pub(super) fn finish(self) -> (String, Vec<Warning>) {
        (self.text, self.warnings)
    }

    fn block(&mut self, words: &str) {
        self.add(words, "\n\n");
        self.item_depth = None;
    }

    fn add(&mut self, words: &str, separator: &str) {
        if !self.text.is_empty() {
            self.text.push_str(separator);
        }
        self.text.push_str(words);
    }
}

/// The words without line ends and doubled spaces.
pub(super) fn one_line(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a header or a footer says nothing but which page it stands on.
pub(super) fn is_page_number(words: &str) -> bool {
    let mut named = words.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    named.all(|word| ["page", "of", "p", "쪽", "페이지", "면"].contains(&word.to_lowercase().as_str()))
}

/// The lines that say something. White space at their beginnings would make code of them.
fn lines_of(words: &str) -> impl Iterator<Item = String> + '_ {
    let ends = |c: char| matches!(c, '\n' | '\r' | '\u{0B}' | '\u{0C}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let unseen = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{200B}'..='\u{200D}' | '\u{FEFF}');
    words.split(ends).map(move |line| line.trim_matches(unseen).to_owned()).filter(|line| !line.is_empty())
}

/// A line that is no heading, no fence, no underline of a heading and no HTML, whatever it begins with.
fn escaped(line: &str) -> String {
    let rule = |mark: char| line.chars().all(|c| c == mark || c == ' ');
    let changes = line.starts_with(['#', '<']) || line.starts_with("```") || line.starts_with("~~~");
    if changes || rule('=') || rule('-') { format!("\\{line}") } else { line.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Flow)) -> String {
        let mut flow = Flow::new(&Limits::default());
        write(&mut flow);
        flow.finish().0
    }

    fn row(cells: &[&str]) -> Vec<Cell> {
        cells.iter().map(|words| Cell::of((*words).to_owned())).collect()
    }

    #[test]
    fn blocks_stand_apart_and_items_together() {
        let text = written(|flow| {
            flow.heading(2, "제목\n둘");
            flow.paragraph("first\u{0B}second");
            flow.item(3, "-", "one");
            flow.item(4, "12.", "in one\nstill");
            flow.item(3, "-", "two");
            flow.item(0, "-", "three");
            flow.paragraph(" ");
            flow.paragraph("end");
        });
        let expected = "## 제목 둘\n\nfirst\nsecond\n\n- one\n    12. in one\n        still\n- two\n- three\n\nend";
        assert_eq!(text, expected);
    }

    #[test]
    fn words_never_become_markup() {
        let text = written(|flow| {
            flow.paragraph("   # 1 is a number\n---\n\u{200B}```");
            flow.paragraph("<script> & 3 * 4 * 5, a_b_c");
        });
        assert_eq!(text, "\\# 1 is a number\n\\---\n\\```\n\n\\<script> & 3 * 4 * 5, a_b_c");
    }

    #[test]
    fn page_numbers_are_told_from_words() {
        assert!(["- 3 -", "Page 3 of 12", "3쪽", ""].into_iter().all(is_page_number));
        assert!(!is_page_number("Pages of history"));
    }

    #[test]
    fn code_keeps_its_indentation_and_cannot_leave_its_fence() {
        let text = written(|flow| flow.code("\nfn main() {\n    ```\n}\n"));
        assert_eq!(text, "````\nfn main() {\n    ```\n}\n````");
    }

    #[test]
    fn a_table_keeps_its_columns_and_a_frame_is_a_paragraph() {
        let text = written(|flow| {
            flow.table(&[row(&["a", "b|c"]), row(&["1\n2", ""]), row(&["", " "])]);
            flow.table(&[row(&["only this"])]);
        });
        assert_eq!(text, "| a | b\\|c |\n| --- | --- |\n| 1 2 |  |\n\nonly this");
    }
}
