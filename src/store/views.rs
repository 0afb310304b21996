//! What a follower reads of a changed document, and what the views have to hold.

use std::collections::BTreeSet;

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
pub trait Follows {
    /// A ready document with its chunks in a generation, or `None` when it is gone or failed.
    ///
    /// # Errors
    /// Database errors.
    async fn indexed_document(
        &self,
        id: DocumentId,
        generation: GenerationId,
    ) -> Result<Option<IndexedDocument>, StoreError>;

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
