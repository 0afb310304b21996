//! Passages as hits: the words of what they span, and the section around them.

use ibid_ingest::{Span, joined_location};

use super::selection::{Candidate, Passage};
use crate::store::{ChunkSource, Store, StoreError};
use crate::types::{Chunk, ChunkRow, Hit, LegRank, Legs, Reranked, Section};

/// The longest section that is given whole: some 2,000 words, which a model's window holds several of.
const SECTION_BYTES_MAX: usize = 12_000;

/// Whether and what a hit says of how it was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    /// Whether both legs ran, so that the fused score counts.
    pub(super) hybrid: bool,
    pub(super) explain: bool,
}

/// The passage as a hit. `None` when its text changed a moment ago.
pub(super) async fn hit(
    store: &dyn Store,
    passage: Passage,
    reranked: Option<Reranked>,
    shown: Shown,
) -> Result<Option<Hit>, StoreError> {
    let Passage { best, merged, span } = passage;
    let row = best.found.row;
    let document = best.found.document;
    let text = if merged.is_empty() {
        row.text.clone()
    } else {
        let slice = store.text_slice(document.id, span.start, span.end).await?;
        match slice.filter(|slice| (slice.start, slice.end) == (span.start, span.end)) {
            Some(slice) => slice.text,
            None => return Ok(None),
        }
    };
    let chunks = || std::iter::once(&row.chunk).chain(merged.iter().map(|candidate| &candidate.found.row.chunk));
    let page_first = chunks().filter_map(|chunk| chunk.page_first).min();
    let page_last = chunks().filter_map(|chunk| chunk.page_last).max();
    let (location, header) = (location_of(chunks()), header_at(span.start, &row, &merged));
    let own_score = |leg: Option<LegRank>| leg.map_or(0.0, |rank| rank.score);
    let fused = best.fused;
    let score = match (reranked, shown.hybrid) {
        (Some(reranked), _) => reranked.score,
        (None, true) => fused.score,
        (None, false) => own_score(fused.legs.keyword.or(fused.legs.vector)),
    };
    Ok(Some(Hit {
        chunk_id: row.id,
        document_id: document.id,
        collection: document.collection,
        uri: document.uri,
        title: document.title,
        media_type: document.media_type,
        page_first,
        page_last,
        heading_path: row.chunk.heading_path,
        location,
        kind: row.chunk.kind,
        header,
        span,
        text,
        highlights: Vec::new(),
        merged_chunk_ids: merged.iter().map(|candidate| candidate.fused.chunk).collect(),
        section: None,
        score,
        legs: shown.explain.then_some(Legs { rerank: reranked, ..fused.legs }),
        matched_terms: None,
    }))
}

/// Where the chunks of a passage stand: the place of one, or of the first to the last as each of them names its own.
fn location_of<'a>(chunks: impl Iterator<Item = &'a Chunk>) -> Option<String> {
    let mut chunks: Vec<&Chunk> = chunks.filter(|chunk| chunk.location.is_some()).collect();
    chunks.sort_by_key(|chunk| chunk.span.start);
    let places = chunks.iter().filter_map(|chunk| chunk.location.clone());
    places.reduce(|first, last| joined_location(&first, &last))
}

/// The header of the table that the passage begins inside of.
fn header_at(start: usize, best: &ChunkRow, merged: &[Candidate]) -> Option<String> {
    let rows = std::iter::once(best).chain(merged.iter().map(|candidate| &candidate.found.row));
    rows.filter(|row| row.chunk.span.start == start).find_map(|row| row.header.clone())
}

/// Adds to each hit the section that it stands in.
pub(super) async fn add_sections(store: &dyn Store, hits: &mut [Hit]) -> Result<(), StoreError> {
    for hit in hits {
        let Some(source) = store.chunk_source(hit.document_id).await? else { continue };
        hit.section = section_around(&source, hit.span);
    }
    Ok(())
}

/// The section of the innermost heading before the passage's end, from that heading to the next one that is not below it; the
/// whole body when there is no heading.
fn section_around(source: &ChunkSource, passage: Span) -> Option<Section> {
    let structure = &source.structure;
    let above = structure.headings.iter().enumerate().rfind(|(_, heading)| heading.span.start <= passage.start);
    let span = match above {
        None => structure.body,
        Some((place, heading)) => {
            let next = structure.headings[place + 1..].iter().find(|other| other.level <= heading.level);
            let end = next.map_or(structure.body.end, |next| next.span.start);
            Span { start: heading.span.start, end: end.max(passage.end) }
        }
    };
    let kept = around(passage, span, &source.text)?;
    let text = source.text.get(kept.start..kept.end)?.to_owned();
    Some(Section { span: kept, text, cut: kept != span })
}

/// The section, or as much of it around the passage as is given.
fn around(passage: Span, section: Span, text: &str) -> Option<Span> {
    text.get(passage.start..passage.end)?;
    if section.end - section.start <= SECTION_BYTES_MAX {
        return Some(section);
    }
    let room = SECTION_BYTES_MAX.saturating_sub(passage.end - passage.start) / 2;
    let start = text.ceil_char_boundary(passage.start.saturating_sub(room).max(section.start));
    let end = text.floor_char_boundary((passage.end + room).min(section.end));
    Some(Span { start: start.min(passage.start), end: end.max(passage.end) })
}
