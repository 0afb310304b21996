//! A generation: one embedding model and one way to chunk, with the chunks and the indexes that they give.

use std::fmt;
use std::str::FromStr;

use ibid_ingest::ChunkOptions;
use serde::{Deserialize, Serialize};

use super::ModelId;

/// A generation's number, counted from 1 and never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct GenerationId(pub u32);

impl fmt::Display for GenerationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for GenerationId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// One model and one way to chunk.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Generation {
    /// Its number.
    pub id: GenerationId,
    /// Whose vectors it holds; `None` until a model was first there.
    pub model: Option<ModelId>,
    /// How its chunks are cut; `None` until something was first cut.
    pub chunking: Option<ChunkOptions>,
    /// Whether searches read it. Exactly one does.
    pub serving: bool,
    /// When it was begun, in milliseconds since 1970 (UTC).
    pub created_at_ms: i64,
    /// When it last began to serve.
    pub served_at_ms: Option<i64>,
    /// How well it answers, when that was measured.
    pub score: Option<GenerationScore>,
}

/// How well a generation answers a set of queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GenerationScore {
    /// A digest of the queries: scores of different sets are not compared.
    pub queries_digest: String,
    /// nDCG@10 of each query, in the order of the set.
    pub ndcg_at_10: Vec<f64>,
    /// The last change that the indexes had applied.
    pub measured_at_ms: i64,
}

impl GenerationScore {
    /// The mean over the queries, 0 without any.
    pub fn mean(&self) -> f64 {
        self.ndcg_at_10.iter().sum::<f64>() / self.ndcg_at_10.len().max(1) as f64
    }
}
