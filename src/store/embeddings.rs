//! Embeddings, keyed by (model, text hash): the same text is never embedded twice.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use super::StoreError;
use crate::types::{ChunkRow, DocumentId, GenerationId, TextHash, embedding_input, own_title};

/// A text that has no vector yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingText {
    /// Its key.
    pub hash: TextHash,
    /// What the embedder reads.
    pub input: String,
}

/// How far a generation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct EmbeddingStatus {
    /// Documents that were read.
    pub documents: u64,
    /// Of these, documents that are cut into chunks, and so can be searched by keyword.
    pub chunked: u64,
    /// Of these, documents whose vectors are complete.
    pub embedded: u64,
    /// Documents that could not be read.
    pub failed: u64,
    /// Chunks of all documents.
    pub chunks: u64,
    /// Chunks of documents whose vectors are complete.
    pub chunks_embedded: u64,
}

impl EmbeddingStatus {
    /// Whether every document that was read is chunked and embedded.
    pub fn is_complete(&self) -> bool {
        self.embedded == self.documents
    }
}

/// Embeddings.
#[async_trait]
pub trait Embeddings {
    /// Claims at most `limit` documents whose chunks in a generation wait for their vectors, short ones first: one long
    /// document must not keep hundreds of short ones waiting. No other process is given them before the lease ends; this
    /// one may be given them again. Saving vectors for them extends the lease.
    ///
    /// # Errors
    /// Database errors.
    async fn claim_documents(
        &self,
        generation: GenerationId,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<DocumentId>, StoreError>;

    /// The texts of a document's chunks in a generation that its model has not embedded, each once.
    ///
    /// # Errors
    /// Database errors.
    async fn missing_texts(&self, id: DocumentId, generation: GenerationId) -> Result<Vec<MissingText>, StoreError>;

    /// Writes vectors of a generation's model, and marks those of `documents` whose vectors are now complete, in one
    /// transaction; the leases of the others begin anew. Says how many became complete.
    ///
    /// # Errors
    /// Database errors; then nothing is written.
    async fn save_embeddings(
        &self,
        generation: GenerationId,
        vectors: &[(TextHash, Vec<f32>)],
        documents: &[DocumentId],
    ) -> Result<u64, StoreError>;

    /// At most `limit` vectors of a generation's model, those after a hash, in the order of their hashes.
    ///
    /// # Errors
    /// Database errors.
    async fn embeddings_after(
        &self,
        generation: GenerationId,
        after: Option<TextHash>,
        limit: u32,
    ) -> Result<Vec<(TextHash, Vec<f32>)>, StoreError>;

    /// How far a generation has come.
    ///
    /// # Errors
    /// Database errors.
    async fn embedding_status(&self, generation: GenerationId) -> Result<EmbeddingStatus, StoreError>;
}

/// The title of a document, which is read with every chunk of it, and its URI.
pub(super) const TITLE: &str = "select title, uri from documents where id = $1";

/// What the embedder reads for the chunks of a document whose hashes are `missing`, each hash once.
pub(super) fn inputs_of(missing: &[Vec<u8>], named: Option<(String, String)>, rows: Vec<ChunkRow>) -> Vec<MissingText> {
    let (title, uri) = named.unwrap_or_default();
    let title = own_title(&title, &uri);
    let mut inputs: BTreeMap<TextHash, String> = rows
        .into_iter()
        .map(|row| (row.chunk.text_hash, embedding_input(title, &row.chunk.heading_path, &row.words_in_context())))
        .collect();
    let hashes = missing.iter().filter_map(|bytes| TextHash::from_bytes(bytes));
    hashes.filter_map(|hash| inputs.remove(&hash).map(|input| MissingText { hash, input })).collect()
}
