//! Overlap lets a chunk begin with the last words of the one before it, inside the same section.

use super::grapheme::is_boundary;
use super::ruler::Ruler;
use super::{Chunk, Document};
use crate::Span;

/// Extends each chunk backwards by at most `tokens` tokens, to the beginning of a word. A chunk never reaches the start of
/// the one before it, nor beyond the last heading.
pub(super) fn extend_back(document: &Document, chunks: &mut [Chunk], tokens: usize, ruler: &Ruler<'_>) {
    for index in (1..chunks.len()).rev() {
        let before = &chunks[index - 1];
        // A part of a table has its header instead.
        if before.heading_path != chunks[index].heading_path || chunks[index].header.is_some() {
            continue;
        }
        let span = chunks[index].span;
        let headings = document.headings.partition_point(|heading| heading.span.start <= span.start);
        let heading = headings.checked_sub(1).map_or(0, |last| document.headings[last].span.start);
        let reach = Span::new(heading.max(before.span.start + 1).min(span.start), span.start);
        chunks[index].span.start = extended_start(&document.text, reach, span.end, tokens, ruler);
    }
}

fn extended_start(text: &str, reach: Span, end: usize, tokens: usize, ruler: &Ruler<'_>) -> usize {
    let mut best = reach.end;
    let begins_word = |at: usize| {
        let after_space = text[..at].ends_with(char::is_whitespace);
        after_space && text[at..].starts_with(|c: char| !c.is_whitespace()) && is_boundary(text, at)
    };
    for start in (reach.start..reach.end).rev().filter(|at| text.is_char_boundary(*at)) {
        if reach.end - start > ruler.bytes_max() {
            break;
        }
        if !begins_word(start) {
            continue;
        }
        let fits = ruler.tokens(text, Span::new(start, reach.end)) <= tokens
            && ruler.fitting_tokens(text, Span::new(start, end)).is_some();
        if !fits {
            break;
        }
        best = start;
    }
    best
}
