//! Embeddings, keyed by (model, text hash): the same text is never embedded twice.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::PgConnection;

use super::changes::{append_changes, each};
use super::chunks::chunk_rows;
use super::documents::{lock_documents, mark_embedded};
use super::{PostgresStore, raw_ids, retried};
use crate::faults;
use crate::store::embeddings::{TITLE, inputs_of};
use crate::store::rows::{STATUS, StatusRow, document_id, lease_ms};
use crate::store::{ChangeKind, EmbeddingStatus, Embeddings, MissingText, StoreError};
use crate::types::{DocumentId, GenerationId, TextHash};

impl PostgresStore {
    async fn write_embeddings(
        &self,
        generation: GenerationId,
        vectors: &[(TextHash, Vec<f32>)],
        documents: &[DocumentId],
    ) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        // Nobody changes who may read them before an index in this database has heard of their vectors.
        lock_documents(&mut tx, documents).await?;
        insert_vectors(&mut tx, generation, vectors).await?;
        faults::point();
        let completed = mark_embedded(&mut tx, documents, generation).await?;
        let sql = "update chunkings set lease_until = clock_timestamp() + lease_length
            where document_id = any($1) and generation = $2 and not embedded and lease_owner = $3";
        let query = sqlx::query(sql).bind(raw_ids(documents)).bind(i64::from(generation.0)).bind(&self.owner);
        query.execute(&mut *tx).await?;
        append_changes(&mut tx, &each(&completed, ChangeKind::Embedded, Some(generation))).await?;
        faults::point();
        tx.commit().await?;
        faults::point();
        Ok(completed.len() as u64)
    }
}

#[async_trait]
impl Embeddings for PostgresStore {
    async fn claim_documents(
        &self,
        generation: GenerationId,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<DocumentId>, StoreError> {
        let sql = "with free as (
                select document_id, generation from chunkings
                where generation = $1 and not embedded
                    and (lease_owner is null or lease_owner = $3 or lease_until <= clock_timestamp())
                order by chunk_count, document_id limit $2 for no key update skip locked),
            claimed as (
                update chunkings k set lease_owner = $3, lease_length = $4::float8 * interval '1 millisecond',
                    lease_until = clock_timestamp() + $4::float8 * interval '1 millisecond'
                from free f where k.document_id = f.document_id and k.generation = f.generation
                returning k.document_id, k.chunk_count)
            select document_id from claimed order by chunk_count, document_id";
        let query = sqlx::query_scalar(sql).bind(i64::from(generation.0)).bind(i64::from(limit));
        let query = query.bind(&self.owner).bind(lease_ms(lease));
        let ids: Vec<Vec<u8>> = query.fetch_all(&mut *self.connection().await?).await?;
        ids.iter().map(|id| document_id(id)).collect()
    }

    async fn missing_texts(&self, id: DocumentId, generation: GenerationId) -> Result<Vec<MissingText>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let sql = "select distinct c.text_hash from chunks c where c.document_id = $1 and c.generation = $2
            and not exists (select 1 from embeddings e where e.text_hash = c.text_hash
                and e.model = (select model from generations where id = $2))";
        let query = sqlx::query_scalar(sql).bind(id.as_bytes()).bind(i64::from(generation.0));
        let missing: Vec<Vec<u8>> = query.fetch_all(&mut *snapshot).await?;
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let named = sqlx::query_as(TITLE).bind(id.as_bytes()).fetch_optional(&mut *snapshot).await?;
        let rows = chunk_rows(&mut snapshot, id, generation).await?;
        snapshot.commit().await?;
        Ok(inputs_of(&missing, named, rows))
    }

    async fn save_embeddings(
        &self,
        generation: GenerationId,
        vectors: &[(TextHash, Vec<f32>)],
        documents: &[DocumentId],
    ) -> Result<u64, StoreError> {
        retried(|| self.write_embeddings(generation, vectors, documents)).await
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
        let query = sqlx::query_as(sql).bind(i64::from(generation.0)).bind(after).bind(i64::from(limit));
        let rows: Vec<(Vec<u8>, Vec<f32>)> = query.fetch_all(&mut *self.connection().await?).await?;
        Ok(rows.into_iter().filter_map(|(hash, vector)| Some((TextHash::from_bytes(&hash)?, vector))).collect())
    }

    async fn embedding_status(&self, generation: GenerationId) -> Result<EmbeddingStatus, StoreError> {
        let query = sqlx::query_as(STATUS).bind(i64::from(generation.0));
        let row: StatusRow = query.fetch_one(&mut *self.connection().await?).await?;
        Ok(row.into())
    }
}

/// Writes vectors in the order of their keys, so that two writers of the same ones do not wait for each other in a circle.
async fn insert_vectors(
    tx: &mut PgConnection,
    generation: GenerationId,
    vectors: &[(TextHash, Vec<f32>)],
) -> Result<(), StoreError> {
    if vectors.is_empty() {
        return Ok(());
    }
    // Lists of lists must be rectangles here, so all numbers go in one list, with the places of each vector.
    let numbers: Vec<f32> = vectors.iter().flat_map(|(_, vector)| vector.iter().copied()).collect();
    let hashes: Vec<&[u8]> = vectors.iter().map(|(hash, _)| hash.0.as_slice()).collect();
    let mut end = 0_i64;
    let mut places = |(_, vector): &(TextHash, Vec<f32>)| {
        let first = end + 1;
        end += vector.len() as i64;
        (first, end)
    };
    let (firsts, lasts): (Vec<i64>, Vec<i64>) = vectors.iter().map(&mut places).unzip();
    let sql = "insert into embeddings (model, text_hash, vector)
        select g.model, new.hash, ($2::real[])[new.first:new.last]
        from generations g, unnest($3::bytea[], $4::bigint[], $5::bigint[]) as new (hash, first, last)
        where g.id = $1 and g.model is not null
        order by new.hash on conflict do nothing";
    let query = sqlx::query(sql).bind(i64::from(generation.0)).bind(numbers).bind(hashes).bind(firsts).bind(lasts);
    query.execute(tx).await?;
    Ok(())
}
