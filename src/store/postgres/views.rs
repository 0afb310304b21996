//! What a follower reads of a changed document, and what the views have to hold.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::PostgresStore;
use super::chunks::chunk_rows;
use super::documents::document_row;
use crate::store::{Follows, IndexedDocument, StoreError};
use crate::types::{ChunkId, Document, DocumentId, DocumentState, GenerationId};

#[async_trait]
impl Follows for PostgresStore {
    async fn indexed_document(
        &self,
        id: DocumentId,
        generation: GenerationId,
    ) -> Result<Option<IndexedDocument>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let Some(document) = document_row(&mut snapshot, id).await? else { return Ok(None) };
        if !matches!(document.state, DocumentState::Ready { .. }) {
            return Ok(None);
        }
        let chunks = chunk_rows(&mut snapshot, id, generation).await?;
        snapshot.commit().await?;
        Ok(Some(IndexedDocument { document, chunks }))
    }

    async fn document_vectors(
        &self,
        id: DocumentId,
        generation: GenerationId,
    ) -> Result<Option<(Document, Vec<(ChunkId, Vec<f32>)>)>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let complete = "select 1 from chunkings where document_id = $1 and generation = $2 and embedded";
        let marked = sqlx::query(complete).bind(id.as_bytes()).bind(i64::from(generation.0));
        if marked.fetch_optional(&mut *snapshot).await?.is_none() {
            return Ok(None);
        }
        let Some(document) = document_row(&mut snapshot, id).await? else { return Ok(None) };
        let sql = "select c.id, e.vector from chunks c join embeddings e on e.text_hash = c.text_hash
                and e.model = (select model from generations where id = $2)
            where c.document_id = $1 and c.generation = $2 order by c.id";
        let query = sqlx::query_as(sql).bind(id.as_bytes()).bind(i64::from(generation.0));
        let rows: Vec<(i64, Vec<f32>)> = query.fetch_all(&mut *snapshot).await?;
        snapshot.commit().await?;
        let point = |(chunk, vector): (i64, Vec<f32>)| (ChunkId(chunk.unsigned_abs()), vector);
        Ok(Some((document, rows.into_iter().map(point).collect())))
    }

    async fn expected_chunk_ids(
        &self,
        generation: GenerationId,
    ) -> Result<(BTreeSet<ChunkId>, BTreeSet<ChunkId>), StoreError> {
        let sql = "select c.id, k.embedded from chunks c
            join chunkings k on k.document_id = c.document_id and k.generation = c.generation where c.generation = $1";
        let query = sqlx::query_as(sql).bind(i64::from(generation.0));
        let rows: Vec<(i64, bool)> = query.fetch_all(&mut *self.connection().await?).await?;
        let chunk = |(number, _): &(i64, bool)| ChunkId(number.unsigned_abs());
        let meaning = rows.iter().filter(|(_, embedded)| *embedded).map(chunk).collect();
        Ok((rows.iter().map(chunk).collect(), meaning))
    }
}
