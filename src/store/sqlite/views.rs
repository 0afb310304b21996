//! What a follower reads of a changed document, and what the views have to hold.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::SqliteStore;
use super::chunks::chunk_rows;
use super::embeddings::vector_from_bytes;
use crate::store::{Documents, Follows, IndexedDocument, StoreError};
use crate::types::{ChunkId, Document, DocumentId, DocumentState, GenerationId};

#[async_trait]
impl Follows for SqliteStore {
    async fn indexed_document(
        &self,
        id: DocumentId,
        generation: GenerationId,
    ) -> Result<Option<IndexedDocument>, StoreError> {
        let Some(document) = self.document(id).await? else { return Ok(None) };
        if !matches!(document.state, DocumentState::Ready { .. }) {
            return Ok(None);
        }
        let chunks = chunk_rows(&self.reader, id, generation).await?;
        Ok(Some(IndexedDocument { document, chunks }))
    }

    async fn document_vectors(
        &self,
        id: DocumentId,
        generation: GenerationId,
    ) -> Result<Option<(Document, Vec<(ChunkId, Vec<f32>)>)>, StoreError> {
        let complete = "select 1 from chunkings where document_id = $1 and generation = $2 and embedded";
        let marked = sqlx::query(complete).bind(id.as_bytes()).bind(generation.0);
        if marked.fetch_optional(&self.reader).await?.is_none() {
            return Ok(None);
        }
        let Some(document) = self.document(id).await? else { return Ok(None) };
        let sql = "select c.id, e.vector from chunks c join embeddings e on e.text_hash = c.text_hash
                and e.model = (select model from generations where id = $2)
            where c.document_id = $1 and c.generation = $2 order by c.id";
        let query = sqlx::query_as(sql).bind(id.as_bytes()).bind(generation.0);
        let rows: Vec<(i64, Vec<u8>)> = query.fetch_all(&self.reader).await?;
        let point = |(chunk, vector): (i64, Vec<u8>)| (ChunkId(chunk.unsigned_abs()), vector_from_bytes(&vector));
        Ok(Some((document, rows.into_iter().map(point).collect())))
    }

    async fn expected_chunk_ids(
        &self,
        generation: GenerationId,
    ) -> Result<(BTreeSet<ChunkId>, BTreeSet<ChunkId>), StoreError> {
        let sql = "select c.id, k.embedded from chunks c
            join chunkings k on k.document_id = c.document_id and k.generation = c.generation where c.generation = $1";
        let rows: Vec<(i64, bool)> = sqlx::query_as(sql).bind(generation.0).fetch_all(&self.reader).await?;
        let chunk = |(number, _): &(i64, bool)| ChunkId(number.unsigned_abs());
        let meaning = rows.iter().filter(|(_, embedded)| *embedded).map(chunk).collect();
        Ok((rows.iter().map(chunk).collect(), meaning))
    }
}
