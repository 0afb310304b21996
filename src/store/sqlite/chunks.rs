//! Chunks read back: always cut from the stored text, always with the document as it is now.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{Row, Sqlite};

use super::super::StoreError;
use super::Store;
use super::rows::{chunk_row_without_words, document_of, signed};
use crate::types::{ChunkId, ChunkRow, Document, DocumentId};

/// A chunk as the truth has it at this moment, with its document.
#[derive(Debug, Clone)]
pub struct ChunkInTruth {
    /// The chunk with its words.
    pub row: ChunkRow,
    /// The document, which is ready.
    pub document: Document,
}

/// A piece of a document's extracted text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TextSlice {
    /// First byte, moved to a character boundary.
    pub start: usize,
    /// One past the last byte, moved to a character boundary.
    pub end: usize,
    /// Length of the whole text in bytes.
    pub total_bytes: usize,
    /// The words.
    pub text: String,
}

/// SQLite allows 32,766 parameters in a statement; candidates are hundreds at most.
const IDS_IN_A_STATEMENT: usize = 500;

impl Store {
    /// The chunks that exist, of documents that are ready, in the order asked for. A chunk that is gone is left out.
    ///
    /// # Errors
    /// Database errors.
    pub async fn chunks(&self, ids: &[ChunkId]) -> Result<Vec<ChunkInTruth>, StoreError> {
        let mut found = HashMap::with_capacity(ids.len());
        for part in ids.chunks(IDS_IN_A_STATEMENT) {
            let mut sql = sqlx::QueryBuilder::<Sqlite>::new(
                "select c.id as chunk, c.span_start, c.span_end, c.page_first, c.page_last, c.heading_path, c.text_hash,
                    substr(t.body, c.span_start + 1, c.span_end - c.span_start) as words,
                    d.id, n.name as collection, d.uri, d.media_type, d.title, d.metadata, d.state, d.embedded,
                    d.failure_code, d.failure_message, d.source_bytes, d.source_modified_ns, d.source_sha256,
                    d.chunk_count, d.text_bytes, d.warnings, d.updated_at_ms
                from chunks c join documents d on d.id = c.document_id join collections n on n.id = d.collection_id
                    join texts t on t.document_id = c.document_id
                where d.state = 'ready' and c.id in (",
            );
            let mut list = sql.separated(", ");
            for id in part {
                list.push_bind(signed(id.0));
            }
            sql.push(")");
            for row in &sql.build().fetch_all(&self.reader).await? {
                let chunk = ChunkInTruth { row: chunk_row(row)?, document: document_of(row)? };
                found.insert(chunk.row.id, chunk);
            }
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// A piece of a document's text; the ends move outwards to character boundaries and inwards to the text's length.
    ///
    /// # Errors
    /// Database errors.
    pub async fn text_slice(&self, id: DocumentId, start: usize, end: usize) -> Result<Option<TextSlice>, StoreError> {
        // A character has at most 4 bytes, so 3 more on each side are enough to find its boundary.
        let from = start.saturating_sub(3);
        let length = end.max(start).saturating_add(3) - from;
        let sql = "select length(body) as total, substr(body, ?2 + 1, ?3) as part from texts where document_id = ?1";
        let query = sqlx::query(sql).bind(id.as_bytes()).bind(signed(from as u64)).bind(signed(length as u64));
        let Some(row) = query.fetch_optional(&self.reader).await? else { return Ok(None) };
        let total_bytes = usize::try_from(row.try_get::<i64, _>("total")?).unwrap_or(0);
        let part: &[u8] = row.try_get("part")?;
        let boundary = |at: usize| at >= part.len() || (part[at] & 0b1100_0000) != 0b1000_0000;
        let mut first = start.min(total_bytes).saturating_sub(from).min(part.len());
        while first > 0 && !boundary(first) {
            first -= 1;
        }
        let mut last = end.max(start).min(total_bytes).saturating_sub(from).clamp(first, part.len());
        while !boundary(last) {
            last += 1;
        }
        let text = std::str::from_utf8(&part[first..last])
            .map_err(|_| StoreError::Corrupt { what: "text", key: id.to_string() })?;
        Ok(Some(TextSlice { start: from + first, end: from + last, total_bytes, text: text.to_owned() }))
    }
}

/// Every chunk of a document in the order of its text.
pub(super) async fn chunk_rows(pool: &SqlitePool, id: DocumentId) -> Result<Vec<ChunkRow>, StoreError> {
    let body = sqlx::query_scalar::<_, Vec<u8>>("select body from texts where document_id = ?").bind(id.as_bytes());
    let Some(body) = body.fetch_optional(pool).await? else { return Ok(Vec::new()) };
    let sql = "select id as chunk, document_id as id, span_start, span_end, page_first, page_last, heading_path,
        text_hash, x'' as words from chunks where document_id = ? order by span_start";
    let rows = sqlx::query(sql).bind(id.as_bytes()).fetch_all(pool).await?;
    rows.iter()
        .map(|row| {
            let mut read = chunk_row_without_words(row)?;
            let words = body.get(read.chunk.span.start..read.chunk.span.end);
            let words = words.and_then(|bytes| std::str::from_utf8(bytes).ok());
            let corrupt = || StoreError::Corrupt { what: "span", key: read.id.to_string() };
            words.ok_or_else(corrupt)?.clone_into(&mut read.text);
            Ok(read)
        })
        .collect()
}

fn chunk_row(row: &SqliteRow) -> Result<ChunkRow, StoreError> {
    let mut read = chunk_row_without_words(row)?;
    let words: &[u8] = row.try_get("words")?;
    let exact = words.len() == read.chunk.span.end - read.chunk.span.start;
    let text = std::str::from_utf8(words).ok().filter(|_| exact);
    let corrupt = || StoreError::Corrupt { what: "span", key: read.id.to_string() };
    text.ok_or_else(corrupt)?.clone_into(&mut read.text);
    Ok(read)
}
