//! Why a passage stands where it stands, or why one is not there: what search says when it is asked to explain itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ChunkId, CollectionName, DocumentId, LegRank};

/// A field of the keyword index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextField {
    /// The passage itself.
    Body,
    /// The headings above it.
    Heading,
    /// The document's title.
    Title,
}

/// A term of the question that a passage holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MatchedTerm {
    /// As the question says it.
    pub term: String,
    /// Where the passage has it.
    pub field: TextField,
    /// Its inverse document frequency in that field: the rarer, the larger.
    pub idf: f32,
    /// How often the field has it.
    pub frequency: u32,
    /// What it adds to the keyword score.
    pub score: f32,
}

/// A term of the question, as the whole index knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TermStatistics {
    /// As the question says it.
    pub term: String,
    /// How rare it is: `ln(1 + (chunks of the index - chunks + 0.5) / (chunks + 0.5))`.
    pub idf: f32,
    /// The chunks that have it in the field where it is most frequent; 0 when no chunk does.
    pub chunks: u64,
    /// Whether it only asks, as `what` does, and so counts less.
    pub is_stop_word: bool,
}

/// How a question was read and how its two lists were put together.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct QueryExplanation {
    /// What both legs looked for, without operators.
    pub searched: String,
    /// How the lists were fused: `adaptive`, `convex` or `rrf`.
    pub fusion: String,
    /// The vector leg's share of the fused score, 0 to 1.
    pub vector_weight: f32,
    /// What the share was multiplied by, 0 to 1: chunks without a vector yet, and words that the model cannot read, lower it.
    pub trust_in_vectors: f32,
    /// What was observed of the question and of both lists, by name.
    pub signals: BTreeMap<String, Signal>,
    /// The largest keyword score that a passage could reach.
    pub keyword_score_bound: f32,
    /// How far the cosine of an answer lies above that of an unrelated passage under the model.
    pub cosine_span: f32,
    /// The question's terms.
    pub terms: Vec<TermStatistics>,
    /// What reranked the passages, when something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reranker: Option<String>,
}

/// One observation, and how it moved the weight.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Signal {
    /// What was observed, mostly 0 to 1.
    pub value: f32,
    /// What it adds to the log-odds of the vector leg's share: above 0 it speaks for meaning, below for words.
    pub contribution: f32,
}

/// Where a passage or a document that was asked about stands.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct WhyNot {
    /// What was asked about.
    pub target: String,
    /// The document, when there is one that the caller may read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<WhyNotDocument>,
    /// The answer in one sentence.
    pub summary: String,
    /// Its chunks, the best first; the twenty best at most.
    pub chunks: Vec<WhyNotChunk>,
}

/// The document that was asked about.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct WhyNotDocument {
    /// Its identity.
    pub id: DocumentId,
    /// Its collection.
    pub collection: CollectionName,
    /// Its URI.
    pub uri: String,
    /// Whether the filter of the search lets it through.
    pub passes_filter: bool,
}

/// A chunk that was asked about.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct WhyNotChunk {
    /// The chunk.
    pub chunk_id: ChunkId,
    /// Its place among the hits, from 1, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hit: Option<usize>,
    /// Its place in the fused list, from 1, when a leg gave it to fusion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fused_rank: Option<usize>,
    /// Its place in the keyword leg, however deep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyword_rank: Option<u64>,
    /// Its keyword score; 0 when it has none of the terms.
    pub keyword_score: f32,
    /// Its place in the vector leg, as deep as it was looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<LegRank>,
    /// Terms of the question that it has.
    pub matched: Vec<MatchedTerm>,
    /// Terms of the question that it lacks.
    pub missing: Vec<String>,
    /// What kept it out of the hits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped_by: Option<DroppedBy>,
}

/// What kept a chunk out of the hits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum DroppedBy {
    /// The filter of the search.
    Filter,
    /// A part of the query language: a phrase or a title word that it lacks, or a word that was excluded.
    Clause {
        /// The clause.
        clause: String,
    },
    /// It holds nearly the same words as a better hit.
    NearDuplicate {
        /// The hit's chunk.
        of: ChunkId,
    },
    /// Its document has as many hits as it may have.
    DocumentLimit {
        /// The limit.
        max_per_document: usize,
    },
    /// Better passages filled the hits.
    Rank {
        /// How many hits were asked for.
        k: usize,
    },
    /// Neither leg has it among its candidates.
    NotFound,
    /// Its words are not in the keyword index yet.
    NotIndexed,
}
