//! Chunks read back: always cut from the stored text, always with the document as it is now.

use std::collections::HashMap;

use async_trait::async_trait;
use ibid_ingest::LineBox;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder, Row};

use super::PostgresStore;
use crate::store::chunks::{bytes_around, slice_of};
use crate::store::rows::{CHUNK_COLUMNS, ChunkColumns, DOCUMENTS, DocumentRow, from_json, signed};
use crate::store::{ChunkInTruth, Chunks, StoreError, TextSlice};
use crate::types::{ChunkId, ChunkRow, Document, DocumentId, GenerationId};

#[async_trait]
impl Chunks for PostgresStore {
    /// One statement, so that words and documents are of the same moment.
    async fn chunks(&self, ids: &[ChunkId]) -> Result<Vec<ChunkInTruth>, StoreError> {
        let numbers: Vec<i64> = ids.iter().map(|id| signed(id.0)).collect();
        let mut sql = QueryBuilder::<Postgres>::new("with known as (");
        sql.push(DOCUMENTS)
            .push(" where d.state = 'ready' and d.id in (select document_id from chunks where id = any(");
        sql.push_bind(&numbers).push("::bigint[]))) select known.*, ").push(CHUNK_COLUMNS).push(
            ", substring(t.body from (c.span_start + 1)::int for (c.span_end - c.span_start)::int) as words,
                substring(t.body from (c.header_start + 1)::int for (c.header_end - c.header_start)::int) as header_words
            from chunks c join known on known.id = c.document_id join texts t on t.document_id = c.document_id
            where c.id = any(",
        );
        sql.push_bind(&numbers).push("::bigint[])");
        let mut found = HashMap::with_capacity(ids.len());
        for row in &sql.build().fetch_all(&mut *self.connection().await?).await? {
            let document = Document::try_from(DocumentRow::from_row(row)?)?;
            let row =
                ChunkColumns::from_row(row)?.with_words(Some(row.try_get("words")?), row.try_get("header_words")?)?;
            found.insert(row.id, ChunkInTruth { row, document });
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    async fn boxes(&self, id: DocumentId) -> Result<Vec<LineBox>, StoreError> {
        let query = sqlx::query_scalar("select boxes from texts where document_id = $1").bind(id.as_bytes());
        let boxes: Option<Option<String>> = query.fetch_optional(&mut *self.connection().await?).await?;
        Ok(boxes.flatten().and_then(|boxes| from_json(&boxes)).unwrap_or_default())
    }

    async fn text_slice(&self, id: DocumentId, start: usize, end: usize) -> Result<Option<TextSlice>, StoreError> {
        let (from, length) = bytes_around(start, end);
        // Lengths of bytes are 32-bit integers here; no text is longer.
        let place = |number: usize| i32::try_from(number).unwrap_or(i32::MAX - 1);
        let sql = "select octet_length(body)::bigint as total,
                substring(body from $2 for least($3, 2147483647 - $2)) as part
            from texts where document_id = $1";
        let query = sqlx::query(sql).bind(id.as_bytes()).bind(place(from) + 1).bind(place(length));
        let Some(row) = query.fetch_optional(&mut *self.connection().await?).await? else { return Ok(None) };
        let total_bytes = usize::try_from(row.try_get::<i64, _>("total")?).unwrap_or(0);
        let slice = slice_of(row.try_get("part")?, total_bytes, start, end);
        slice.map(Some).ok_or_else(|| StoreError::Corrupt { what: "text", key: id.to_string() })
    }
}

/// Every chunk of a document in a generation in the order of its text. The connection is in a snapshot.
pub(super) async fn chunk_rows(
    snapshot: &mut PgConnection,
    id: DocumentId,
    generation: GenerationId,
) -> Result<Vec<ChunkRow>, StoreError> {
    let body = sqlx::query_scalar("select body from texts where document_id = $1").bind(id.as_bytes());
    let Some(body): Option<Vec<u8>> = body.fetch_optional(&mut *snapshot).await? else { return Ok(Vec::new()) };
    let mut sql = QueryBuilder::<Postgres>::new("select ");
    sql.push(CHUNK_COLUMNS).push(" from chunks c where c.document_id = ").push_bind(id.as_bytes());
    sql.push(" and c.generation = ").push_bind(i64::from(generation.0)).push(" order by c.span_start");
    let rows: Vec<ChunkColumns> = sql.build_query_as().fetch_all(snapshot).await?;
    rows.into_iter().map(|row| row.cut_from(&body)).collect()
}
