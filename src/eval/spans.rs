//! How well the retrieved chunks cover the very passages that answer, and how much else they bring.
//!
//! The definitions are those of Smith and Troynikov 2024, "Evaluating Chunking Strategies for Retrieval" (Chroma), as their
//! code (`chunking_evaluation`) computes them: over characters of the first five chunks.

use ibid_ingest::Span;
use serde::{Deserialize, Serialize};

/// Chunks that are looked at, from the first: the default of the code that the definitions come from.
pub(super) const CHUNKS: usize = 5;

/// A passage of a document that answers a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoldSpan {
    /// The document, by the name that hits have as their URI.
    pub document: String,
    /// Bytes of the document's text.
    pub span: Span,
    /// The passage, `text[span]`.
    #[serde(skip)]
    pub text: String,
}

/// A chunk that was retrieved.
#[derive(Debug, Clone, Copy)]
pub struct Retrieved<'a> {
    /// Its document.
    pub document: &'a str,
    /// Bytes of the document's text.
    pub span: Span,
    /// The chunk, `text[span]`.
    pub text: &'a str,
}

/// Scores over characters, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct SpanScores {
    /// The share of the retrieved characters that belong to an expected passage.
    pub precision: f64,
    /// The share of the expected characters that were retrieved.
    pub recall: f64,
    /// The characters that are both over those that are either. A character that two chunks repeat is retrieved twice.
    pub iou: f64,
}

impl SpanScores {
    /// The scores of the first five of `retrieved` chunks, best first. All are 0 when nothing is retrieved or expected.
    pub fn of(retrieved: &[Retrieved<'_>], expected: &[GoldSpan]) -> Self {
        let retrieved = &retrieved[..retrieved.len().min(CHUNKS)];
        let wanted: usize = expected.iter().map(|gold| gold.text.chars().count()).sum();
        let brought: usize = retrieved.iter().map(|chunk| chunk.text.chars().count()).sum();
        if wanted == 0 || brought == 0 {
            return Self::default();
        }
        let (both, missed) = covered(retrieved, expected);
        Self {
            precision: both as f64 / brought as f64,
            recall: both as f64 / wanted as f64,
            iou: both as f64 / (brought + missed) as f64,
        }
    }
}

/// Characters of the expected passages that the chunks hold, each once, and those that they do not hold.
fn covered(retrieved: &[Retrieved<'_>], expected: &[GoldSpan]) -> (usize, usize) {
    let mut expected: Vec<&GoldSpan> = expected.iter().collect();
    expected.sort_by_key(|gold| (&gold.document, gold.span));
    let (mut both, mut missed) = (0, 0);
    let mut counted_to: (&str, usize) = ("", 0);
    for gold in expected {
        if counted_to.0 != gold.document {
            counted_to = (&gold.document, 0);
        }
        missed += gold.text.chars().count();
        for part in parts_held(retrieved, gold) {
            missed -= characters(gold, part);
            // What an expected passage before this one shares with it was counted there.
            both += characters(gold, Span::new(part.start.max(counted_to.1), part.end));
            counted_to.1 = counted_to.1.max(part.end);
        }
    }
    (both, missed)
}

/// The parts of a passage that chunks hold: ascending, apart from each other.
fn parts_held(retrieved: &[Retrieved<'_>], gold: &GoldSpan) -> Vec<Span> {
    let of_document = retrieved.iter().filter(|chunk| chunk.document == gold.document);
    let cut = |span: Span| Span { start: span.start.max(gold.span.start), end: span.end.min(gold.span.end) };
    let mut parts: Vec<Span> = of_document.map(|chunk| cut(chunk.span)).filter(|part| !part.is_empty()).collect();
    parts.sort_unstable();
    let mut apart: Vec<Span> = Vec::with_capacity(parts.len());
    for part in parts {
        match apart.last_mut().filter(|last| part.start <= last.end) {
            Some(last) => last.end = last.end.max(part.end),
            None => apart.push(part),
        }
    }
    apart
}

/// Characters of a part of a passage.
fn characters(gold: &GoldSpan, part: Span) -> usize {
    let inside = gold.text.get(part.start - gold.span.start..part.end.max(part.start) - gold.span.start);
    inside.map_or(0, |text| text.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0123456789가나다라마바사아자차0123456789";

    fn gold(start: usize, end: usize) -> GoldSpan {
        GoldSpan { document: "d".to_owned(), span: Span { start, end }, text: TEXT[start..end].to_owned() }
    }

    fn chunk(document: &str, start: usize, end: usize) -> Retrieved<'_> {
        Retrieved { document, span: Span { start, end }, text: &TEXT[start..end] }
    }

    #[test]
    fn values_worked_out_by_hand() {
        // 10 of 20 retrieved characters are expected, and 5 expected ones are missed; a Hangul syllable is one character.
        let scores = SpanScores::of(&[chunk("d", 0, 40)], &[gold(10, 40), gold(40, 45)]);
        assert_eq!(scores, SpanScores { precision: 0.5, recall: 10.0 / 15.0, iou: 10.0 / 25.0 });
        let exact = SpanScores::of(&[chunk("d", 10, 40)], &[gold(10, 40)]);
        assert_eq!(exact, SpanScores { precision: 1.0, recall: 1.0, iou: 1.0 });
    }

    #[test]
    fn a_chunk_of_another_document_only_costs_precision() {
        let scores = SpanScores::of(&[chunk("e", 0, 10), chunk("d", 0, 10)], &[gold(0, 10)]);
        assert_eq!(scores, SpanScores { precision: 0.5, recall: 1.0, iou: 0.5 });
    }

    #[test]
    fn what_chunks_repeat_is_found_once_and_retrieved_twice() {
        let scores = SpanScores::of(&[chunk("d", 0, 8), chunk("d", 2, 10)], &[gold(0, 10)]);
        assert_eq!(scores, SpanScores { precision: 10.0 / 16.0, recall: 1.0, iou: 10.0 / 16.0 });
    }

    #[test]
    fn passages_that_overlap_are_found_once_and_wanted_twice() {
        let scores = SpanScores::of(&[chunk("d", 0, 10)], &[gold(0, 8), gold(4, 10)]);
        assert_eq!(scores, SpanScores { precision: 1.0, recall: 10.0 / 14.0, iou: 1.0 });
    }

    #[test]
    fn only_the_first_five_chunks_count_and_none_is_zero() {
        let mut retrieved = vec![chunk("d", 0, 1); CHUNKS];
        retrieved.push(chunk("d", 10, 40));
        assert_eq!(SpanScores::of(&retrieved, &[gold(10, 40)]), SpanScores::default());
        assert_eq!(SpanScores::of(&[], &[gold(10, 40)]), SpanScores::default());
    }
}
