//! What a follower reads of a changed document, and what the views have to hold.

use std::collections::BTreeSet;

use sqlx::Row;

use super::super::StoreError;
use super::Store;
use super::chunks::chunk_rows;
use super::rows::vector_from_bytes;
use crate::types::{ChunkId, ChunkRow, Document, DocumentId, DocumentState, ModelId};

/// A document with its chunks, as an index takes it.
#[derive(Debug, Clone)]
pub struct IndexedDocument {
    /// The document.
    pub document: Document,
    /// Its chunks with their words.
    pub chunks: Vec<ChunkRow>,
}

impl Store {
    /// A ready document with its chunks, or `None` when it is gone or failed.
    ///
    /// # Errors
    /// Database errors.
    pub async fn indexed_document(&self, id: DocumentId) -> Result<Option<IndexedDocument>, StoreError> {
        let Some(document) = self.document(id).await? else { return Ok(None) };
        if !matches!(document.state, DocumentState::Ready { .. }) {
            return Ok(None);
        }
        let chunks = chunk_rows(&self.reader, id).await?;
        Ok(Some(IndexedDocument { document, chunks }))
    }

    /// The vectors of a document's chunks; chunks without one are left out.
    ///
    /// # Errors
    /// Database errors.
    pub async fn document_vectors(
        &self,
        id: DocumentId,
        model: &ModelId,
    ) -> Result<Vec<(ChunkId, Vec<f32>)>, StoreError> {
        let sql = "select c.id as chunk, e.vector from chunks c
            join embeddings e on e.text_hash = c.text_hash and e.model = ?
            where c.document_id = ? order by c.id";
        let rows = sqlx::query(sql).bind(&model.0).bind(id.as_bytes()).fetch_all(&self.reader).await?;
        rows.iter()
            .map(|row| {
                let chunk = ChunkId(row.try_get::<i64, _>("chunk")?.unsigned_abs());
                Ok((chunk, vector_from_bytes(row.try_get("vector")?)))
            })
            .collect()
    }

    /// The ids of every chunk of a ready document, and of every chunk whose document is embedded: what the two views
    /// have to hold.
    ///
    /// # Errors
    /// Database errors.
    pub async fn expected_chunk_ids(&self) -> Result<(BTreeSet<ChunkId>, BTreeSet<ChunkId>), StoreError> {
        let sql = "select c.id as chunk, d.embedded from chunks c join documents d on d.id = c.document_id
            where d.state = 'ready'";
        let rows = sqlx::query(sql).fetch_all(&self.reader).await?;
        let (mut words, mut meaning) = (BTreeSet::new(), BTreeSet::new());
        for row in &rows {
            let chunk = ChunkId(row.try_get::<i64, _>("chunk")?.unsigned_abs());
            words.insert(chunk);
            if row.try_get::<i64, _>("embedded")? == 1 {
                meaning.insert(chunk);
            }
        }
        Ok((words, meaning))
    }
}
