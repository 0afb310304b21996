//! Generations: what serves, what is being built beside it, and how they compare.

use async_trait::async_trait;
use ibid_ingest::ChunkOptions;
use sqlx::{Postgres, Row, Transaction};

use super::changes::{append_changes, each};
use super::documents::{insert_chunks, mark_embedded};
use super::{PostgresStore, retried, storable};
use crate::store::rows::{GenerationRow, document_id, from_json, generation_id, json, structure_of};
use crate::store::{ChangeKind, ChunkSource, Generations, GoldQuery, Served, StoreError};
use crate::types::{Chunk, DocumentId, Generation, GenerationId, GenerationScore, ModelId, own_title};

impl PostgresStore {
    /// A transaction beside which no other one makes, changes or removes generations.
    async fn begin_alone(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query("lock table generations in share row exclusive mode").execute(&mut *tx).await?;
        Ok(tx)
    }

    async fn swap_generation(&self, id: GenerationId, now_ms: i64) -> Result<Served, StoreError> {
        let number = i64::from(id.0);
        let mut tx = self.begin_alone().await?;
        let known = sqlx::query("select id from generations where id = $1").bind(number);
        if known.fetch_optional(&mut *tx).await?.is_none() {
            return Ok(Served::Unknown);
        }
        let sql = "select count(*) from documents d where d.state = 'ready' and not exists (
            select 1 from chunkings k where k.document_id = d.id and k.generation = $1 and k.embedded)";
        let waiting: i64 = sqlx::query_scalar(sql).bind(number).fetch_one(&mut *tx).await?;
        if waiting > 0 {
            return Ok(Served::Incomplete(waiting.unsigned_abs()));
        }
        // The first generation serves from its beginning, and nobody notes it then.
        let rest = "update generations set serving = false, served_at_ms = coalesce(served_at_ms, created_at_ms)
            where serving";
        sqlx::query(rest).execute(&mut *tx).await?;
        let serve = "update generations set serving = true, served_at_ms = $2 where id = $1";
        sqlx::query(serve).bind(number).bind(now_ms).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(Served::Done)
    }

    async fn remove_generation(&self, id: GenerationId) -> Result<bool, StoreError> {
        let number = i64::from(id.0);
        let mut tx = self.begin_alone().await?;
        // Waits for those who write chunks of it, and keeps others from beginning to.
        let query = sqlx::query_scalar("select model from generations where id = $1 and not serving for update");
        let Some(model): Option<Option<String>> = query.bind(number).fetch_optional(&mut *tx).await? else {
            return Ok(false);
        };
        for sql in [
            "delete from chunkings where generation = $1",
            "delete from chunks where generation = $1",
            "delete from changes where generation = $1",
            "delete from generations where id = $1",
        ] {
            sqlx::query(sql).bind(number).execute(&mut *tx).await?;
        }
        let sql = "delete from embeddings where model = $1 and not exists (select 1 from generations where model = $1)";
        sqlx::query(sql).bind(model).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn write_chunks(
        &self,
        source: &ChunkSource,
        generation: GenerationId,
        chunks: &[Chunk],
    ) -> Result<bool, StoreError> {
        let (id, number) = (source.id.as_bytes(), i64::from(generation.0));
        let mut tx = self.begin().await?;
        let known = sqlx::query("select 1 from generations where id = $1 for key share").bind(number);
        if known.fetch_optional(&mut *tx).await?.is_none() {
            return Ok(false);
        }
        let sql = "select 1 from documents where id = $1 and revision = $2 and state = 'ready' for no key update";
        if sqlx::query(sql).bind(id).bind(source.revision).fetch_optional(&mut *tx).await?.is_none() {
            return Ok(false);
        }
        let chunked = sqlx::query("select 1 from chunkings where document_id = $1 and generation = $2");
        if chunked.bind(id).bind(number).fetch_optional(&mut *tx).await?.is_some() {
            return Ok(false);
        }
        insert_chunks(&mut tx, source.id, generation, chunks).await?;
        let mut changes = vec![(source.id, ChangeKind::Put, Some(generation))];
        let embedded = mark_embedded(&mut tx, &[source.id], generation).await?;
        changes.extend(each(&embedded, ChangeKind::Embedded, Some(generation)));
        append_changes(&mut tx, &changes).await?;
        tx.commit().await?;
        Ok(true)
    }
}

#[async_trait]
impl Generations for PostgresStore {
    async fn generations(&self) -> Result<Vec<Generation>, StoreError> {
        let sql =
            "select id, model, chunking, serving, created_at_ms, served_at_ms, score from generations order by id";
        let rows: Vec<GenerationRow> = sqlx::query_as(sql).fetch_all(&mut *self.connection().await?).await?;
        Ok(rows.into_iter().map(Generation::from).collect())
    }

    async fn add_generation(
        &self,
        model: Option<&ModelId>,
        chunking: &ChunkOptions,
        now_ms: i64,
    ) -> Result<GenerationId, StoreError> {
        let mut tx = self.begin_alone().await?;
        let sql = "insert into generations (model, chunking, created_at_ms) values ($1, $2, $3) returning id";
        let query = sqlx::query_scalar(sql).bind(model.map(|model| &model.0)).bind(json(chunking)).bind(now_ms);
        let id = generation_id(query.fetch_one(&mut *tx).await?);
        tx.commit().await?;
        Ok(id)
    }

    async fn settle_generation(
        &self,
        id: GenerationId,
        model: Option<&ModelId>,
        chunking: &ChunkOptions,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin_alone().await?;
        let sql = "update generations set model = coalesce(model, $2), chunking = coalesce(chunking, $3)
            where id = $1 and (chunking is null or (model is null and $2 is not null))";
        let query = sqlx::query(sql).bind(i64::from(id.0)).bind(model.map(|model| &model.0)).bind(json(chunking));
        query.execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn serve_generation(&self, id: GenerationId, now_ms: i64) -> Result<Served, StoreError> {
        retried(|| self.swap_generation(id, now_ms)).await
    }

    async fn drop_generation(&self, id: GenerationId) -> Result<bool, StoreError> {
        retried(|| self.remove_generation(id)).await
    }

    async fn documents_to_chunk(&self, id: GenerationId, limit: u32) -> Result<Vec<DocumentId>, StoreError> {
        let sql = "select d.id from documents d where d.state = 'ready' and not exists (
            select 1 from chunkings k where k.document_id = d.id and k.generation = $1) order by d.id limit $2";
        let query = sqlx::query_scalar(sql).bind(i64::from(id.0)).bind(i64::from(limit));
        let ids: Vec<Vec<u8>> = query.fetch_all(&mut *self.connection().await?).await?;
        ids.iter().map(|bytes| document_id(bytes)).collect()
    }

    async fn chunk_source(&self, id: DocumentId) -> Result<Option<ChunkSource>, StoreError> {
        let sql = "select d.revision, d.media_type, d.title, d.uri, t.body, t.pages, t.outline
            from documents d join texts t on t.document_id = d.id where d.id = $1 and d.state = 'ready'";
        let query = sqlx::query(sql).bind(id.as_bytes());
        let Some(row) = query.fetch_optional(&mut *self.connection().await?).await? else { return Ok(None) };
        let text = String::from_utf8(row.try_get("body")?)
            .map_err(|_| StoreError::Corrupt { what: "text", key: id.to_string() })?;
        let structure = structure_of(row.try_get("pages")?, row.try_get("outline")?, text.len());
        let title = own_title(row.try_get("title")?, row.try_get("uri")?).to_owned();
        let (revision, media_type) = (row.try_get("revision")?, row.try_get("media_type")?);
        Ok(Some(ChunkSource { id, revision, media_type, title, text, structure }))
    }

    async fn put_chunks(
        &self,
        source: &ChunkSource,
        generation: GenerationId,
        chunks: &[Chunk],
    ) -> Result<bool, StoreError> {
        retried(|| self.write_chunks(source, generation, chunks)).await
    }

    async fn save_score(&self, id: GenerationId, score: Option<&GenerationScore>) -> Result<(), StoreError> {
        let query = sqlx::query("update generations set score = $2 where id = $1").bind(i64::from(id.0));
        query.bind(score.map(json)).execute(&mut *self.connection().await?).await?;
        Ok(())
    }

    async fn gold_queries(&self) -> Result<Vec<GoldQuery>, StoreError> {
        let query = sqlx::query_as("select query, relevant from gold_queries order by place");
        let rows: Vec<(String, String)> = query.fetch_all(&mut *self.connection().await?).await?;
        let gold = |(text, relevant): (String, String)| GoldQuery {
            query: text,
            relevant: from_json(&relevant).unwrap_or_default(),
        };
        Ok(rows.into_iter().map(gold).collect())
    }

    async fn set_gold_queries(&self, queries: &[GoldQuery]) -> Result<(), StoreError> {
        let texts: Vec<_> = queries.iter().map(|gold| storable(&gold.query)).collect();
        let relevant: Vec<String> = queries.iter().map(|gold| json(&gold.relevant)).collect();
        let mut tx = self.begin_alone().await?;
        sqlx::query("delete from gold_queries").execute(&mut *tx).await?;
        let sql = "insert into gold_queries (place, query, relevant)
            select place - 1, query, relevant from unnest($1::text[], $2::text[])
                with ordinality as new (query, relevant, place)";
        sqlx::query(sql).bind(texts).bind(relevant).execute(&mut *tx).await?;
        sqlx::query("update generations set score = null").execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }
}
