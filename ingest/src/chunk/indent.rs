//! Code is cut between its lines, where they are indented least: there one thing ends and another begins.
//!
//! Indentation says it in every language, with or without a grammar and in broken code, and costs one look at each line.

use super::ruler::Ruler;
use crate::Span;

/// Where the first part of the code under `span` ends so that it fits: at the beginning of a line. `None` when not even the
/// first line fits.
pub(super) fn first_end(text: &str, span: Span, ruler: &Ruler<'_>) -> Option<usize> {
    // What lies beyond can never fit, and looking at all of a long block for each of its parts would cost the square of it.
    let near = Span::new(span.start, text.floor_char_boundary(span.end.min(span.start + 2 * ruler.bytes_max())));
    if near.end == span.end && ruler.fitting_tokens(text, span).is_some() {
        return Some(span.end);
    }
    let lines = Lines::of(text, span, ruler.bytes_max());
    let reach = lines.last_fitting(|end| ruler.fitting_tokens(text, Span::new(span.start, end)).is_some())?;
    Some(lines.best_cut(reach, span))
}

/// The beginnings of lines that a part may reach to.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    /// The lines behind the first one under `span`, as far as a part can reach.
    fn of(text: &'t str, span: Span, bytes_max: usize) -> Self {
        let reach = text.floor_char_boundary(span.end.min(span.start + bytes_max));
        let ends = text[span.start..reach].match_indices('\n').map(|(at, _)| span.start + at + 1);
        Self { text, starts: ends.filter(|start| *start < span.end).collect() }
    }

    /// The index of the last line that a part which fits can end before. Sizes grow with the text but for a token or two, and
    /// what they are wrong by is cut again.
    fn last_fitting(&self, fits: impl Fn(usize) -> bool) -> Option<usize> {
        // Counting costs more the longer the text is, so the search begins at the short end.
        let mut beyond = 1;
        while self.starts.get(beyond - 1).is_some_and(|end| fits(*end)) {
            beyond *= 2;
        }
        let (mut low, mut high) = (beyond / 2, beyond.min(self.starts.len() + 1));
        while low + 1 < high {
            let middle = low.midpoint(high);
            if fits(self.starts[middle - 1]) {
                low = middle;
            } else {
                high = middle;
            }
        }
        low.checked_sub(1)
    }

    /// The best cut that does not leave a part less than a third full.
    fn best_cut(&self, reach: usize, span: Span) -> usize {
        let full = self.starts[reach] - span.start;
        let rest = span.len();
        // Two parts of like size are better than a full one and a bracket.
        let aim = span.start + if rest < 2 * full { rest / 2 } else { full };
        let least = span.start + full / 3;
        let first = self.starts.partition_point(|start| *start < least).min(reach);
        let cuts = self.starts[first..=reach].iter().copied();
        let cost = |start: &usize| (self.cost(*start), start.abs_diff(aim));
        cuts.min_by_key(cost).unwrap_or(self.starts[reach])
    }

    /// How much a cut before the line at `start` would tear apart.
    fn cost(&self, start: usize) -> usize {
        let line = self.line(start);
        let words = line.trim();
        if words.is_empty() || continues(words) {
            return usize::MAX;
        }
        let written = self.text[..start].trim_end_matches('\n');
        let after_blank = start - written.len() > 1;
        let above = written.rsplit('\n').next().unwrap_or_default();
        // A comment apart from its code is worse than a cut two levels further in, a line apart from what it opens worse than
        // one level.
        let torn = if !after_blank && leads(above.trim()) { 9 } else { 0 };
        let opened = if columns(above) < columns(line) { 4 } else { 0 };
        3 * (columns(line) + torn + opened) + usize::from(!after_blank)
    }

    fn line(&self, start: usize) -> &'t str {
        self.text[start..].split('\n').next().unwrap_or_default()
    }
}

/// Whether a line belongs to the one above it: it closes what was opened there, or goes on with it.
fn continues(words: &str) -> bool {
    const WORDS: [&str; 11] =
        ["else", "elif", "elsif", "catch", "except", "finally", "rescue", "ensure", "end", "fi", "done"];
    let first = words.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    words.starts_with(['}', ')', ']', '{']) || words.starts_with("</") || WORDS.contains(&first)
}

/// Whether a line speaks of the one below it: a comment or an attribute.
fn leads(words: &str) -> bool {
    ["//", "/*", "*", "#", "--", "@", "[", ";"].iter().any(|mark| words.starts_with(mark))
}

/// How far a line is indented. A tab counts as four columns.
fn columns(line: &str) -> usize {
    line.bytes()
        .map_while(|byte| [(b' ', 1), (b'\t', 4)].iter().find(|(blank, _)| *blank == byte))
        .map(|(_, n)| n)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::super::TokenCounter;
    use super::*;

    struct Bytes;

    impl TokenCounter for Bytes {
        fn count(&self, text: &str) -> usize {
            text.len()
        }
    }

    fn parts(text: &str, bytes: usize) -> Vec<&str> {
        let ruler = Ruler::new(&Bytes, bytes);
        let mut start = 0;
        let mut parts = Vec::new();
        while let Some(end) = first_end(text, Span::new(start, text.len()), &ruler).filter(|end| *end > start) {
            parts.push(&text[start..end]);
            start = end;
        }
        parts
    }

    #[test]
    fn code_is_cut_where_it_is_indented_least() {
        let text = "fn a() {\n    one();\n    two();\n}\nfn b() {\n    three();\n}\n";
        assert_eq!(parts(text, 50), ["fn a() {\n    one();\n    two();\n}\n", "fn b() {\n    three();\n}\n"]);
    }

    #[test]
    fn a_comment_stays_with_what_it_speaks_of() {
        let text = "    a = 1\n    b = 2\n    c = 3\n    # sum\n    d = a + b + c\n    e = 4\n    f = 5\n";
        assert_eq!(parts(text, 50)[0], "    a = 1\n    b = 2\n    c = 3\n");
    }

    #[test]
    fn a_closing_bracket_begins_no_part() {
        let text = "if (x) {\n  aaaaaaaaa\n} else {\n  bbbbbbbbbbbbbb\n}\nnext();\nlast();\n";
        assert!(parts(text, 46).iter().all(|part| !part.starts_with('}')), "{:?}", parts(text, 46));
    }

    #[test]
    fn a_line_that_does_not_fit_is_left_to_another() {
        assert_eq!(parts(&"x".repeat(100), 10), [""; 0]);
    }
}
