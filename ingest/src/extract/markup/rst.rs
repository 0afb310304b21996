//! reStructuredText: a heading is underlined, and which mark is which level is what the document uses first.

use super::{Line, Outline, field, lines, span_of};
use crate::ChunkKind;

pub(super) fn outline(text: &str) -> Outline {
    let lines = lines(text);
    let mut reader = Reader { lines: &lines, styles: Vec::new(), outline: Outline::default() };
    let mut at = 0;
    while at < lines.len() {
        at = reader.read(at);
    }
    reader.outline
}

struct Reader<'t> {
    lines: &'t [Line<'t>],
    /// The marks of the headings so far, outermost first, and whether they stand above the title, too.
    styles: Vec<(char, bool)>,
    outline: Outline,
}

impl Reader<'_> {
    /// Reads what begins at a line, and says where the next thing begins.
    fn read(&mut self, at: usize) -> usize {
        let line = self.lines[at];
        if line.is_blank() {
            return at + 1;
        }
        if let Some(after) = self.table(at).or_else(|| self.heading(at)) {
            return after;
        }
        if let (true, Some((key, value))) = (self.outline.blocks.is_empty(), field(line.words))
            && self.outline.headings.len() <= 1
        {
            self.outline.entry(key, value);
        }
        if begins_literal(line.words.trim()) {
            return self.literal(at);
        }
        at + 1
    }

    /// A title between two lines of marks, or above one.
    fn heading(&mut self, at: usize) -> Option<usize> {
        let apart = at == 0
            || self.lines[at - 1].is_blank()
            || self.outline.headings.last().is_some_and(|last| last.span.end + 1 == self.lines[at].start);
        let first = self.lines[at];
        let (title, under, over) = match first.run() {
            Some(mark) => (self.lines.get(at + 1)?, self.lines.get(at + 2)?, Some(mark)),
            None => (&self.lines[at], self.lines.get(at + 1)?, None),
        };
        let (mark, len) = under.run()?;
        let words = title.words.trim();
        // East Asian writing is twice as wide, and people count either way; four marks are a heading however long it is.
        let long_enough = len >= 4 || len >= words.chars().count();
        let fits = over.is_none_or(|(above, _)| above == mark) && (over.is_some() || title.indent() == 0);
        if !apart || !long_enough || !fits || words.is_empty() || title.run().is_some() || words.starts_with(".. ") {
            return None;
        }
        let style = (mark, over.is_some());
        let level = self.styles.iter().position(|known| *known == style).unwrap_or_else(|| {
            self.styles.push(style);
            self.styles.len() - 1
        });
        let last = at + if over.is_some() { 2 } else { 1 };
        self.outline.heading(level + 1, span_of(self.lines, at, last), words);
        Some(last + 1)
    }

    /// A table drawn with `+---+`, or ruled with `===  ===`.
    fn table(&mut self, at: usize) -> Option<usize> {
        let words = self.lines[at].words.trim();
        let drawn = words.starts_with("+-") && words.ends_with('+');
        if !drawn && !is_rule(words) {
            return None;
        }
        let part = |line: &&Line<'_>| if drawn { line.words.trim().starts_with(['+', '|']) } else { !line.is_blank() };
        let mut last = at + self.lines[at..].iter().take_while(part).count() - 1;
        let rules = |from: usize, to: usize| (from..=to).filter(|index| is_rule(self.lines[*index].words.trim()));
        if !drawn && rules(at, last).count() < 2 {
            return None;
        }
        let header_end = if drawn {
            (at..=last).find(|index| self.lines[*index].words.trim().starts_with("+="))
        } else {
            // With three rules the second one ends the header; rows may have blank lines between them.
            rules(at + 1, last).next().filter(|second| *second < last)
        };
        if !drawn && !is_rule(self.lines[last].words.trim()) {
            let below = self.lines[last..].iter().take(1_000).position(|line| is_rule(line.words.trim()));
            last = below.map_or(last, |further| last + further);
        }
        let header = header_end.map(|end| span_of(self.lines, at, end));
        self.outline.block(span_of(self.lines, at, last), ChunkKind::Table, header);
        Some(last + 1)
    }

    /// The indented lines below a line that says that they are literal.
    fn literal(&mut self, at: usize) -> usize {
        let indent = self.lines[at].indent();
        let inside = |line: &&Line<'_>| line.is_blank() || line.indent() > indent;
        let after = at + 1 + self.lines[at + 1..].iter().take_while(inside).count();
        let first = (at + 1..after).find(|index| !self.lines[*index].is_blank());
        let last = (at + 1..after).rfind(|index| !self.lines[*index].is_blank());
        if let (Some(first), Some(last)) = (first, last) {
            self.outline.block(span_of(self.lines, first, last), ChunkKind::Code, None);
        }
        after
    }
}

/// `=====  =====`: two columns at least, for a single one is an overline.
fn is_rule(words: &str) -> bool {
    words.starts_with("==") && words.contains(' ') && words.chars().all(|c| matches!(c, '=' | ' '))
}

/// Whether the indented lines below are literal: after `::`, and in the directives for code.
fn begins_literal(words: &str) -> bool {
    const CODE: [&str; 7] =
        ["code-block::", "code::", "sourcecode::", "parsed-literal::", "prompt::", "math::", "ipython::"];
    match words.strip_prefix(".. ") {
        Some(directive) => CODE.iter().any(|name| directive.trim_start().starts_with(name)),
        None => words.ends_with("::"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{blocks, titles};
    use super::*;

    #[test]
    fn marks_are_levels_in_the_order_of_their_first_use() {
        let text = "=====\nGuide\n=====\n\n:Author: Kim\n:orphan:\n\n설치\n----\n\ntext\n\nSteps\n~~~~~\n\nMore\n----\n\n=====\nOther\n=====\n";
        let outline = outline(text);
        assert_eq!(titles(&outline), [(1, "Guide"), (2, "설치"), (3, "Steps"), (2, "More"), (1, "Other")]);
        assert_eq!(outline.headings[0].span.slice(text), "=====\nGuide\n=====");
        assert_eq!(outline.headings[1].span.slice(text), "설치\n----");
        assert_eq!(outline.metadata.into_iter().collect::<Vec<_>>(), [("author".into(), "Kim".into())]);
    }

    #[test]
    fn literal_blocks_and_directives_for_code_are_code() {
        let text = "So::\n\n    a = 1\n\n    b = 2\n\nText.\n\n.. code-block:: rust\n   :linenos:\n\n   fn x() {}\n\n.. note::\n   Prose.\n";
        let found = outline(text);
        assert_eq!(
            blocks(&found, text),
            [
                (ChunkKind::Code, "    a = 1\n\n    b = 2", None),
                (ChunkKind::Code, "   :linenos:\n\n   fn x() {}", None)
            ]
        );
    }

    #[test]
    fn tables_are_found_with_their_headers() {
        let text = "====  ====\nName  Size\n====  ====\na     1\nb     2\n====  ====\n\n+---+---+\n| a | b |\n+===+===+\n| 1 | 2 |\n+---+---+\n";
        let found = outline(text);
        let expected = [
            (
                ChunkKind::Table,
                "====  ====\nName  Size\n====  ====\na     1\nb     2\n====  ====",
                Some("====  ====\nName  Size\n====  ===="),
            ),
            (
                ChunkKind::Table,
                "+---+---+\n| a | b |\n+===+===+\n| 1 | 2 |\n+---+---+",
                Some("+---+---+\n| a | b |\n+===+===+"),
            ),
        ];
        assert_eq!(blocks(&found, text), expected);
        assert_eq!(titles(&found), []);
    }

    #[test]
    fn a_transition_and_a_list_are_no_headings() {
        assert_eq!(titles(&outline("Text above.\n\n----------\n\nText below.\n\n- item\n- item\n")), []);
        assert_eq!(titles(&outline("....\n")), []);
    }

    #[test]
    fn code_that_looks_like_a_heading_is_none() {
        assert_eq!(titles(&outline("Say::\n\n   Title\n   =====\n")), []);
    }

    #[test]
    fn spans_are_whole_lines() {
        let text = "A\n=\n";
        assert_eq!(outline(text).headings[0].span.slice(text), "A\n=");
    }
}
