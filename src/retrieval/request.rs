//! What a search is asked, and what it answers.

use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use crate::keyword::KeywordError;
use crate::models::EmbedError;
use crate::store::StoreError;
use crate::types::{Caller, Filter, FilterError, Hit, QueryExplanation, SearchMode, WhyNot};
use crate::vector::VectorError;

/// Hits of one document when nobody says how many: a long document must not fill a page of hits alone.
pub const PER_DOCUMENT: usize = 3;

/// What to search for.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    /// The question.
    pub query: String,
    /// Whether the question is plain words, whatever quotation marks and colons it holds; else the query language is read.
    pub plain: bool,
    /// How many hits.
    pub k: usize,
    /// Which legs.
    pub mode: SearchMode,
    /// What to narrow it to.
    pub filter: Filter,
    /// Who asks: only what this caller may read is searched.
    pub caller: Caller,
    /// Whether the configured reranker, if there is one, has the last word on the order.
    pub rerank: bool,
    /// How many hits one document may have.
    pub per_document: PerDocument,
    /// Whether passages stay that nearly repeat a better one.
    pub keep_duplicates: bool,
    /// How much text a hit carries.
    pub expand: Expand,
    /// Whether hits say why they stand where they stand.
    pub explain: bool,
    /// A chunk's id, a document's id or a URI: the answer says where it stands and what keeps it out.
    pub why_not: Option<String>,
}

/// How many hits one document may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PerDocument {
    /// So many, and more only when nothing else is left.
    Prefer(usize),
    /// Never more than so many.
    AtMost(usize),
    /// Any number.
    Unlimited,
}

/// How much text a hit carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Expand {
    /// One chunk, however many of its neighbours were found.
    None,
    /// Chunks of a section that touch and were both found become one passage.
    #[default]
    Neighbours,
    /// The passage, and beside it the section that it stands in.
    Section,
}

impl SearchRequest {
    /// A hybrid search for ten hits over everything, by the owner; fields that differ are set afterwards.
    pub fn new(query: impl Into<String>) -> Self {
        Self {
            query: query.into(),
            plain: false,
            k: 10,
            mode: SearchMode::Hybrid,
            filter: Filter::default(),
            caller: Caller::Owner,
            rerank: true,
            per_document: PerDocument::Prefer(PER_DOCUMENT),
            keep_duplicates: false,
            expand: Expand::Neighbours,
            explain: false,
            why_not: None,
        }
    }

    /// A search that ranks documents: plain words, one hit a document, and duplicates stay, because judgements of relevance
    /// know nothing of them.
    pub fn for_documents(query: impl Into<String>, k: usize) -> Self {
        Self {
            plain: true,
            k,
            per_document: PerDocument::AtMost(1),
            keep_duplicates: true,
            expand: Expand::None,
            ..Self::new(query)
        }
    }
}

/// What was found.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SearchResponse {
    /// Best first.
    pub hits: Vec<Hit>,
    /// Whether they answer.
    pub evidence: Evidence,
    /// The legs that ran; hybrid falls back to keyword when there is no embedder.
    pub mode: SearchMode,
    /// What was done otherwise than asked, in sentences: a malformed query that was searched as plain words, a reranker that
    /// did not answer in time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// How the question was read and the lists were fused, when `explain` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<QueryExplanation>,
    /// Where the passage or document stands that was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<WhyNot>,
    /// Wall time in milliseconds.
    pub took_ms: f64,
}

/// Why a search could not be done.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The filter cannot be applied.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The vector leg was asked for and there is no embedder.
    #[error("there is no embedding model, so only --mode keyword can be searched; `ibid doctor` says how to get one")]
    NoEmbedder,
    /// The truth fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keyword index fails.
    #[error(transparent)]
    Keyword(#[from] KeywordError),
    /// The vector index fails.
    #[error(transparent)]
    Vector(#[from] VectorError),
    /// The query cannot be embedded.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The work was dropped before it ended.
    #[error("the search was cancelled")]
    Cancelled,
}
