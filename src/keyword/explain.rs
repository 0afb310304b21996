//! How given chunks stand for a question: rank, score, terms, and what keeps them out.

use std::collections::HashMap;

use tantivy::index::SegmentReader;
use tantivy::{DocId, Searcher};

use super::KeywordError;
use super::allowed::Allowed;
use super::clauses::Clauses;
use super::query::ChunkExplanation;
use super::schema::{CHUNK, Fields};
use super::scoring::Scoring;
use super::search::{Question, Ranked, boosted};
use crate::types::ChunkId;

/// For each chunk, how it stands; `None` when the index does not have it.
pub(super) fn explain(
    searcher: &Searcher,
    fields: &Fields,
    question: &Question<'_>,
    chunks: &[ChunkId],
) -> Result<Vec<Option<ChunkExplanation>>, KeywordError> {
    let scoring = Scoring::new(searcher, fields, question.query, question.languages)?;
    let clauses = Clauses::new(searcher, fields, question.query, question.languages)?;
    let mut wanted: HashMap<ChunkId, Option<ChunkExplanation>> = chunks.iter().map(|chunk| (*chunk, None)).collect();
    let mut ranking = Vec::new();
    for (number, segment) in (0..).zip(searcher.segment_readers()) {
        let scores = scoring.scores(segment)?;
        let by_filter = Allowed::by_filter(segment, fields.facet, question.filter)?;
        for (chunk, place) in places(segment, &wanted)? {
            let mut explained = standing(segment, &scoring, place, chunk)?;
            explained.score = scores[place as usize];
            explained.passes_filter = by_filter.passes(place);
            explained.rejected_by = rejected_by(segment, &clauses, place)?;
            wanted.insert(chunk, Some(explained));
        }
        add_to(&mut ranking, (number, segment), &scores, &by_filter.and_clauses(segment, &clauses)?)?;
    }
    ranking.sort_unstable_by(|a, b| b.cmp(a));
    for (rank, ranked) in (1..).zip(boosted(ranking, searcher, fields, question)?) {
        if let Some(Some(explained)) = wanted.get_mut(&ranked.chunk) {
            (explained.rank, explained.score, explained.boost) = (Some(rank), ranked.score, ranked.boost);
        }
    }
    Ok(chunks.iter().map(|chunk| wanted.get(chunk).cloned().flatten()).collect())
}

/// Those of the wanted chunks that a segment has, with their places.
fn places(
    segment: &SegmentReader,
    wanted: &HashMap<ChunkId, Option<ChunkExplanation>>,
) -> Result<Vec<(ChunkId, DocId)>, KeywordError> {
    let numbers = segment.fast_fields().u64(CHUNK)?;
    let numbered = segment.doc_ids_alive().filter_map(|place| Some((ChunkId(numbers.first(place)?), place)));
    Ok(numbered.filter(|(chunk, _)| wanted.contains_key(chunk)).collect())
}

fn standing(
    segment: &SegmentReader,
    scoring: &Scoring,
    place: DocId,
    chunk: ChunkId,
) -> Result<ChunkExplanation, KeywordError> {
    let (matched, missing) = scoring.explain(segment, place)?;
    Ok(ChunkExplanation {
        chunk,
        rank: None,
        score: 0.0,
        boost: 0.0,
        passes_filter: false,
        matched,
        missing,
        rejected_by: None,
    })
}

fn rejected_by(segment: &SegmentReader, clauses: &Clauses, place: DocId) -> Result<Option<String>, KeywordError> {
    for clause in clauses.iter() {
        let matches = clause.places(segment)?.binary_search(&place).is_ok();
        if matches == clause.excludes {
            return Ok(Some(clause.label.clone()));
        }
    }
    Ok(None)
}

/// Adds the chunks of a segment that a search would find.
fn add_to(
    ranking: &mut Vec<Ranked>,
    (number, segment): (u32, &SegmentReader),
    scores: &[f32],
    allowed: &Allowed,
) -> Result<(), KeywordError> {
    let numbers = segment.fast_fields().u64(CHUNK)?;
    let found = segment.doc_ids_alive().filter(|place| scores[*place as usize] > 0.0 && allowed.passes(*place));
    ranking.extend(found.filter_map(|place| {
        let chunk = ChunkId(numbers.first(place)?);
        Some(Ranked { score: scores[place as usize], boost: 0.0, chunk, at: (number, place) })
    }));
    Ok(())
}
