//! Why a passage or a document is not among the hits, or where it stands.

use std::collections::HashMap;

use super::explain::explained;
use super::legs::{self, LegQuestion};
use super::request::SearchError;
use super::search::{Chosen, FusedLists, Retriever, Search};
use crate::keyword::ChunkExplanation;
use crate::types::{
    ChunkId, Document, DocumentId, DroppedBy, FacetQuery, LegRank, WhyNot, WhyNotChunk, WhyNotDocument, document_facets,
};

/// How deep the vector leg is asked for the rank of a chunk.
const VECTOR_DEPTH: usize = 1_000;
/// Chunks that are told of.
const CHUNKS_SHOWN: usize = 20;

/// What was asked about, as the truth knows it.
struct Target {
    document: Document,
    /// All of the document's, or the one.
    chunks: Vec<ChunkId>,
}

/// Where the target stands, which is a chunk's id, a document's id or a URI.
///
/// # Errors
/// As a search.
pub(super) async fn why_not(
    retriever: &Retriever,
    search: &Search<'_>,
    lists: &FusedLists,
    chosen: &Chosen,
    target: &str,
) -> Result<WhyNot, SearchError> {
    let Some(found) = retriever.target(search, target).await? else {
        return Ok(WhyNot {
            target: target.to_owned(),
            document: None,
            summary: format!("there is no chunk, document or URI {target} that the caller may read"),
            chunks: Vec::new(),
        });
    };
    let passes_filter = search.question.facets.matches(&document_facets(&found.document));
    let words = explained(search, found.chunks.clone()).await?;
    let meanings = vector_ranks(search, lists).await?;
    let mut chunks: Vec<WhyNotChunk> = found
        .chunks
        .iter()
        .map(|chunk| {
            let told = Told { lists, chosen, k: search.request.k, passes_filter };
            told.chunk(*chunk, words.get(chunk), meanings.get(chunk).copied())
        })
        .collect();
    chunks.sort_by_key(|chunk| {
        let last = |rank: Option<usize>| rank.unwrap_or(usize::MAX);
        (last(chunk.hit), last(chunk.fused_rank), chunk.keyword_rank.unwrap_or(u64::MAX))
    });
    chunks.truncate(CHUNKS_SHOWN);
    let summary = summary(&found.document, chunks.first());
    let Document { id, collection, uri, .. } = found.document;
    let document = Some(WhyNotDocument { id, collection, uri, passes_filter });
    Ok(WhyNot { target: target.to_owned(), document, summary, chunks })
}

impl Retriever {
    /// The chunk or document that is meant, if there is one that the caller may read.
    async fn target(&self, search: &Search<'_>, target: &str) -> Result<Option<Target>, SearchError> {
        let store = self.store.as_ref();
        let readable = search.request.caller.narrowed(FacetQuery::default());
        let may_read = |document: &Document| readable.matches(&document_facets(document));
        if let Ok(chunk) = target.parse::<ChunkId>() {
            let found = store.chunks(&[chunk]).await?.pop().filter(|found| may_read(&found.document));
            return Ok(found.map(|found| Target { chunks: vec![found.row.id], document: found.document }));
        }
        for id in self.documents_named(target).await? {
            let Some(document) = store.document(id).await?.filter(|document| may_read(document)) else { continue };
            let rows = store.indexed_document(id, search.views.id).await?;
            let chunks = rows.map(|indexed| indexed.chunks.iter().map(|row| row.id).collect()).unwrap_or_default();
            return Ok(Some(Target { document, chunks }));
        }
        Ok(None)
    }

    /// The documents that a name may mean: an id, or a URI in some collection.
    async fn documents_named(&self, name: &str) -> Result<Vec<DocumentId>, SearchError> {
        if let Ok(id) = name.parse() {
            return Ok(vec![id]);
        }
        let collections = self.store.collections().await?;
        Ok(collections.iter().map(|collection| DocumentId::of(&collection.name, name)).collect())
    }
}

/// Ranks in the vector leg, deeper than a search goes.
async fn vector_ranks(search: &Search<'_>, lists: &FusedLists) -> Result<HashMap<ChunkId, LegRank>, SearchError> {
    let question = LegQuestion { depth: VECTOR_DEPTH.max(search.question.depth), ..search.question.clone() };
    let hits = legs::vector_leg(search.views, &question).await?;
    let ranks = hits.iter().enumerate().map(|(place, hit)| {
        let fused = lists.fused.iter().find(|fused| fused.chunk == hit.chunk).and_then(|fused| fused.legs.vector);
        let deep = LegRank { rank: place + 1, score: hit.score, normalized: 0.0, weight: lists.vector_weight };
        (hit.chunk, fused.unwrap_or(deep))
    });
    Ok(ranks.collect())
}

/// What is known of a search when one of its chunks is told of.
struct Told<'a> {
    lists: &'a FusedLists,
    chosen: &'a Chosen,
    k: usize,
    passes_filter: bool,
}

impl Told<'_> {
    fn chunk(&self, chunk: ChunkId, words: Option<&ChunkExplanation>, vector: Option<LegRank>) -> WhyNotChunk {
        let holds = |hit: &crate::types::Hit| hit.chunk_id == chunk || hit.merged_chunk_ids.contains(&chunk);
        let hit = self.chosen.hits.iter().position(holds).map(|place| place + 1);
        WhyNotChunk {
            chunk_id: chunk,
            hit,
            fused_rank: self.lists.rank_of(chunk),
            keyword_rank: words.and_then(|words| words.rank),
            keyword_score: words.map_or(0.0, |words| words.score),
            vector,
            matched: words.map(|words| words.matched.clone()).unwrap_or_default(),
            missing: words.map(|words| words.missing.clone()).unwrap_or_default(),
            dropped_by: if hit.is_some() { None } else { Some(self.reason(chunk, words)) },
        }
    }

    fn reason(&self, chunk: ChunkId, words: Option<&ChunkExplanation>) -> DroppedBy {
        if !self.passes_filter {
            return DroppedBy::Filter;
        }
        if let Some(clause) = words.and_then(|words| words.rejected_by.clone()) {
            return DroppedBy::Clause { clause };
        }
        if let Some(dropped) = self.chosen.dropped.get(&chunk) {
            return dropped.clone();
        }
        match (self.lists.rank_of(chunk), words) {
            (Some(_), _) => DroppedBy::Rank { k: self.k },
            (None, None) => DroppedBy::NotIndexed,
            (None, Some(_)) => DroppedBy::NotFound,
        }
    }
}

/// The answer in one sentence, from the best of the chunks.
fn summary(document: &Document, best: Option<&WhyNotChunk>) -> String {
    let uri = &document.uri;
    let Some(best) = best else {
        return format!("{uri} has no chunks that are indexed: it is waiting, empty or could not be read");
    };
    let chunk = best.chunk_id;
    if let Some(place) = best.hit {
        return format!("{uri} is hit {place}");
    }
    let missing =
        if best.missing.is_empty() { String::new() } else { format!("; it lacks {}", best.missing.join(", ")) };
    match &best.dropped_by {
        Some(DroppedBy::Filter) => format!("the filter does not let {uri} through"),
        Some(DroppedBy::Clause { clause }) => format!("chunk {chunk} of {uri} does not meet {clause}"),
        Some(DroppedBy::NearDuplicate { of }) => {
            format!("chunk {chunk} of {uri} nearly repeats chunk {of}, which is a hit")
        }
        Some(DroppedBy::DocumentLimit { max_per_document }) => {
            format!("{uri} has {max_per_document} better hits, as many as one document may have")
        }
        Some(DroppedBy::Rank { k }) => {
            let rank = best.fused_rank.unwrap_or_default();
            format!("chunk {chunk} of {uri} stands at {rank} of the fused list, behind the {k} hits{missing}")
        }
        Some(DroppedBy::NotFound) => format!("neither words nor meaning brought {uri} among the candidates{missing}"),
        Some(DroppedBy::NotIndexed) | None => format!("chunk {chunk} of {uri} is not in the keyword index yet"),
    }
}
