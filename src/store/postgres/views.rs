//! What a follower reads of a changed document, and what the views have to hold.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use sqlx::{Postgres, QueryBuilder};

use super::documents::document_row;
use super::{PostgresStore, raw_ids};
use crate::store::rows::{CHUNK_COLUMNS, ChunkColumns, DOCUMENTS, DocumentRow, document_id, with_chunks};
use crate::store::{Follows, IndexedDocument, StoreError};
use crate::types::{ChunkId, Document, DocumentId, GenerationId};

#[async_trait]
impl Follows for PostgresStore {
    async fn text_lengths(&self, ids: &[DocumentId]) -> Result<BTreeMap<DocumentId, u64>, StoreError> {
        let sql = "select id, text_bytes from documents where id = any($1) and state = 'ready'";
        let query = sqlx::query_as(sql).bind(raw_ids(ids));
        let rows: Vec<(Vec<u8>, i64)> = query.fetch_all(&mut *self.connection().await?).await?;
        rows.into_iter().map(|(id, bytes)| Ok((document_id(&id)?, bytes.unsigned_abs()))).collect()
    }

    async fn indexed_documents(
        &self,
        ids: &[DocumentId],
        generation: GenerationId,
    ) -> Result<Vec<IndexedDocument>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let mut ready = QueryBuilder::<Postgres>::new(DOCUMENTS);
        ready.push(" where d.state = 'ready' and d.id = any(").push_bind(raw_ids(ids)).push(") order by d.id");
        let documents: Vec<DocumentRow> = ready.build_query_as().fetch_all(&mut *snapshot).await?;
        let texts = "select document_id, body from texts where document_id = any($1) order by document_id";
        let query = sqlx::query_as(texts).bind(raw_ids(ids));
        let bodies: Vec<(Vec<u8>, Vec<u8>)> = query.fetch_all(&mut *snapshot).await?;
        let mut cut = QueryBuilder::<Postgres>::new("select ");
        cut.push(CHUNK_COLUMNS).push(" from chunks c where c.generation = ").push_bind(i64::from(generation.0));
        cut.push(" and c.document_id = any(").push_bind(raw_ids(ids)).push(") order by c.document_id, c.span_start");
        let chunks: Vec<ChunkColumns> = cut.build_query_as().fetch_all(&mut *snapshot).await?;
        snapshot.commit().await?;
        with_chunks(documents, bodies, chunks)
    }

    async fn embedded_among(
        &self,
        ids: &[DocumentId],
        generation: GenerationId,
    ) -> Result<BTreeSet<DocumentId>, StoreError> {
        let sql = "select document_id from chunkings where generation = $2 and embedded and document_id = any($1)";
        let query = sqlx::query_scalar(sql).bind(raw_ids(ids)).bind(i64::from(generation.0));
        let rows: Vec<Vec<u8>> = query.fetch_all(&mut *self.connection().await?).await?;
        rows.iter().map(|id| document_id(id)).collect()
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
