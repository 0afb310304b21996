//! Rows to values and back: what the columns of the truth mean, said once for both databases.

mod chunks;
mod ingests;
mod threads;

use std::collections::BTreeSet;

use ibid_ingest::{Block, ChunkKind, Heading, LineBox, Place, Span};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{CollectionSummary, EmbeddingStatus, KnownSource, StoreError};
use crate::types::{
    Document, DocumentId, DocumentState, Failure, Generation, GenerationId, ModelId, PageSpan, Principal, SourceStamp,
    Structure,
};

pub(in crate::store) use chunks::{CHUNK_COLUMNS, ChunkColumns, with_chunks};
pub(in crate::store) use ingests::{
    IngestRow, REMOVALS, RemovalRow, TASKS, TaskRow, close_former_work_at, failure_columns, ingests_at,
};
pub(in crate::store) use threads::{
    CITATION, CitationRow, THREADS, TURNS, ThreadRow, TurnRow, feedback_column, work_columns,
};

/// Every document with its collection's name and readers and its chunks in the generation that serves, in the columns of
/// [`DocumentRow`].
pub(in crate::store) const DOCUMENTS: &str =
    "select d.id, n.name as collection, d.uri, d.container, d.media_type, d.title, d.metadata, d.language,
    coalesce(d.readers, n.readers) as readers, d.state, coalesce(k.embedded, false) as embedded, d.failure_code,
    d.failure_message, d.source_bytes, d.source_modified_ns, d.source_sha256, coalesce(k.chunk_count, 0) as chunk_count,
    d.text_bytes, d.warnings, d.updated_at_ms
    from documents d join collections n on n.id = d.collection_id
    left join chunkings k on k.document_id = d.id
        and k.generation = (select id from generations where serving)";

/// A row of [`DOCUMENTS`].
#[derive(Debug, sqlx::FromRow)]
pub(in crate::store) struct DocumentRow {
    id: Vec<u8>,
    collection: String,
    uri: String,
    container: Option<Vec<u8>>,
    media_type: String,
    title: String,
    metadata: String,
    language: Option<String>,
    readers: String,
    state: String,
    embedded: bool,
    failure_code: Option<String>,
    failure_message: Option<String>,
    source_bytes: i64,
    source_modified_ns: i64,
    source_sha256: String,
    chunk_count: i64,
    text_bytes: i64,
    warnings: String,
    updated_at_ms: i64,
}

impl TryFrom<DocumentRow> for Document {
    type Error = StoreError;

    fn try_from(row: DocumentRow) -> Result<Self, StoreError> {
        let id = document_id(&row.id)?;
        let corrupt = |what: &'static str| move || StoreError::Corrupt { what, key: id.to_string() };
        let state = match row.state.as_str() {
            "ready" => DocumentState::Ready { embedded: row.embedded },
            _ => DocumentState::Failed {
                failure: Failure {
                    code: row.failure_code.unwrap_or_default(),
                    message: row.failure_message.unwrap_or_default(),
                },
            },
        };
        Ok(Self {
            id,
            collection: row.collection.parse().map_err(|_| corrupt("collection")())?,
            uri: row.uri,
            container: row.container.as_deref().map(document_id).transpose()?,
            media_type: row.media_type,
            title: row.title,
            metadata: from_json(&row.metadata).ok_or_else(corrupt("metadata"))?,
            language: row.language,
            readers: readers_of(&row.readers),
            state,
            source: SourceStamp {
                bytes: row.source_bytes.unsigned_abs(),
                modified_ns: row.source_modified_ns,
                sha256: row.source_sha256,
            },
            chunks: row.chunk_count.unsigned_abs(),
            text_bytes: row.text_bytes.unsigned_abs(),
            warnings: from_json(&row.warnings).ok_or_else(corrupt("warnings"))?,
            updated_at_ms: row.updated_at_ms,
        })
    }
}

/// Who may read, as it is stored. What cannot be understood is read by nobody.
pub(in crate::store) fn readers_of(stored: &str) -> BTreeSet<Principal> {
    from_json(stored).unwrap_or_default()
}

/// How far a generation, `$1`, has come, in the columns of [`StatusRow`].
pub(in crate::store) const STATUS: &str = "select count(*) filter (where d.state = 'ready') as documents,
        count(k.document_id) as chunked,
        count(*) filter (where k.embedded) as embedded,
        count(*) filter (where d.state = 'failed') as failed,
        cast(coalesce(sum(k.chunk_count), 0) as bigint) as chunks,
        cast(coalesce(sum(k.chunk_count) filter (where k.embedded), 0) as bigint) as chunks_embedded
    from documents d left join chunkings k on k.document_id = d.id and k.generation = $1";

/// The row of [`STATUS`].
#[derive(Debug, sqlx::FromRow)]
pub(in crate::store) struct StatusRow {
    documents: i64,
    chunked: i64,
    embedded: i64,
    failed: i64,
    chunks: i64,
    chunks_embedded: i64,
}

impl From<StatusRow> for EmbeddingStatus {
    fn from(row: StatusRow) -> Self {
        Self {
            documents: row.documents.unsigned_abs(),
            chunked: row.chunked.unsigned_abs(),
            embedded: row.embedded.unsigned_abs(),
            failed: row.failed.unsigned_abs(),
            chunks: row.chunks.unsigned_abs(),
            chunks_embedded: row.chunks_embedded.unsigned_abs(),
        }
    }
}

/// A collection with its counts.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::store) struct CollectionRow {
    name: String,
    readers: String,
    documents: i64,
    failed: i64,
    embedded: i64,
    chunks: i64,
}

impl TryFrom<CollectionRow> for CollectionSummary {
    type Error = StoreError;

    fn try_from(row: CollectionRow) -> Result<Self, StoreError> {
        let name = row.name.parse();
        Ok(Self {
            name: name.map_err(|_| StoreError::Corrupt { what: "collection name", key: row.name })?,
            readers: readers_of(&row.readers),
            documents: row.documents.unsigned_abs(),
            failed: row.failed.unsigned_abs(),
            embedded: row.embedded.unsigned_abs(),
            chunks: row.chunks.unsigned_abs(),
        })
    }
}

/// A row of `known_sources`.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::store) struct SourceRow {
    id: Vec<u8>,
    uri: String,
    source_bytes: i64,
    source_modified_ns: i64,
    source_sha256: String,
    failure_code: Option<String>,
    partial: bool,
    retry_at_ms: Option<i64>,
}

/// When a document, `d`, that failed may be tried again.
pub(in crate::store) const RETRY_AT: &str =
    "(select t.retry_at_ms from tasks t where d.failure_code is not null and t.document_id = d.id)";

/// Whether a document, `d`, waits for recognition, or something inside of it does or could not be read. Warnings are said in
/// words that [`ibid_ingest::Warning`] has.
pub(in crate::store) const IS_PARTIAL: &str = "(d.warnings like '%need ocr%' or exists (select 1 from documents i
    where i.container = d.id and (i.failure_code is not null or i.warnings like '%need ocr%')))";

impl SourceRow {
    /// The URI, and what is known of it.
    pub(in crate::store) fn known(self) -> Result<(String, KnownSource), StoreError> {
        let stamp = SourceStamp {
            bytes: self.source_bytes.unsigned_abs(),
            modified_ns: self.source_modified_ns,
            sha256: self.source_sha256,
        };
        let Self { failure_code, partial, retry_at_ms, .. } = self;
        Ok((self.uri, KnownSource { id: document_id(&self.id)?, stamp, failure_code, partial, retry_at_ms }))
    }
}

fn offset(stored: i64) -> usize {
    usize::try_from(stored).unwrap_or(0)
}

/// A row of `generations`.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::store) struct GenerationRow {
    id: i64,
    model: Option<String>,
    chunking: Option<String>,
    serving: bool,
    created_at_ms: i64,
    served_at_ms: Option<i64>,
    score: Option<String>,
}

impl From<GenerationRow> for Generation {
    fn from(row: GenerationRow) -> Self {
        Self {
            id: generation_id(row.id),
            model: row.model.map(ModelId),
            chunking: row.chunking.as_deref().and_then(from_json),
            serving: row.serving,
            created_at_ms: row.created_at_ms,
            served_at_ms: row.served_at_ms,
            score: row.score.as_deref().and_then(from_json),
        }
    }
}

/// The part of a document's structure that is kept beside its pages.
#[derive(Debug, Serialize, serde::Deserialize)]
struct Outline {
    body: Span,
    headings: Vec<Heading>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    blocks: Vec<Block>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    places: Vec<Place>,
}

/// The column `kind` of a chunk.
pub(in crate::store) fn kind_column(kind: Option<ChunkKind>) -> Option<String> {
    kind.and_then(|kind| serde_json::to_value(kind).ok()?.as_str().map(str::to_owned))
}

/// The column `boxes` of a text.
pub(in crate::store) fn boxes_column(boxes: &[LineBox]) -> Option<String> {
    (!boxes.is_empty()).then(|| json(&boxes))
}

/// The columns `pages` and `outline` of a text.
pub(in crate::store) fn structure_columns(structure: &Structure) -> (String, String) {
    let Structure { body, pages, headings, blocks, places } = structure.clone();
    (json(&pages), json(&Outline { body, headings, blocks, places }))
}

/// The structure of a text of `text_bytes`. Without an outline, all of it is body.
pub(in crate::store) fn structure_of(pages: &str, outline: Option<&str>, text_bytes: usize) -> Structure {
    let pages: Vec<PageSpan> = from_json(pages).unwrap_or_default();
    match outline.and_then(from_json::<Outline>) {
        Some(Outline { body, headings, blocks, places }) => Structure { body, pages, headings, blocks, places },
        None => Structure { body: Span { start: 0, end: text_bytes }, pages, ..Structure::default() },
    }
}

pub(in crate::store) fn generation_id(stored: i64) -> GenerationId {
    GenerationId(u32::try_from(stored).unwrap_or(0))
}

pub(in crate::store) fn document_id(stored: &[u8]) -> Result<DocumentId, StoreError> {
    DocumentId::from_bytes(stored)
        .ok_or_else(|| StoreError::Corrupt { what: "document id", key: format!("{stored:02x?}") })
}

/// Integers of the database are signed; lengths and counts here are far below the sign bit.
pub(in crate::store) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The length of a lease in whole milliseconds, at most a year: a clock's time and a longer one may not fit a number.
pub(in crate::store) fn lease_ms(length: std::time::Duration) -> i64 {
    const YEAR_MS: i64 = 365 * 24 * 3600 * 1000;
    i64::try_from(length.as_millis()).unwrap_or(YEAR_MS).min(YEAR_MS)
}

pub(in crate::store) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("maps with text keys and lists always serialise")
}

pub(in crate::store) fn from_json<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}
