//! Embeddings, keyed by (model, text hash): the same text is never embedded twice.

use std::time::Duration;

use async_trait::async_trait;

use super::SqliteStore;
use super::chunks::chunk_rows;
use super::put::note_embedded;
use crate::faults;
use crate::store::embeddings::{TITLE, inputs_of};
use crate::store::rows::{STATUS, StatusRow, document_id};
use crate::store::{EmbeddingStatus, Embeddings, MissingText, StoreError};
use crate::types::{DocumentId, GenerationId, TextHash};

#[async_trait]
impl Embeddings for SqliteStore {
    /// One process works on the file, so a claim needs no mark.
    async fn claim_documents(
        &self,
        generation: GenerationId,
        limit: u32,
        _lease: Duration,
    ) -> Result<Vec<DocumentId>, StoreError> {
        let sql = "select document_id from chunkings where generation = $1 and embedded = 0
            order by chunk_count, document_id limit $2";
        let query = sqlx::query_scalar(sql).bind(generation.0).bind(limit);
        let ids: Vec<Vec<u8>> = query.fetch_all(&self.reader).await?;
        ids.iter().map(|id| document_id(id)).collect()
    }

    async fn missing_texts(&self, id: DocumentId, generation: GenerationId) -> Result<Vec<MissingText>, StoreError> {
        let sql = "select distinct c.text_hash from chunks c where c.document_id = $1 and c.generation = $2
            and not exists (select 1 from embeddings e where e.text_hash = c.text_hash
                and e.model = (select model from generations where id = $2))";
        let query = sqlx::query_scalar(sql).bind(id.as_bytes()).bind(generation.0);
        let missing: Vec<Vec<u8>> = query.fetch_all(&self.reader).await?;
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let named = sqlx::query_as(TITLE).bind(id.as_bytes()).fetch_optional(&self.reader).await?;
        Ok(inputs_of(&missing, named, chunk_rows(&self.reader, id, generation).await?))
    }

    async fn save_embeddings(
        &self,
        generation: GenerationId,
        vectors: &[(TextHash, Vec<f32>)],
        documents: &[DocumentId],
    ) -> Result<u64, StoreError> {
        let mut tx = self.writer.begin_with("begin immediate").await?;
        let sql = "insert into embeddings (model, text_hash, vector)
            select model, $2, $3 from generations where id = $1 and model is not null on conflict do nothing";
        for (hash, vector) in vectors {
            let row = sqlx::query(sql).bind(generation.0).bind(hash.0.as_slice()).bind(vector_to_bytes(vector));
            row.execute(&mut *tx).await?;
        }
        faults::point();
        let (completed, _) = note_embedded(&mut tx, documents, generation).await?;
        faults::point();
        tx.commit().await?;
        faults::point();
        Ok(completed as u64)
    }

    async fn embeddings_after(
        &self,
        generation: GenerationId,
        after: Option<TextHash>,
        limit: u32,
    ) -> Result<Vec<(TextHash, Vec<f32>)>, StoreError> {
        let sql = "select text_hash, vector from embeddings where model = (select model from generations where id = $1)
                and text_hash > $2 order by text_hash limit $3";
        let after = after.map_or(Vec::new(), |hash| hash.0.to_vec());
        let query = sqlx::query_as(sql).bind(generation.0).bind(after).bind(i64::from(limit));
        let rows: Vec<(Vec<u8>, Vec<u8>)> = query.fetch_all(&self.reader).await?;
        let keyed =
            |(hash, vector): (Vec<u8>, Vec<u8>)| Some((TextHash::from_bytes(&hash)?, vector_from_bytes(&vector)));
        Ok(rows.into_iter().filter_map(keyed).collect())
    }

    async fn embedding_status(&self, generation: GenerationId) -> Result<EmbeddingStatus, StoreError> {
        let row: StatusRow = sqlx::query_as(STATUS).bind(generation.0).fetch_one(&self.reader).await?;
        Ok(row.into())
    }
}

/// Vectors are stored as little-endian `f32`.
fn vector_to_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|value| value.to_le_bytes()).collect()
}

pub(super) fn vector_from_bytes(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|part| f32::from_le_bytes([part[0], part[1], part[2], part[3]])).collect()
}
