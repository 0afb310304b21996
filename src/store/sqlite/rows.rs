//! Rows to values and back: what the columns of the truth mean, said once.

use ibid_ingest::Span;
use serde::Serialize;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::super::StoreError;
use crate::types::{Chunk, ChunkId, ChunkRow, Document, DocumentId, DocumentState, Failure, SourceStamp, TextHash};

/// Every document with its collection's name, in the columns that [`document_of`] reads.
pub(super) const COLUMNS: &str =
    "select d.id, c.name as collection, d.uri, d.media_type, d.title, d.metadata, d.state, d.embedded,
    d.failure_code, d.failure_message, d.source_bytes, d.source_modified_ns, d.source_sha256, d.chunk_count,
    d.text_bytes, d.warnings, d.updated_at_ms
    from documents d join collections c on c.id = d.collection_id";

pub(super) fn document_of(row: &SqliteRow) -> Result<Document, StoreError> {
    let id = document_id(row)?;
    let corrupt = |what: &'static str| move || StoreError::Corrupt { what, key: id.to_string() };
    let collection: String = row.try_get("collection")?;
    let state = match row.try_get::<String, _>("state")?.as_str() {
        "ready" => DocumentState::Ready { embedded: row.try_get::<i64, _>("embedded")? == 1 },
        _ => DocumentState::Failed {
            failure: Failure {
                code: row.try_get::<Option<String>, _>("failure_code")?.unwrap_or_default(),
                message: row.try_get::<Option<String>, _>("failure_message")?.unwrap_or_default(),
            },
        },
    };
    Ok(Document {
        id,
        collection: collection.parse().map_err(|_| corrupt("collection")())?,
        uri: row.try_get("uri")?,
        media_type: row.try_get("media_type")?,
        title: row.try_get("title")?,
        metadata: from_json(row, "metadata").ok_or_else(corrupt("metadata"))?,
        state,
        source: stamp_of(row)?,
        chunks: row.try_get::<i64, _>("chunk_count")?.unsigned_abs(),
        text_bytes: row.try_get::<i64, _>("text_bytes")?.unsigned_abs(),
        warnings: from_json(row, "warnings").ok_or_else(corrupt("warnings"))?,
        updated_at_ms: row.try_get("updated_at_ms")?,
    })
}

pub(super) fn stamp_of(row: &SqliteRow) -> Result<SourceStamp, StoreError> {
    Ok(SourceStamp {
        bytes: row.try_get::<i64, _>("source_bytes")?.unsigned_abs(),
        modified_ns: row.try_get("source_modified_ns")?,
        sha256: row.try_get("source_sha256")?,
    })
}

pub(super) fn document_id(row: &SqliteRow) -> Result<DocumentId, StoreError> {
    let bytes: &[u8] = row.try_get("id")?;
    DocumentId::from_bytes(bytes).ok_or_else(|| StoreError::Corrupt { what: "id", key: format!("{bytes:02x?}") })
}

/// SQLite's integers are signed; lengths and counts here are far below the sign bit.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("maps with text keys and lists always serialise")
}

pub(super) fn from_json<T: serde::de::DeserializeOwned>(row: &SqliteRow, column: &str) -> Option<T> {
    row.try_get::<&str, _>(column).ok().and_then(|text| serde_json::from_str(text).ok())
}

/// A chunk whose words are still to be cut from its document's text.
pub(super) fn chunk_row_without_words(row: &SqliteRow) -> Result<ChunkRow, StoreError> {
    let id = ChunkId(row.try_get::<i64, _>("chunk")?.unsigned_abs());
    let corrupt = |what: &'static str| StoreError::Corrupt { what, key: id.to_string() };
    let offset = |column: &str| row.try_get::<i64, _>(column).map(|at| usize::try_from(at).unwrap_or(0));
    let chunk = Chunk {
        span: Span { start: offset("span_start")?, end: offset("span_end")? },
        page_first: row.try_get("page_first")?,
        page_last: row.try_get("page_last")?,
        heading_path: from_json(row, "heading_path").ok_or_else(|| corrupt("heading path"))?,
        text_hash: TextHash::from_bytes(row.try_get("text_hash")?).ok_or_else(|| corrupt("text hash"))?,
    };
    Ok(ChunkRow { id, document: document_id(row)?, chunk, text: String::new() })
}

/// Vectors are stored as little-endian `f32`.
pub(super) fn vector_to_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|value| value.to_le_bytes()).collect()
}

pub(super) fn vector_from_bytes(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|part| f32::from_le_bytes([part[0], part[1], part[2], part[3]])).collect()
}
