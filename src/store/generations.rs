//! Generations: what serves, what is being built beside it, and how they compare.

use async_trait::async_trait;
use ibid_ingest::ChunkOptions;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::types::{Chunk, DocumentId, Generation, GenerationId, GenerationScore, ModelId, Structure};

/// A document's text with all that cutting it into chunks needs.
#[derive(Debug, Clone, PartialEq)]
pub struct ChunkSource {
    /// The document.
    pub id: DocumentId,
    /// Counts how often the document was written: chunks of an older text are refused.
    pub revision: i64,
    /// MIME type.
    pub media_type: String,
    /// The title that it gives itself, which is embedded with every chunk.
    pub title: String,
    /// The extracted text.
    pub text: String,
    /// Its pages and headings.
    pub structure: Structure,
}

/// A query with the documents that answer it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoldQuery {
    /// The question.
    pub query: String,
    /// URIs of the documents that answer it, all equally well.
    pub relevant: Vec<String>,
}

/// What became of the wish that a generation serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// It serves.
    Done,
    /// There is no such generation.
    Unknown,
    /// It has not caught up: so many documents wait for their chunks or vectors.
    Incomplete(u64),
}

/// Generations.
#[async_trait]
pub trait Generations {
    /// Every generation, oldest first.
    ///
    /// # Errors
    /// Database errors.
    async fn generations(&self) -> Result<Vec<Generation>, StoreError>;

    /// Begins a generation. The first one serves; every other one is built beside it.
    ///
    /// # Errors
    /// Database errors.
    async fn add_generation(
        &self,
        model: Option<&ModelId>,
        chunking: &ChunkOptions,
        now_ms: i64,
    ) -> Result<GenerationId, StoreError>;

    /// Fills in what a generation does not say yet; what it says stays.
    ///
    /// # Errors
    /// Database errors.
    async fn settle_generation(
        &self,
        id: GenerationId,
        model: Option<&ModelId>,
        chunking: &ChunkOptions,
    ) -> Result<(), StoreError>;

    /// Lets a generation serve in the place of the one that does, in one transaction, if every document is chunked and
    /// embedded in it.
    ///
    /// # Errors
    /// Database errors; then nothing is changed.
    async fn serve_generation(&self, id: GenerationId, now_ms: i64) -> Result<Served, StoreError>;

    /// Removes a generation that does not serve, with its chunks, and the vectors of its model when no other generation has
    /// that model. `false` when there is none or it serves.
    ///
    /// # Errors
    /// Database errors; then nothing is changed.
    async fn drop_generation(&self, id: GenerationId) -> Result<bool, StoreError>;

    /// At most `limit` documents that are not chunked in a generation.
    ///
    /// # Errors
    /// Database errors.
    async fn documents_to_chunk(&self, id: GenerationId, limit: u32) -> Result<Vec<DocumentId>, StoreError>;

    /// What cutting a document anew needs; `None` when it is gone or failed.
    ///
    /// # Errors
    /// Database errors.
    async fn chunk_source(&self, id: DocumentId) -> Result<Option<ChunkSource>, StoreError>;

    /// Writes a document's chunks in a generation, with a change. `false`, and nothing written, when the document was
    /// written again since `source` was read, or is chunked in this generation already.
    ///
    /// # Errors
    /// Database errors; then nothing is written.
    async fn put_chunks(
        &self,
        source: &ChunkSource,
        generation: GenerationId,
        chunks: &[Chunk],
    ) -> Result<bool, StoreError>;

    /// Keeps how well a generation answers; `None` forgets it.
    ///
    /// # Errors
    /// Database errors.
    async fn save_score(&self, id: GenerationId, score: Option<&GenerationScore>) -> Result<(), StoreError>;

    /// The queries that generations are compared on; empty when none were given.
    ///
    /// # Errors
    /// Database errors.
    async fn gold_queries(&self) -> Result<Vec<GoldQuery>, StoreError>;

    /// Replaces the queries that generations are compared on, and forgets all scores.
    ///
    /// # Errors
    /// Database errors; then nothing is changed.
    async fn set_gold_queries(&self, queries: &[GoldQuery]) -> Result<(), StoreError>;
}
