//! Org: a heading begins with stars, and lines that begin with `#+` say what the document and its blocks are.

use super::{Line, Outline, lines, span_of};
use crate::{ChunkKind, Span};

pub(super) fn outline(text: &str) -> Outline {
    let lines = lines(text);
    let ends = |line: &Line<'_>| block_name(line.words, "end").is_some();
    let said = lines.iter().find(|line| !line.is_blank() && keyword(line.words).is_none());
    let mut reader = Reader { lines: &lines, last_end: lines.iter().rposition(ends), outline: Outline::default() };
    // What a document says of itself stands before its body.
    reader.outline.body = said.map(|first| Span::new(first.start, text.len()));
    let mut at = 0;
    while at < lines.len() {
        at = reader.read(at);
    }
    reader.outline
}

/// What a document says of itself. `#+` begins much else that only programs care for.
const KEYWORDS: [&str; 7] = ["title", "subtitle", "author", "date", "description", "keywords", "language"];

/// Words that say how far a task is and not what it is.
const STATES: [&str; 8] = ["TODO", "DONE", "NEXT", "WAITING", "HOLD", "STARTED", "CANCELLED", "CANCELED"];

struct Reader<'t> {
    lines: &'t [Line<'t>],
    /// The last line that ends a block. What begins behind it is never closed.
    last_end: Option<usize>,
    outline: Outline,
}

impl Reader<'_> {
    /// Reads what begins at a line, and says where the next thing begins.
    fn read(&mut self, at: usize) -> usize {
        let line = self.lines[at];
        if let Some(close) = self.closing(at) {
            self.outline.block(span_of(self.lines, at, close), ChunkKind::Code, None);
            return close + 1;
        }
        if line.words.trim_start().starts_with('|') {
            return self.table(at);
        }
        if let Some((level, title)) = heading(line.words) {
            self.outline.heading(level, span_of(self.lines, at, at), &title);
        } else if let Some((key, value)) = keyword(line.words)
            && KEYWORDS.iter().any(|known| key.eq_ignore_ascii_case(known))
        {
            self.outline.entry(key, value);
        }
        at + 1
    }

    /// Where the block of code that begins at a line ends.
    fn closing(&self, at: usize) -> Option<usize> {
        let name = block_name(self.lines[at].words, "begin")?;
        let verbatim = ["src", "example", "export"].iter().any(|known| name.eq_ignore_ascii_case(known));
        let last = self.last_end.filter(|last| verbatim && *last > at)?;
        let ends = |line: &Line<'_>| block_name(line.words, "end").is_some_and(|end| end.eq_ignore_ascii_case(name));
        // A heading ends every block, and none begins inside another one of its kind.
        let reach = &self.lines[at + 1..=last];
        let begins = |line: &Line<'_>| block_name(line.words, "begin").is_some() || heading(line.words).is_some();
        let until = reach.iter().position(|line| ends(line) || begins(line))?;
        ends(&reach[until]).then_some(at + 1 + until)
    }

    fn table(&mut self, at: usize) -> usize {
        let rows = self.lines[at..].iter().take_while(|line| line.words.trim_start().starts_with('|')).count();
        let rule = (at + 1..at + rows).find(|index| self.lines[*index].words.trim_start().starts_with("|-"));
        let header = rule.filter(|rule| *rule + 1 < at + rows).map(|rule| span_of(self.lines, at, rule));
        self.outline.block(span_of(self.lines, at, at + rows - 1), ChunkKind::Table, header);
        at + rows
    }
}

/// Key and value of `#+key: value`.
fn keyword(words: &str) -> Option<(&str, &str)> {
    let (key, value) = words.trim_start().strip_prefix("#+")?.split_once(':')?;
    key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then_some((key, value))
}

/// The name in `#+begin_src rust`.
fn block_name<'t>(words: &'t str, side: &str) -> Option<&'t str> {
    let rest = words.trim_start().strip_prefix("#+")?;
    let (said, name) = rest.split_once('_')?;
    said.eq_ignore_ascii_case(side).then(|| name.split_whitespace().next().unwrap_or_default())
}

/// Level and words of `** TODO [#A] Words :tag:`.
fn heading(words: &str) -> Option<(usize, String)> {
    let rest = words.trim_start_matches('*');
    let level = words.len() - rest.len();
    if level == 0 || !rest.starts_with(' ') {
        return None;
    }
    let mut kept: Vec<&str> = rest.split_whitespace().collect();
    if kept.len() > 1 && STATES.contains(&kept[0]) {
        kept.remove(0);
    }
    if kept.len() > 1 && kept[0].starts_with("[#") && kept[0].ends_with(']') {
        kept.remove(0);
    }
    let tagged = |last: &&str| last.len() > 2 && last.starts_with(':') && last.ends_with(':');
    if kept.len() > 1 && kept.last().is_some_and(tagged) {
        kept.pop();
    }
    Some((level, kept.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::super::{blocks, titles};
    use super::*;

    #[test]
    fn headings_lose_states_priorities_and_tags() {
        let text = "#+TITLE: 회의록\n#+author: Kim\n#+STARTUP: overview\n\n* TODO [#A] 준비 :work:home:\n** DONE\n*bold* text\n*** Notes\n";
        let outline = outline(text);
        assert_eq!(titles(&outline), [(1, "준비"), (2, "DONE"), (3, "Notes")]);
        let entries: Vec<_> = outline.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(entries, [("author", "Kim"), ("title", "회의록")]);
    }

    #[test]
    fn blocks_of_code_and_tables_are_found() {
        let text =
            "#+BEGIN_SRC sh\nls\n#+END_SRC\n\n| a | b |\n|---+---|\n| 1 | 2 |\n\n#+begin_quote\nwords\n#+end_quote\n";
        let expected = [
            (ChunkKind::Code, "#+BEGIN_SRC sh\nls\n#+END_SRC", None),
            (ChunkKind::Table, "| a | b |\n|---+---|\n| 1 | 2 |", Some("| a | b |\n|---+---|")),
        ];
        assert_eq!(blocks(&outline(text), text), expected);
    }

    #[test]
    fn a_block_that_is_never_closed_ends_at_the_next_heading() {
        let text = "#+begin_src sh\nls\n* Heading\n#+end_src\n";
        assert_eq!(titles(&outline(text)), [(1, "Heading")]);
        assert_eq!(blocks(&outline(text), text), []);
    }
}
