//! A hit: a passage that a search found, where it stands, and why it stands there.

use ibid_ingest::{ChunkKind, Span};
use serde::{Deserialize, Serialize};

use super::{ChunkId, CollectionName, DocumentId, MatchedTerm};

/// Which legs a search runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SearchMode {
    /// Both legs, fused.
    #[default]
    Hybrid,
    /// Words only.
    Keyword,
    /// Meaning only.
    Vector,
}

/// What one index says: a chunk and a score on that index's own scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LegHit {
    /// The chunk.
    pub chunk: ChunkId,
    /// BM25 or cosine similarity; larger is better.
    pub score: f32,
}

/// A passage that a search found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Hit {
    /// The chunk.
    pub chunk_id: ChunkId,
    /// The document that it is a part of.
    pub document_id: DocumentId,
    /// The document's collection.
    pub collection: CollectionName,
    /// The document's URI.
    pub uri: String,
    /// The document's title.
    pub title: String,
    /// The document's MIME type.
    pub media_type: String,
    /// Titles of the headings above the passage, outermost first.
    pub heading_path: Vec<String>,
    /// First page, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_first: Option<u32>,
    /// Last page, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_last: Option<u32>,
    /// Where it stands in a source without pages, as a person would look for it: `Budget!A2:F40`, `rows 12-40`, `slide 3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// What most of it is: `prose`, `code`, `table` or `list`; absent for what an earlier version indexed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub kind: Option<ChunkKind>,
    /// The header of the table that the passage is a part of, when it does not begin with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// Bytes of the document's extracted text.
    #[schema(value_type = Object, example = json!({"start": 0, "end": 42}))]
    pub span: Span,
    /// The passage, exactly `text[span]`.
    pub text: String,
    /// Where the query's words stand in `text`.
    pub highlights: Vec<Highlight>,
    /// Other chunks of the same section that touch this one and were found, too: the passage spans them all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged_chunk_ids: Vec<ChunkId>,
    /// The section around the passage, when `expand` asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<Section>,
    /// The reranker's score when one ranked the hits, else the fused score, 0 to 1 in hybrid mode; the leg's own score in a
    /// search of one leg. Hits are in the order of their ranks.
    pub score: f32,
    /// What each leg said, when `explain` was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legs: Option<Legs>,
    /// The question's terms that the passage holds, when `explain` was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched_terms: Option<Vec<MatchedTerm>>,
}

/// The section of a document around a passage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Section {
    /// Bytes of the document's extracted text.
    #[schema(value_type = Object, example = json!({"start": 0, "end": 4200}))]
    pub span: Span,
    /// The words, exactly `text[span]`.
    pub text: String,
    /// Whether the section is longer than what is given here, which then is the part around the passage.
    pub cut: bool,
}

/// A range in a hit's text, in UTF-16 code units, because it is drawn in a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Highlight {
    /// First unit.
    pub start: usize,
    /// One past the last unit.
    pub end: usize,
}

/// Why a hit stands where it stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Legs {
    /// The keyword leg, when it found the chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyword: Option<LegRank>,
    /// The vector leg, when it found the chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<LegRank>,
    /// The reranker, when it reached the passage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerank: Option<Reranked>,
}

/// What a reranker changed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Reranked {
    /// The place before, from 1.
    pub rank_before: usize,
    /// The reranker's own score; larger is better.
    pub score: f32,
}

/// A chunk's place in one leg.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LegRank {
    /// Rank, from 1.
    pub rank: usize,
    /// The index's own score.
    pub score: f32,
    /// The score scaled to 0..1 over this query's candidates.
    pub normalized: f32,
    /// The leg's share of the fused score.
    pub weight: f32,
}
