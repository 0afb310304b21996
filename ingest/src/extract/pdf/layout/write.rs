//! Writing puts words into the lines of the page's text, and keeps for each line where it is drawn.

use hayro_interpret::kurbo::{Rect, Size};

use super::aligned::SAME_LINE_EM;
use super::bidi::{is_leftwards, logical};
use super::table::{CELL_DIVIDER, Table};
use super::word::{Break, Word};
use super::{Laid, LaidTable, tenths};
use crate::Span;
use crate::extract::clean::clean;

/// A row of this many dots leads to a page number; an ellipsis is shorter.
const LEADER_DOTS_MIN: usize = 5;

/// A line of fewer words may be a cell or a label.
const PROSE_WORDS_MIN: usize = 4;

/// The end of a line is as good as the line to count its words.
const LINE_CHARACTERS_MAX: usize = 100;

/// Writes the words in order, each table where its first word stands.
pub(super) fn written(words: &[Word], tables: &[Table], page: Size) -> Laid {
    let mut table_of: Vec<Option<usize>> = vec![None; words.len()];
    for (index, table) in tables.iter().enumerate() {
        for word in table.words() {
            table_of[word] = Some(index);
        }
    }
    let mut writer = Writer { words, page, laid: Laid::default(), end: End::Paragraph };
    let mut tables_written = vec![false; tables.len()];
    let mut line: Vec<usize> = Vec::new();
    for (index, word) in words.iter().enumerate() {
        if let Some(table) = table_of[index] {
            writer.line(&std::mem::take(&mut line));
            if !tables_written[table] {
                tables_written[table] = true;
                writer.table(&tables[table]);
            }
            continue;
        }
        if line.last().is_some_and(|last| goes_on_leftwards(&words[*last], word)) {
            line.push(index);
            continue;
        }
        let after_table = index > 0 && table_of[index - 1].is_some();
        if word.before > Break::Space || after_table {
            writer.line(&std::mem::take(&mut line));
        }
        if word.before == Break::Paragraph || after_table || word.before == Break::Jump && !writer.runs_on(word) {
            writer.paragraph();
        }
        line.push(index);
    }
    writer.line(&line);
    writer.laid
}

/// How the text ends so far, before the next line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// In a line that may be the first part of a divided word; so many bytes of it are the hyphen.
    Divided(usize),
    /// In a line.
    Line,
    /// In a paragraph, the last line of which may end in a divided word.
    Paragraph,
    DividedParagraph(usize),
}

struct Writer<'a> {
    words: &'a [Word],
    page: Size,
    laid: Laid,
    end: End,
}

impl Writer<'_> {
    /// Puts a line under the one before, or joins a word that was divided at the line's end.
    fn line(&mut self, line: &[usize]) {
        let line = &as_seen(self.words, line);
        let raw = joined(self.words, line);
        let words = cleaned(&raw);
        if words.is_empty() {
            return;
        }
        if !self.undivide(&words) && !self.laid.text.is_empty() {
            self.laid.text.push_str(match self.end {
                End::Divided(_) | End::Line => "\n",
                End::Paragraph | End::DividedParagraph(_) => "\n\n",
            });
        }
        self.place(&words, line);
        self.end = hyphen_len(&raw, &words).map_or(End::Line, End::Divided);
    }

    /// Takes the hyphen away when `next` goes on with the word before it.
    fn undivide(&mut self, next: &str) -> bool {
        let (End::Divided(hyphen) | End::DividedParagraph(hyphen)) = self.end else { return false };
        if !goes_on(next, hyphen) {
            return false;
        }
        let text = &mut self.laid.text;
        text.truncate(text.len() - hyphen);
        if let Some((span, _)) = self.laid.boxes.last_mut() {
            span.end = span.end.min(text.len());
        }
        true
    }

    /// Whether a sentence goes on at another place of the page, the head of the next column: it stopped within, after a line
    /// long enough to be prose.
    fn runs_on(&self, next: &Word) -> bool {
        let text = &self.laid.text;
        let stops_within = text.ends_with(|c: char| c == ',' || c.is_lowercase());
        let line = text.chars().rev().take(LINE_CHARACTERS_MAX).take_while(|c| *c != '\n');
        let words = 1 + line.filter(|c| *c == ' ').count();
        stops_within && words >= PROSE_WORDS_MIN && next.text.starts_with(char::is_lowercase)
    }

    fn paragraph(&mut self) {
        self.end = match self.end {
            End::Divided(hyphen) | End::DividedParagraph(hyphen) => End::DividedParagraph(hyphen),
            End::Line | End::Paragraph => End::Paragraph,
        };
    }

    /// Adds words and the box around them.
    fn place(&mut self, words: &str, line: &[usize]) {
        let start = self.laid.text.len();
        self.laid.text.push_str(words);
        let around = line.iter().map(|word| self.words[*word].rect).reduce(|a, b| a.union(b));
        let shown = around.map(|rect| rect.intersect(Rect::from_origin_size((0.0, 0.0), self.page)));
        // What is drawn off the page is text, but nothing that could be shown.
        if let Some(rect) = shown.filter(|rect| rect.width() > 0.0 && rect.height() > 0.0) {
            let rect = [rect.x0, rect.y0, rect.x1, rect.y1].map(tenths);
            self.laid.boxes.push((Span::new(start, self.laid.text.len()), rect));
        }
    }

    fn table(&mut self, table: &Table) {
        self.laid.text.push_str(if self.laid.text.is_empty() { "" } else { "\n\n" });
        let start = self.laid.text.len();
        let mut header = None;
        for (number, row) in table.rows.iter().enumerate() {
            let row_start = self.row(row, start);
            if number == 0 && table.has_header {
                header = Some(Span::new(row_start, self.laid.text.len()));
            }
        }
        let span = Span::new(start, self.laid.text.len());
        self.end = End::Paragraph;
        if !span.is_empty() {
            let header = header.filter(|header| !header.is_empty());
            self.laid.tables.push(LaidTable { span, header, columns: table.columns() });
        }
    }

    /// Adds a row as one line and says where it begins.
    fn row(&mut self, row: &[Vec<usize>], table_start: usize) -> usize {
        let cells: Vec<_> = row.iter().map(|cell| parts_of_cell(self.words, cell)).collect();
        let Some(last) = cells.iter().rposition(|parts| !parts.is_empty()) else { return self.laid.text.len() };
        if self.laid.text.len() > table_start {
            self.laid.text.push('\n');
        }
        let start = self.laid.text.len();
        for (column, parts) in cells[..=last].iter().enumerate() {
            if column > 0 {
                self.divide_cells(start);
            }
            for (number, (words, line)) in parts.iter().enumerate() {
                if number > 0 && !self.undivide(words) {
                    self.laid.text.push(' ');
                }
                self.place(words, line);
                self.end = hyphen_len(&joined(self.words, line), words).map_or(End::Line, End::Divided);
            }
        }
        start
    }

    /// Two dividers with nothing between them have one space between them.
    fn divide_cells(&mut self, row_start: usize) {
        let text = &mut self.laid.text;
        let is_spaced = text.len() == row_start || text.ends_with(' ');
        text.push_str(if is_spaced { CELL_DIVIDER.trim_start() } else { CELL_DIVIDER });
    }
}

/// The lines of a cell as they are stored, with their words.
fn parts_of_cell(words: &[Word], cell: &[usize]) -> Vec<(String, Vec<usize>)> {
    let parts = lines_of_cell(words, cell).into_iter().map(|line| (cleaned(&joined(words, &line)), line));
    parts.filter(|(part, _)| !part.is_empty()).collect()
}

/// The lines of a cell: its words, divided where they go down or back.
fn lines_of_cell(words: &[Word], cell: &[usize]) -> Vec<Vec<usize>> {
    let mut lines: Vec<Vec<usize>> = Vec::new();
    for word in cell {
        let follows = lines.last().and_then(|line| line.last()).is_some_and(|last| {
            let (before, after) = (&words[*last], &words[*word]);
            (before.baseline - after.baseline).abs() < 0.5 * before.em.max(after.em) && after.rect.x0 >= before.rect.x0
        });
        match lines.last_mut().filter(|_| follows) {
            Some(line) => line.push(*word),
            None => lines.push(vec![*word]),
        }
    }
    lines
}

/// Whether a line that is read to the left goes on: its parts are drawn in the order in which they are read, each to the left
/// of the one before.
fn goes_on_leftwards(before: &Word, after: &Word) -> bool {
    let is_level = (before.baseline - after.baseline).abs() < SAME_LINE_EM * before.em.max(after.em);
    is_level
        && after.rect.x0 < before.rect.x0
        && (before.text.contains(is_leftwards) || after.text.contains(is_leftwards))
}

/// The words from left to right, when some of them are read to the left.
fn as_seen(words: &[Word], line: &[usize]) -> Vec<usize> {
    let mut line = line.to_vec();
    if line.iter().any(|word| words[*word].text.contains(is_leftwards)) {
        line.sort_by(|a, b| words[*a].rect.x0.total_cmp(&words[*b].rect.x0));
    }
    line
}

fn joined(words: &[Word], line: &[usize]) -> String {
    let mut out = String::new();
    for word in line {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&words[*word].text);
    }
    out
}

/// The line as it is stored. Its end is as it will be: nothing that follows changes it.
fn cleaned(raw: &str) -> String {
    let read = logical(raw);
    let shown = read.strip_suffix('\u{AD}').unwrap_or(&read).replace('\u{AD}', "-");
    let mut line = clean(without_leader(&shown), &mut Vec::new());
    line.truncate(line.trim_end().len());
    line.drain(..line.len() - line.trim_start().len());
    line
}

/// How much of the line's end is a hyphen that may divide a word. A soft hyphen is gone from the text already.
fn hyphen_len(raw: &str, words: &str) -> Option<usize> {
    if raw.ends_with('\u{AD}') {
        return Some(0);
    }
    let mut end = words.chars().rev();
    let (last, before) = (end.next()?, end.next()?);
    (last == '-' && before.is_alphabetic()).then_some(1)
}

/// Whether the line goes on with a word that was divided before it. Jamo and marks would change what they are put behind.
fn goes_on(words: &str, hyphen: usize) -> bool {
    let first = words.chars().next();
    if hyphen == 0 {
        return first.is_some_and(|c| c.is_alphanumeric() && !('\u{1100}'..='\u{11FF}').contains(&c));
    }
    first.is_some_and(char::is_lowercase)
}

/// Shortens the row of dots that leads from a title to its page number: it says nothing and fills windows.
fn without_leader(line: &str) -> String {
    if !line.contains(". . . .") && !line.contains(".....") {
        return line.to_owned();
    }
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('.') {
        let (before, dotted) = rest.split_at(at);
        let row = dotted.len() - dotted.trim_start_matches(['.', ' ']).len();
        let dots = dotted[..row].bytes().filter(|byte| *byte == b'.').count();
        out.push_str(before);
        out.push_str(if dots >= LEADER_DOTS_MIN { "... " } else { &dotted[..row] });
        rest = &dotted[row..];
    }
    out + rest
}
