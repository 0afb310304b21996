//! AsciiDoc: a heading begins with `=`, and lines of four marks fence what stands between them.

use std::collections::HashMap;

use super::{Line, Outline, field, lines, span_of};
use crate::ChunkKind;

pub(super) fn outline(text: &str) -> Outline {
    let lines = lines(text);
    let fences = lines.iter().enumerate().filter(|(_, line)| fence(line.words).is_some());
    let last_fences = fences.map(|(index, line)| (line.words.trim_end(), index)).collect();
    let mut reader = Reader { lines: &lines, last_fences, outline: Outline::default() };
    let mut at = reader.header();
    while at < lines.len() {
        at = reader.read(at);
    }
    reader.outline
}

/// What a fence makes of the lines up to its like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fence {
    Code,
    Table,
    Comment,
}

/// A fence whose content is not read as AsciiDoc. Those of examples, quotations and sidebars hold ordinary text.
fn fence(words: &str) -> Option<Fence> {
    let bare = words.trim_end();
    if bare.len() >= 4 && ["|===", ",===", ":===", "!==="].iter().any(|open| bare.starts_with(open)) {
        return bare[1..].bytes().all(|byte| byte == b'=').then_some(Fence::Table);
    }
    if bare.starts_with("```") {
        return Some(Fence::Code);
    }
    match (Line { start: 0, words: bare }).run()? {
        ('-' | '.' | '+', 4..) => Some(Fence::Code),
        ('/', 4..) => Some(Fence::Comment),
        _ => None,
    }
}

struct Reader<'t> {
    lines: &'t [Line<'t>],
    /// The last line on which each fence stands. What opens behind it is never closed.
    last_fences: HashMap<&'t str, usize>,
    outline: Outline,
}

impl<'t> Reader<'t> {
    /// Reads title, author, revision and attributes at the head, and says where it ends.
    fn header(&mut self) -> usize {
        let said = |line: &Line<'_>| !line.is_blank() && !line.words.starts_with("//");
        let Some(first) = self.lines.iter().position(said) else { return self.lines.len() };
        let mut at = first;
        if let Some((1, title)) = heading(self.lines[first].words) {
            self.outline.heading(1, span_of(self.lines, first, first), title);
            at += 1;
            if let Some(author) = self.lines.get(at).and_then(|line| author(line.words)) {
                self.outline.entry("author", author);
                at += 1;
                let date = self.lines.get(at).and_then(|line| revision_date(line.words));
                self.outline.entry("date", date.unwrap_or_default());
                at += usize::from(date.is_some());
            }
        }
        while let Some((key, value)) = self.lines.get(at).and_then(|line| field(line.words)) {
            self.outline.entry(key, value);
            at += 1;
        }
        at
    }

    /// Reads what begins at a line, and says where the next thing begins.
    fn read(&mut self, at: usize) -> usize {
        let line = self.lines[at];
        if let Some(after) = self.underlined(at) {
            return after;
        }
        if let Some(kind) = fence(line.words)
            && let Some(close) = self.closing(at)
        {
            let header = self.table_header(at).filter(|_| kind == Fence::Table);
            let span = span_of(self.lines, self.with_attributes(at), close);
            match kind {
                Fence::Code => self.outline.block(span, ChunkKind::Code, None),
                Fence::Table => self.outline.block(span, ChunkKind::Table, header),
                Fence::Comment => {}
            }
            return close + 1;
        }
        if let Some((level, title)) = heading(line.words) {
            self.outline.heading(level, span_of(self.lines, at, at), title);
        }
        at + 1
    }

    /// The first of the lines above a fence that give it attributes and a title.
    fn with_attributes(&self, at: usize) -> usize {
        let speaks = |line: &&Line<'_>| {
            let words = line.words.trim_end();
            words.starts_with('[') && words.ends_with(']')
                || words.strip_prefix('.').is_some_and(|title| title.starts_with(char::is_alphanumeric))
        };
        at - self.lines[..at].iter().rev().take(4).take_while(speaks).count()
    }

    /// Where the fence at a line is closed.
    fn closing(&self, at: usize) -> Option<usize> {
        let fence = self.lines[at].words.trim_end();
        // A fence of code may name its language where it opens.
        let close = if fence.starts_with("```") { "```" } else { fence };
        let last = *self.last_fences.get(close).filter(|last| **last > at)?;
        (at + 1..=last).find(|index| self.lines[*index].words.trim_end() == close)
    }

    /// The first row of a table is its header when a blank line follows it.
    fn table_header(&self, at: usize) -> Option<crate::Span> {
        let (row, below) = (self.lines.get(at + 1)?, self.lines.get(at + 2)?);
        (!row.is_blank() && below.is_blank()).then(|| span_of(self.lines, at, at + 1))
    }

    /// A title with a line of marks below it, as long as itself.
    fn underlined(&mut self, at: usize) -> Option<usize> {
        let title = self.lines[at];
        let (mark, len) = self.lines.get(at + 1)?.run()?;
        let level = 1 + ['=', '-', '~', '^', '+'].iter().position(|known| *known == mark)?;
        let words = title.words.trim_end();
        let alike = words.chars().count().abs_diff(len) <= 1 && len >= 3;
        let apart = at == 0 || self.lines[at - 1].is_blank();
        let plain = title.indent() == 0 && words.starts_with(char::is_alphanumeric) && title.run().is_none();
        if !alike || !apart || !plain {
            return None;
        }
        self.outline.heading(level, span_of(self.lines, at, at + 1), words);
        Some(at + 2)
    }
}

/// Level and words of `== Words`.
fn heading(words: &str) -> Option<(usize, &str)> {
    let mark = words.chars().next().filter(|mark| matches!(mark, '=' | '#'))?;
    let title = words.trim_start_matches(mark);
    let level = words.len() - title.len();
    let symmetric = title.trim_end().trim_end_matches(mark);
    (level <= 6 && title.starts_with([' ', '\t'])).then_some((level, symmetric.trim()))
}

/// `Kim Min <kim@example.com>` below the title.
fn author(words: &str) -> Option<&str> {
    let plain = words.starts_with(char::is_alphabetic) && words.len() <= 200 && !words.contains("::");
    plain.then_some(words)
}

/// The date in `v1.2, 2026-11-21: remark`.
fn revision_date(words: &str) -> Option<&str> {
    let revision = words.split(':').next()?;
    let date = revision.rsplit(',').next()?.trim();
    let versioned = words.starts_with('v') || date.len() == words.trim().len();
    (versioned && date.starts_with(|c: char| c.is_ascii_digit())).then_some(date)
}

#[cfg(test)]
mod tests {
    use super::super::{blocks, titles};
    use super::*;

    #[test]
    fn the_head_says_who_wrote_it_and_when() {
        let text = "= 한강 안내\n김민 <kim@example.com>\nv1.0, 2026-11-21\n:toc:\n:lang: ko\n\nText.\n\n== 다리\n\n=== Steps ===\n";
        let outline = outline(text);
        assert_eq!(titles(&outline), [(1, "한강 안내"), (2, "다리"), (3, "Steps")]);
        let expected = [("author", "김민 <kim@example.com>"), ("date", "2026-11-21"), ("lang", "ko")];
        assert_eq!(outline.metadata.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_fenced_is_code_and_has_no_headings() {
        let text = "[source,sh]\n----\n== no heading\n----\n\n```rust\nfn x() {}\n```\n\n////\n== hidden\n////\n\n====\n== Example\n====\n";
        let found = outline(text);
        let expected = [
            (ChunkKind::Code, "[source,sh]\n----\n== no heading\n----", None),
            (ChunkKind::Code, "```rust\nfn x() {}\n```", None),
        ];
        assert_eq!(blocks(&found, text), expected);
        assert_eq!(titles(&found), [(2, "Example")]);
    }

    #[test]
    fn a_table_keeps_its_header() {
        let text = "|===\n|Name |Size\n\n|a |1\n|===\n";
        assert_eq!(blocks(&outline(text), text), [(ChunkKind::Table, text.trim_end(), Some("|===\n|Name |Size"))]);
    }

    #[test]
    fn old_headings_are_underlined() {
        assert_eq!(titles(&outline("Title\n=====\n\nPart\n----\n\ntext\n")), [(1, "Title"), (2, "Part")]);
    }

    #[test]
    fn a_fence_that_is_never_closed_hides_nothing() {
        assert_eq!(titles(&outline("text\n\n----\n\n== Heading\n")), [(2, "Heading")]);
    }
}
