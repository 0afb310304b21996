//! Grapheme clusters are what a reader takes for one character, and no cut may fall inside one.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use crate::Span;

/// Whether a cluster begins or ends at byte `at` of `text`.
pub(super) fn is_boundary(text: &str, at: usize) -> bool {
    if at == 0 || at == text.len() {
        return true;
    }
    text.is_char_boundary(at) && GraphemeCursor::new(at, text.len(), true).is_boundary(text, 0).unwrap_or(false)
}

/// The last boundary before `at`, which may lie inside a character or a cluster.
pub(super) fn boundary_before(text: &str, at: usize) -> usize {
    let floor = text.floor_char_boundary(at.min(text.len()));
    GraphemeCursor::new(floor, text.len(), true).prev_boundary(text, 0).ok().flatten().unwrap_or(0)
}

/// The length of the cluster that `text` begins with.
pub(super) fn first_len(text: &str) -> usize {
    text.graphemes(true).next().map_or(0, str::len)
}

/// The boundary nearest to the middle of `text`, or `None` when there is only one cluster.
pub(super) fn middle(text: &str) -> Option<usize> {
    let half = text.floor_char_boundary(text.len() / 2);
    let before = if is_boundary(text, half) { half } else { boundary_before(text, half) };
    let cut = if before > 0 { before } else { first_len(text) };
    (cut > 0 && cut < text.len()).then_some(cut)
}

/// `span` without white space at its ends. A space that carries a combining mark is not white space but a character.
pub(super) fn trimmed(text: &str, span: Span) -> Span {
    let words = span.slice(text);
    let without_end = words.trim_end();
    let mut end = without_end.len();
    while !is_boundary(words, end) {
        end += words[end..].chars().next().map_or(1, char::len_utf8);
    }
    let kept = &words[..end];
    let mut start = kept.len() - kept.trim_start().len();
    while !is_boundary(kept, start) {
        start -= kept[..start].chars().next_back().map_or(1, char::len_utf8);
    }
    Span::new(span.start + start, span.start + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trim(text: &str) -> &str {
        trimmed(text, Span::new(0, text.len())).slice(text)
    }

    #[test]
    fn trimming_keeps_a_space_that_carries_a_mark() {
        assert_eq!(trim("  a b \n"), "a b");
        assert_eq!(trim("\n  \u{301}a "), " \u{301}a");
        assert_eq!(trim("a\u{600} "), "a\u{600} ");
        assert_eq!(trim(" \n "), "");
    }

    #[test]
    fn the_middle_never_splits_a_family() {
        let family = "👨\u{200D}👩\u{200D}👧";
        assert_eq!(middle(family), None);
        assert_eq!(middle(&format!("a{family}")), Some(1));
        assert_eq!(middle(&format!("{family}a")), Some(family.len()));
    }
}
