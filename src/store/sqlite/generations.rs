//! Generations: what serves, what is being built beside it, and how they compare.

use async_trait::async_trait;
use ibid_ingest::ChunkOptions;
use sqlx::Row;

use super::SqliteStore;
use super::changes::append_change;
use super::put::{insert_chunks, note_embedded};
use crate::store::rows::{GenerationRow, document_id, from_json, generation_id, json, structure_of};
use crate::store::{ChangeKind, ChunkSource, Generations, GoldQuery, Served, StoreError};
use crate::types::{Chunk, DocumentId, Generation, GenerationId, GenerationScore, ModelId, own_title};

#[async_trait]
impl Generations for SqliteStore {
    async fn generations(&self) -> Result<Vec<Generation>, StoreError> {
        let sql =
            "select id, model, chunking, serving, created_at_ms, served_at_ms, score from generations order by id";
        let rows: Vec<GenerationRow> = sqlx::query_as(sql).fetch_all(&self.reader).await?;
        Ok(rows.into_iter().map(Generation::from).collect())
    }

    async fn add_generation(
        &self,
        model: Option<&ModelId>,
        chunking: &ChunkOptions,
        now_ms: i64,
    ) -> Result<GenerationId, StoreError> {
        let sql = "insert into generations (model, chunking, created_at_ms) values ($1, $2, $3) returning id";
        let query = sqlx::query_scalar(sql).bind(model.map(|model| &model.0)).bind(json(chunking)).bind(now_ms);
        Ok(generation_id(query.fetch_one(&self.writer).await?))
    }

    async fn settle_generation(
        &self,
        id: GenerationId,
        model: Option<&ModelId>,
        chunking: &ChunkOptions,
    ) -> Result<(), StoreError> {
        let sql = "update generations set model = coalesce(model, $2), chunking = coalesce(chunking, $3)
            where id = $1 and (chunking is null or (model is null and $2 is not null))";
        let query = sqlx::query(sql).bind(id.0).bind(model.map(|model| &model.0)).bind(json(chunking));
        query.execute(&self.writer).await?;
        Ok(())
    }

    async fn serve_generation(&self, id: GenerationId, now_ms: i64) -> Result<Served, StoreError> {
        let mut tx = self.writer.begin_with("begin immediate").await?;
        let sql = "select id from generations where id = $1";
        if sqlx::query(sql).bind(id.0).fetch_optional(&mut *tx).await?.is_none() {
            return Ok(Served::Unknown);
        }
        let count = "select count(*) from documents d where d.state = 'ready' and not exists (
            select 1 from chunkings k where k.document_id = d.id and k.generation = $1 and k.embedded)";
        let waiting: i64 = sqlx::query_scalar(count).bind(id.0).fetch_one(&mut *tx).await?;
        if waiting > 0 {
            return Ok(Served::Incomplete(waiting.unsigned_abs()));
        }
        // The first generation serves from its beginning, and nobody notes it then.
        let rest = "update generations set serving = false, served_at_ms = coalesce(served_at_ms, created_at_ms)
            where serving";
        sqlx::query(rest).execute(&mut *tx).await?;
        let serve = "update generations set serving = true, served_at_ms = $2 where id = $1";
        sqlx::query(serve).bind(id.0).bind(now_ms).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(Served::Done)
    }

    async fn drop_generation(&self, id: GenerationId) -> Result<bool, StoreError> {
        let mut tx = self.writer.begin_with("begin immediate").await?;
        let sql = "select model from generations where id = $1 and not serving";
        let query = sqlx::query_scalar(sql).bind(id.0);
        let Some(model): Option<Option<String>> = query.fetch_optional(&mut *tx).await? else { return Ok(false) };
        for remove in [
            "delete from chunks where generation = $1",
            "delete from chunkings where generation = $1",
            "delete from changes where generation = $1",
            "delete from generations where id = $1",
        ] {
            sqlx::query(remove).bind(id.0).execute(&mut *tx).await?;
        }
        let forget =
            "delete from embeddings where model = $1 and not exists (select 1 from generations where model = $1)";
        sqlx::query(forget).bind(model).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn documents_to_chunk(&self, id: GenerationId, limit: u32) -> Result<Vec<DocumentId>, StoreError> {
        let sql = "select d.id from documents d where d.state = 'ready' and not exists (
            select 1 from chunkings k where k.document_id = d.id and k.generation = $1) order by d.id limit $2";
        let ids: Vec<Vec<u8>> = sqlx::query_scalar(sql).bind(id.0).bind(limit).fetch_all(&self.reader).await?;
        ids.iter().map(|bytes| document_id(bytes)).collect()
    }

    async fn chunk_source(&self, id: DocumentId) -> Result<Option<ChunkSource>, StoreError> {
        let sql = "select d.revision, d.media_type, d.title, d.uri, t.body, t.pages, t.outline
            from documents d join texts t on t.document_id = d.id where d.id = $1 and d.state = 'ready'";
        let Some(row) = sqlx::query(sql).bind(id.as_bytes()).fetch_optional(&self.reader).await? else {
            return Ok(None);
        };
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
        let mut tx = self.writer.begin_with("begin immediate").await?;
        let sql = "select 1 from documents d join generations g on g.id = $3
            where d.id = $1 and d.revision = $2 and d.state = 'ready'
                and not exists (select 1 from chunkings k where k.document_id = $1 and k.generation = $3)";
        let query = sqlx::query(sql).bind(source.id.as_bytes()).bind(source.revision).bind(generation.0);
        if query.fetch_optional(&mut *tx).await?.is_none() {
            return Ok(false);
        }
        insert_chunks(&mut tx, &[(source.id, chunks)], generation).await?;
        append_change(&mut tx, source.id, ChangeKind::Put, Some(generation)).await?;
        note_embedded(&mut tx, &[source.id], generation).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn save_score(&self, id: GenerationId, score: Option<&GenerationScore>) -> Result<(), StoreError> {
        let sql = "update generations set score = $2 where id = $1";
        sqlx::query(sql).bind(id.0).bind(score.map(json)).execute(&self.writer).await?;
        Ok(())
    }

    async fn gold_queries(&self) -> Result<Vec<GoldQuery>, StoreError> {
        let sql = "select query, relevant from gold_queries order by place";
        let rows: Vec<(String, String)> = sqlx::query_as(sql).fetch_all(&self.reader).await?;
        let gold = |(query, relevant): (String, String)| GoldQuery {
            query,
            relevant: from_json(&relevant).unwrap_or_default(),
        };
        Ok(rows.into_iter().map(gold).collect())
    }

    async fn set_gold_queries(&self, queries: &[GoldQuery]) -> Result<(), StoreError> {
        let mut tx = self.writer.begin_with("begin immediate").await?;
        sqlx::query("delete from gold_queries").execute(&mut *tx).await?;
        for (place, gold) in (0_i64..).zip(queries) {
            let sql = "insert into gold_queries (place, query, relevant) values ($1, $2, $3)";
            let row = sqlx::query(sql).bind(place).bind(&gold.query).bind(json(&gold.relevant));
            row.execute(&mut *tx).await?;
        }
        sqlx::query("update generations set score = null").execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }
}
