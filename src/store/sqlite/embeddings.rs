//! Embeddings, keyed by (model, text hash): the same text is never embedded twice.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::Row;

use super::super::StoreError;
use super::Store;
use super::changes::{ChangeKind, append_change};
use super::chunks::chunk_rows;
use super::documents::mark_if_embedded;
use super::rows::{document_id, vector_to_bytes};
use crate::faults;
use crate::types::{DocumentId, ModelId, TextHash, embedding_input};

/// A text that has no vector yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingText {
    /// Its key.
    pub hash: TextHash,
    /// What the embedder reads.
    pub input: String,
}

/// How far embedding has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct EmbeddingStatus {
    /// Documents that can be searched by keyword.
    pub documents: u64,
    /// Of these, documents whose vectors are complete.
    pub embedded: u64,
    /// Documents that could not be read.
    pub failed: u64,
    /// Chunks of all documents.
    pub chunks: u64,
    /// Chunks of documents whose vectors are complete.
    pub chunks_embedded: u64,
}

impl Store {
    /// At most `limit` documents that wait for their vectors, short ones first: one long document must not keep hundreds
    /// of short ones waiting.
    ///
    /// # Errors
    /// Database errors.
    pub async fn documents_to_embed(&self, limit: u32) -> Result<Vec<DocumentId>, StoreError> {
        let sql = "select id from documents where state = 'ready' and embedded = 0
            order by chunk_count, id limit ?";
        let rows = sqlx::query(sql).bind(limit).fetch_all(&self.reader).await?;
        rows.iter().map(document_id).collect()
    }

    /// The texts of a document that the model has not embedded, each once.
    ///
    /// # Errors
    /// Database errors.
    pub async fn missing_texts(&self, id: DocumentId, model: &ModelId) -> Result<Vec<MissingText>, StoreError> {
        let sql = "select distinct c.text_hash from chunks c where c.document_id = ?1 and not exists (
            select 1 from embeddings e where e.model = ?2 and e.text_hash = c.text_hash)";
        let missing: Vec<Vec<u8>> =
            sqlx::query_scalar(sql).bind(id.as_bytes()).bind(&model.0).fetch_all(&self.reader).await?;
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let rows = chunk_rows(&self.reader, id).await?;
        let mut inputs: BTreeMap<TextHash, String> = rows
            .into_iter()
            .map(|row| (row.chunk.text_hash, embedding_input(&row.chunk.heading_path, &row.text)))
            .collect();
        let hashes = missing.iter().filter_map(|bytes| TextHash::from_bytes(bytes));
        Ok(hashes.filter_map(|hash| inputs.remove(&hash).map(|input| MissingText { hash, input })).collect())
    }

    /// Writes vectors, and marks those of `documents` whose vectors are now complete, in one transaction. Says how many
    /// became complete.
    ///
    /// # Errors
    /// Database errors; then nothing is written.
    pub async fn save_embeddings(
        &self,
        model: &ModelId,
        vectors: &[(TextHash, Vec<f32>)],
        documents: &[DocumentId],
    ) -> Result<u64, StoreError> {
        let mut tx = self.writer.begin().await?;
        let sql = "insert into embeddings (model, text_hash, vector) values (?, ?, ?) on conflict do nothing";
        for (hash, vector) in vectors {
            let row = sqlx::query(sql).bind(&model.0).bind(hash.0.as_slice()).bind(vector_to_bytes(vector));
            row.execute(&mut *tx).await?;
        }
        faults::point();
        let mut completed = 0;
        for id in documents {
            if mark_if_embedded(&mut tx, *id, model).await? {
                append_change(&mut tx, *id, ChangeKind::Embedded).await?;
                completed += 1;
            }
        }
        faults::point();
        tx.commit().await?;
        faults::point();
        Ok(completed)
    }

    /// How far embedding has come.
    ///
    /// # Errors
    /// Database errors.
    pub async fn embedding_status(&self) -> Result<EmbeddingStatus, StoreError> {
        let sql = "select count(*) filter (where state = 'ready') as documents,
                count(*) filter (where state = 'ready' and embedded = 1) as embedded,
                count(*) filter (where state = 'failed') as failed,
                coalesce(sum(chunk_count), 0) as chunks,
                coalesce(sum(chunk_count) filter (where embedded = 1), 0) as chunks_embedded
            from documents";
        let row = sqlx::query(sql).fetch_one(&self.reader).await?;
        let count = |column: &str| row.try_get::<i64, _>(column).map(i64::unsigned_abs);
        Ok(EmbeddingStatus {
            documents: count("documents")?,
            embedded: count("embedded")?,
            failed: count("failed")?,
            chunks: count("chunks")?,
            chunks_embedded: count("chunks_embedded")?,
        })
    }
}
