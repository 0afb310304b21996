//! Chunks read back: always cut from the stored text, always with the document as it is now.

use std::collections::HashMap;

use async_trait::async_trait;
use ibid_ingest::LineBox;
use sqlx::sqlite::SqlitePool;
use sqlx::{FromRow, Row, Sqlite};

use super::SqliteStore;
use crate::store::chunks::{bytes_around, slice_of};
use crate::store::rows::{CHUNK_COLUMNS, ChunkColumns, DOCUMENTS, DocumentRow, from_json, signed};
use crate::store::{ChunkInTruth, Chunks, StoreError, TextSlice};
use crate::types::{ChunkId, ChunkRow, Document, DocumentId, GenerationId};

/// SQLite allows 32,766 parameters in a statement; candidates are hundreds at most.
const IDS_IN_A_STATEMENT: usize = 500;

#[async_trait]
impl Chunks for SqliteStore {
    async fn chunks(&self, ids: &[ChunkId]) -> Result<Vec<ChunkInTruth>, StoreError> {
        let mut found = HashMap::with_capacity(ids.len());
        for part in ids.chunks(IDS_IN_A_STATEMENT) {
            let documents = self.documents_of(part).await?;
            let mut sql = sqlx::QueryBuilder::<Sqlite>::new("select ");
            sql.push(CHUNK_COLUMNS);
            sql.push(
                ", substr(t.body, c.span_start + 1, c.span_end - c.span_start) as words,
                substr(t.body, c.header_start + 1, c.header_end - c.header_start) as header_words
                from chunks c join texts t on t.document_id = c.document_id where c.id in (",
            );
            let mut list = sql.separated(", ");
            for id in part {
                list.push_bind(signed(id.0));
            }
            sql.push(")");
            for row in &sql.build().fetch_all(&self.reader).await? {
                let columns = ChunkColumns::from_row(row)?;
                let Some(document) = documents.get(columns.document()).cloned() else {
                    continue;
                };
                let row = columns.with_words(Some(row.try_get("words")?), row.try_get("header_words")?)?;
                found.insert(row.id, ChunkInTruth { row, document });
            }
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    async fn boxes(&self, id: DocumentId) -> Result<Vec<LineBox>, StoreError> {
        let query = sqlx::query_scalar("select boxes from texts where document_id = $1").bind(id.as_bytes());
        let boxes: Option<Option<String>> = query.fetch_optional(&self.reader).await?;
        Ok(boxes.flatten().and_then(|boxes| from_json(&boxes)).unwrap_or_default())
    }

    async fn text_slice(&self, id: DocumentId, start: usize, end: usize) -> Result<Option<TextSlice>, StoreError> {
        let (from, length) = bytes_around(start, end);
        let sql = "select length(body) as total, substr(body, $2 + 1, $3) as part from texts where document_id = $1";
        let query = sqlx::query(sql).bind(id.as_bytes()).bind(signed(from as u64)).bind(signed(length as u64));
        let Some(row) = query.fetch_optional(&self.reader).await? else { return Ok(None) };
        let total_bytes = usize::try_from(row.try_get::<i64, _>("total")?).unwrap_or(0);
        let slice = slice_of(row.try_get("part")?, total_bytes, start, end);
        slice.map(Some).ok_or_else(|| StoreError::Corrupt { what: "text", key: id.to_string() })
    }
}

impl SqliteStore {
    /// The documents of these chunks, those that are ready.
    async fn documents_of(&self, chunks: &[ChunkId]) -> Result<HashMap<Vec<u8>, Document>, StoreError> {
        let mut sql = sqlx::QueryBuilder::<Sqlite>::new(DOCUMENTS);
        sql.push(" where d.state = 'ready' and d.id in (select document_id from chunks where id in (");
        let mut list = sql.separated(", ");
        for id in chunks {
            list.push_bind(signed(id.0));
        }
        sql.push("))");
        let rows: Vec<DocumentRow> = sql.build_query_as().fetch_all(&self.reader).await?;
        let keyed =
            |row: DocumentRow| Document::try_from(row).map(|document| (document.id.as_bytes().to_vec(), document));
        rows.into_iter().map(keyed).collect()
    }
}

/// Every chunk of a document in a generation in the order of its text.
pub(super) async fn chunk_rows(
    pool: &SqlitePool,
    id: DocumentId,
    generation: GenerationId,
) -> Result<Vec<ChunkRow>, StoreError> {
    let body = sqlx::query_scalar("select body from texts where document_id = $1").bind(id.as_bytes());
    let Some(body): Option<Vec<u8>> = body.fetch_optional(pool).await? else { return Ok(Vec::new()) };
    let mut sql = sqlx::QueryBuilder::<Sqlite>::new("select ");
    sql.push(CHUNK_COLUMNS).push(" from chunks c where c.document_id = ").push_bind(id.as_bytes());
    sql.push(" and c.generation = ").push_bind(generation.0).push(" order by c.span_start");
    let rows: Vec<ChunkColumns> = sql.build_query_as().fetch_all(pool).await?;
    rows.into_iter().map(|row| row.cut_from(&body)).collect()
}
