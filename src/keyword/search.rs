//! One search: scores for every chunk, then the best that pass the filter and the clauses.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tantivy::Searcher;
use tantivy::index::SegmentReader;

use super::KeywordError;
use super::allowed::Allowed;
use super::clauses::Clauses;
use super::query::{KeywordAnswer, KeywordQuery};
use super::schema::{CHUNK, Fields};
use super::scoring::Scoring;
use crate::analysis::Language;
use crate::types::{ChunkId, FacetQuery, LegHit};

/// What to look for, and where.
pub(super) struct Question<'a> {
    pub(super) query: &'a KeywordQuery,
    pub(super) filter: &'a FacetQuery,
    /// Languages whose stems the index holds.
    pub(super) languages: &'a [Language],
}

/// The best chunks for a question.
pub(super) fn search(
    searcher: &Searcher,
    fields: &Fields,
    question: &Question<'_>,
    k: usize,
) -> Result<KeywordAnswer, KeywordError> {
    let scoring = Scoring::new(searcher, fields, question.query, question.languages)?;
    let clauses = Clauses::new(searcher, fields, question.query, question.languages)?;
    let mut best = Best { k, hits: BinaryHeap::new() };
    for segment in searcher.segment_readers().iter().filter(|_| k > 0) {
        let scores = scoring.scores(segment)?;
        let allowed = Allowed::by_filter(segment, fields.facet, question.filter)?.and_clauses(segment, &clauses)?;
        best.take(segment, &scores, &allowed)?;
    }
    Ok(KeywordAnswer { hits: best.into_hits(), score_bound: scoring.bound(), terms: scoring.into_terms() })
}

/// A score that sorts, with the chunk: the greater, the better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ranked(pub(super) f32, pub(super) Reverse<ChunkId>);

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0).then(self.1.cmp(&other.1))
    }
}

/// The best hits so far, the worst of them on top.
struct Best {
    k: usize,
    hits: BinaryHeap<Reverse<Ranked>>,
}

impl Best {
    fn take(&mut self, segment: &SegmentReader, scores: &[f32], allowed: &Allowed) -> Result<(), KeywordError> {
        let chunks = segment.fast_fields().u64(CHUNK)?;
        let mut least = self.least();
        for (place, &score) in (0..).zip(scores) {
            if score <= 0.0 || score < least || !allowed.passes(place) || segment.is_deleted(place) {
                continue;
            }
            let Some(chunk) = chunks.first(place) else { continue };
            self.hits.push(Reverse(Ranked(score, Reverse(ChunkId(chunk)))));
            if self.hits.len() > self.k {
                self.hits.pop();
                least = self.least();
            }
        }
        Ok(())
    }

    /// Lower scores cannot enter.
    fn least(&self) -> f32 {
        if self.hits.len() < self.k {
            return 0.0;
        }
        self.hits.peek().map_or(0.0, |Reverse(worst)| worst.0)
    }

    fn into_hits(self) -> Vec<LegHit> {
        let ranked = self.hits.into_sorted_vec();
        ranked.into_iter().map(|Reverse(Ranked(score, Reverse(chunk)))| LegHit { chunk, score }).collect()
    }
}
