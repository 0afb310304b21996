//! What can be observed of a question and of the two lists that it gave, before they are fused.

use std::collections::BTreeSet;

use crate::keyword::KeywordAnswer;
use crate::types::{ChunkId, LegHit, TermStatistics};

/// Observations of one question. Each is 0 to 1 or a little beyond.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Signals {
    /// The share of the question's idf mass in terms that the index knows. Low for a question in a language that the
    /// documents are not in, and for misspellings.
    pub known: f32,
    /// The share of the known idf mass that the best keyword hit has: near 1, one passage says nearly all of the question.
    pub matched: f32,
    /// How far the best keyword hit stands above the second, as a share of its score.
    pub keyword_gap: f32,
    /// How far the best vector hit stands above the second, as a share of the spread of the list.
    pub vector_gap: f32,
    /// The share of the first ten hits that both lists have.
    pub overlap: f32,
    /// How many terms the question has beside those that only ask: 0 for none, 1 for 32, on a logarithmic scale.
    pub length: f32,
}

/// Terms of a long question.
const TERMS_MANY: f32 = 32.0;
/// How deep both lists are compared.
const OVERLAP_DEPTH: usize = 10;

impl Signals {
    /// Names, in the order of [`values`](Self::values).
    pub const NAMES: [&'static str; 6] = ["known", "matched", "keyword_gap", "vector_gap", "overlap", "length"];

    /// The observations in the order of [`NAMES`](Self::NAMES).
    pub fn values(&self) -> [f32; 6] {
        [self.known, self.matched, self.keyword_gap, self.vector_gap, self.overlap, self.length]
    }

    /// The observations by name.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, f32)> {
        Self::NAMES.into_iter().zip(self.values())
    }

    /// What both lists show, each sorted best first.
    pub fn of(keyword: &KeywordAnswer, vector: &[LegHit]) -> Self {
        let best = keyword.hits.first().map_or(0.0, |hit| hit.score);
        let telling = keyword.terms.iter().filter(|term| !term.is_stop_word).count();
        Self {
            known: known_share(&keyword.terms),
            matched: if keyword.score_bound > 0.0 { best / keyword.score_bound } else { 0.0 },
            keyword_gap: gap(&keyword.hits, best),
            vector_gap: gap(vector, spread(vector)),
            overlap: overlap(&keyword.hits, vector),
            length: (1.0 + telling as f32).ln() / (1.0 + TERMS_MANY).ln(),
        }
    }
}

fn known_share(terms: &[TermStatistics]) -> f32 {
    let telling = || terms.iter().filter(|term| !term.is_stop_word);
    let all: f32 = telling().map(|term| term.idf).sum();
    let known: f32 = telling().filter(|term| term.chunks > 0).map(|term| term.idf).sum();
    if all > 0.0 { known / all } else { 0.0 }
}

fn spread(hits: &[LegHit]) -> f32 {
    hits.first().zip(hits.last()).map_or(0.0, |(first, last)| first.score - last.score)
}

fn gap(hits: &[LegHit], scale: f32) -> f32 {
    match hits {
        [first, second, ..] if scale > 0.0 => (first.score - second.score) / scale,
        _ => 0.0,
    }
}

fn overlap(keyword: &[LegHit], vector: &[LegHit]) -> f32 {
    let top = |hits: &[LegHit]| hits.iter().take(OVERLAP_DEPTH).map(|hit| hit.chunk).collect::<BTreeSet<ChunkId>>();
    top(keyword).intersection(&top(vector)).count() as f32 / OVERLAP_DEPTH as f32
}
