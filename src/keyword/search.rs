//! One search: scores for every chunk, then the best that pass the filter and the clauses.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tantivy::index::SegmentReader;
use tantivy::{DocId, Searcher};

use super::KeywordError;
use super::allowed::Allowed;
use super::clauses::Clauses;
use super::neighbours::Neighbours;
use super::query::{KeywordAnswer, KeywordQuery};
use super::schema::{CHUNK, Fields};
use super::scoring::Scoring;
use crate::analysis::Language;
use crate::types::{ChunkId, FacetQuery, LegHit};

/// What to look for, and where.
pub(super) struct Question<'a> {
    pub(super) query: &'a KeywordQuery,
    pub(super) filter: &'a FacetQuery,
    /// Languages whose stems are tried.
    pub(super) languages: &'a [Language],
}

/// The hits, from the best, that neighbouring words can lift: what stands behind them would have to gain more than pairs
/// give, and to look at more costs more than the rest of the search.
const BOOSTED: usize = 100;

/// The best chunks for a question.
pub(super) fn search(
    searcher: &Searcher,
    fields: &Fields,
    question: &Question<'_>,
    k: usize,
) -> Result<KeywordAnswer, KeywordError> {
    let scoring = Scoring::new(searcher, fields, question.query, question.languages)?;
    let mut hits = Vec::new();
    if k > 0 {
        let mut best = Best { k: k.max(BOOSTED), hits: BinaryHeap::new() };
        let clauses = Clauses::new(searcher, fields, question.query, question.languages)?;
        for (number, segment) in (0..).zip(searcher.segment_readers()) {
            let scores = scoring.scores(segment)?;
            let allowed = Allowed::by_filter(segment, fields.facet, question.filter)?.and_clauses(segment, &clauses)?;
            best.take((number, segment), &scores, &allowed)?;
        }
        let ranked = boosted(best.into_ranked(), searcher, fields, question)?;
        hits.extend(ranked.iter().take(k).map(|ranked| LegHit { chunk: ranked.chunk, score: ranked.score }));
    }
    Ok(KeywordAnswer { hits, score_bound: scoring.bound(), terms: scoring.into_terms() })
}

/// A ranking, best first, with what neighbouring words add to the first of it.
pub(super) fn boosted(
    mut ranking: Vec<Ranked>,
    searcher: &Searcher,
    fields: &Fields,
    question: &Question<'_>,
) -> Result<Vec<Ranked>, KeywordError> {
    let neighbours = Neighbours::new(searcher, fields, question.query, question.languages)?;
    let first = ranking.len().min(BOOSTED);
    let first = &mut ranking[..first];
    first.sort_unstable_by_key(|ranked| ranked.at);
    for part in first.chunk_by_mut(|a, b| a.at.0 == b.at.0) {
        let places: Vec<DocId> = part.iter().map(|ranked| ranked.at.1).collect();
        let segment = searcher.segment_reader(part[0].at.0);
        for (ranked, boost) in part.iter_mut().zip(neighbours.boosts(segment, &places)?) {
            ranked.score += boost;
            ranked.boost = boost;
        }
    }
    first.sort_unstable_by(|a, b| b.cmp(a));
    Ok(ranking)
}

/// A chunk with its score: the greater, the better, and the smaller chunk first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ranked {
    pub(super) score: f32,
    /// What neighbouring words have added to the score.
    pub(super) boost: f32,
    pub(super) chunk: ChunkId,
    /// Number of its segment, and its place there.
    pub(super) at: (u32, DocId),
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.score.total_cmp(&other.score).then(other.chunk.cmp(&self.chunk))
    }
}

/// The best hits so far, the worst of them on top.
struct Best {
    k: usize,
    hits: BinaryHeap<Reverse<Ranked>>,
}

impl Best {
    fn take(
        &mut self,
        (number, segment): (u32, &SegmentReader),
        scores: &[f32],
        allowed: &Allowed,
    ) -> Result<(), KeywordError> {
        let chunks = segment.fast_fields().u64(CHUNK)?;
        let mut least = self.least();
        for (place, &score) in (0..).zip(scores) {
            if score <= 0.0 || score < least || !allowed.passes(place) || segment.is_deleted(place) {
                continue;
            }
            let Some(chunk) = chunks.first(place) else { continue };
            let ranked = Ranked { score, boost: 0.0, chunk: ChunkId(chunk), at: (number, place) };
            self.hits.push(Reverse(ranked));
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
        self.hits.peek().map_or(0.0, |Reverse(worst)| worst.score)
    }

    fn into_ranked(self) -> Vec<Ranked> {
        self.hits.into_sorted_vec().into_iter().map(|Reverse(ranked)| ranked).collect()
    }
}
