//! What a follower reads of a changed document, and what the views have to hold.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::StoreError;
use crate::types::{ChunkId, ChunkRow, Document, DocumentId, GenerationId};

/// A document with its chunks in a generation, as an index takes it.
#[derive(Debug, Clone)]
pub struct IndexedDocument {
    /// The document.
    pub document: Document,
    /// Its chunks with their words.
    pub chunks: Vec<ChunkRow>,
}

/// What followers read.
#[async_trait]
pub trait Follows: Send + Sync {
    /// How many bytes of text the ready ones of `ids` have. What is gone or failed is left out.
    ///
    /// # Errors
    /// Database errors.
    async fn text_lengths(&self, ids: &[DocumentId]) -> Result<BTreeMap<DocumentId, u64>, StoreError>;

    /// The ready ones of `ids` with their chunks in a generation, by id, as they are at one moment. What is gone or failed is
    /// left out.
    ///
    /// # Errors
    /// Database errors.
    async fn indexed_documents(
        &self,
        ids: &[DocumentId],
        generation: GenerationId,
    ) -> Result<Vec<IndexedDocument>, StoreError>;

    /// A ready document with its chunks in a generation, or `None` when it is gone or failed.
    ///
    /// # Errors
    /// Database errors.
    async fn indexed_document(
        &self,
        id: DocumentId,
        generation: GenerationId,
    ) -> Result<Option<IndexedDocument>, StoreError> {
        Ok(self.indexed_documents(&[id], generation).await?.pop())
    }

    /// Those of `ids` whose chunks in a generation all have vectors.
    ///
    /// # Errors
    /// Database errors.
    async fn embedded_among(
        &self,
        ids: &[DocumentId],
        generation: GenerationId,
    ) -> Result<BTreeSet<DocumentId>, StoreError>;

    /// A document and the vectors of its chunks in a generation, or `None` when they are not complete.
    ///
    /// # Errors
    /// Database errors.
    async fn document_vectors(
        &self,
        id: DocumentId,
        generation: GenerationId,
    ) -> Result<Option<(Document, Vec<(ChunkId, Vec<f32>)>)>, StoreError>;

    /// The ids of every chunk that a generation has, and of those of documents that are embedded in it: what its two views
    /// have to hold.
    ///
    /// # Errors
    /// Database errors.
    async fn expected_chunk_ids(
        &self,
        generation: GenerationId,
    ) -> Result<(BTreeSet<ChunkId>, BTreeSet<ChunkId>), StoreError>;
}
