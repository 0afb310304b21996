//! What is asked of an index of words, and what it answers.

use serde::Serialize;

use crate::types::{ChunkId, LegHit, MatchedTerm, TermStatistics};

/// What to look for by word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeywordQuery {
    /// Words that make a chunk better; none of them has to be there.
    pub text: String,
    /// Words that stand next to each other in the chunk's text, its headings or its document's title. They are scored
    /// as well.
    pub phrases: Vec<String>,
    /// Words or phrases that stand nowhere in the chunk's text, its headings or its document's title.
    pub excluded: Vec<String>,
    /// Words or phrases that stand in the document's title. They are scored as well.
    pub titles: Vec<String>,
}

impl KeywordQuery {
    /// A query of plain words.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Whether there is anything that a chunk has to have, or must not have.
    pub fn has_clauses(&self) -> bool {
        !(self.phrases.is_empty() && self.excluded.is_empty() && self.titles.is_empty())
    }
}

/// What an index found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeywordAnswer {
    /// Best first, equal scores by chunk.
    pub hits: Vec<LegHit>,
    /// The score that a chunk comes near when its text says every term of the query again and again: the theoretical
    /// maximum that scores are scaled by (TM2C2; Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid
    /// Retrieval", TOIS 2023). Headings and titles can lift a score above it.
    pub score_bound: f32,
    /// The terms of the query in order of first mention, those that the index does not know included.
    pub terms: Vec<TermStatistics>,
}

/// How a chunk stands for a query.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ChunkExplanation {
    /// The chunk.
    pub chunk: ChunkId,
    /// Its rank from 1 among the chunks that pass the filter and every clause; `None` when it is not one of them or
    /// has no term of the query.
    pub rank: Option<u64>,
    /// Its score, whether it is found or not; 0 without a term of the query.
    pub score: f32,
    /// The part of the score that is for words which stand next to each other as in the query. Only the best hundred of
    /// what is found are looked at for that.
    pub boost: f32,
    /// Whether its document passes the filter.
    pub passes_filter: bool,
    /// The terms that it has, a term in two fields twice.
    pub matched: Vec<MatchedTerm>,
    /// The terms that it has in no field, as the query has them.
    pub missing: Vec<String>,
    /// The first clause that it breaks, as a person writes it: `"phrase"`, `title:"words"` or `-"words"`.
    pub rejected_by: Option<String>,
}
