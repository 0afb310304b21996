//! Documents: written whole in one transaction, listed by cursor.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::{Row, Sqlite, Transaction};

use super::super::StoreError;
use super::Store;
use super::changes::{ChangeKind, append_change};
use super::rows::{COLUMNS, document_id, document_of, json, signed, stamp_of};
use crate::faults;
use crate::types::{Chunk, CollectionName, Document, DocumentId, Failure, ModelId, PageSpan, Seq, SourceStamp};

/// A document as the pipeline hands it over.
#[derive(Debug, Clone)]
pub struct NewDocument {
    /// Its collection, which must exist.
    pub collection: CollectionName,
    /// Where it came from.
    pub uri: String,
    /// MIME type.
    pub media_type: String,
    /// Title.
    pub title: String,
    /// Metadata of the source.
    pub metadata: BTreeMap<String, String>,
    /// What the source looked like.
    pub source: SourceStamp,
    /// What extraction had to leave out or repair.
    pub warnings: Vec<String>,
    /// The extracted text, which spans index.
    pub text: String,
    /// Its pages.
    pub pages: Vec<PageSpan>,
    /// Its chunks.
    pub chunks: Vec<Chunk>,
}

/// What a mirror needs to see whether a source changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSource {
    /// The document.
    pub id: DocumentId,
    /// What its source looked like.
    pub stamp: SourceStamp,
    /// Why it failed, if it did.
    pub failure_code: Option<String>,
}

/// Which documents to list.
#[derive(Debug, Clone, Default)]
pub struct DocumentQuery {
    /// Only of this collection.
    pub collection: Option<CollectionName>,
    /// Only those that failed.
    pub failed_only: bool,
    /// Only after this one, as the last page's `next_cursor` says.
    pub after: Option<DocumentId>,
    /// At most this many.
    pub limit: u32,
}

/// A page of documents.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct DocumentPage {
    /// The documents.
    pub documents: Vec<Document>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<DocumentId>,
}

impl Store {
    /// Writes a document, its text, its chunks and a change in one transaction, in the place of what was there.
    ///
    /// `model` is the embedder whose vectors are looked for: a document whose texts were all embedded before is
    /// ready for both legs at once.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] and other database errors; then nothing is written.
    pub async fn put_document(&self, new: &NewDocument, model: &ModelId, now_ms: i64) -> Result<Seq, StoreError> {
        let id = DocumentId::of(&new.collection, &new.uri);
        let state = RowState { state: "ready", failure: None, chunks: new.chunks.len(), text_bytes: new.text.len() };
        let mut tx = self.writer.begin().await?;
        upsert_row(&mut tx, id, new, &state, now_ms).await?;
        faults::point();
        insert_text_and_chunks(&mut tx, id, new).await?;
        faults::point();
        let mut seq = append_change(&mut tx, id, ChangeKind::Put).await?;
        if mark_if_embedded(&mut tx, id, model).await? {
            seq = append_change(&mut tx, id, ChangeKind::Embedded).await?;
        }
        faults::point();
        tx.commit().await?;
        faults::point();
        Ok(seq)
    }

    /// Records that a document could not be read; what was indexed of it before goes away.
    ///
    /// # Errors
    /// Database errors; then nothing is written.
    pub async fn fail_document(&self, new: &NewDocument, failure: &Failure, now_ms: i64) -> Result<Seq, StoreError> {
        let id = DocumentId::of(&new.collection, &new.uri);
        let state = RowState { state: "failed", failure: Some(failure), chunks: 0, text_bytes: 0 };
        let mut tx = self.writer.begin().await?;
        upsert_row(&mut tx, id, new, &state, now_ms).await?;
        let seq = append_change(&mut tx, id, ChangeKind::Delete).await?;
        faults::point();
        tx.commit().await?;
        faults::point();
        Ok(seq)
    }

    /// Notes that a source was touched but holds the same bytes.
    ///
    /// # Errors
    /// Database errors.
    pub async fn touch_document(&self, id: DocumentId, source: &SourceStamp) -> Result<(), StoreError> {
        let sql = "update documents set source_modified_ns = ?, source_bytes = ? where id = ?";
        let query = sqlx::query(sql).bind(source.modified_ns).bind(signed(source.bytes)).bind(id.as_bytes());
        query.execute(&self.writer).await?;
        Ok(())
    }

    /// Removes documents with their text and chunks, and says how many there were. Embeddings stay: the same text may
    /// come back.
    ///
    /// # Errors
    /// Database errors; then nothing is removed.
    pub async fn delete_documents(&self, ids: &[DocumentId]) -> Result<u64, StoreError> {
        let mut tx = self.writer.begin().await?;
        let mut deleted = 0;
        for id in ids {
            let gone = sqlx::query("delete from documents where id = ?").bind(id.as_bytes()).execute(&mut *tx).await?;
            if gone.rows_affected() == 1 {
                append_change(&mut tx, *id, ChangeKind::Delete).await?;
                deleted += 1;
            }
            faults::point();
        }
        tx.commit().await?;
        faults::point();
        Ok(deleted)
    }

    /// Every source known in a collection at or under one of the URIs in `roots`.
    ///
    /// # Errors
    /// Database errors.
    pub async fn known_sources(
        &self,
        collection: &CollectionName,
        roots: &[String],
    ) -> Result<BTreeMap<String, KnownSource>, StoreError> {
        let sql = "select d.id, d.uri, d.source_bytes, d.source_modified_ns, d.source_sha256, d.failure_code
            from documents d join collections c on c.id = d.collection_id
            where c.name = ?1 and (d.uri = ?2 or substr(d.uri, 1, length(?2) + 1) = ?2 || '/')";
        let mut known = BTreeMap::new();
        for root in roots {
            let rows = sqlx::query(sql).bind(collection.as_str()).bind(root).fetch_all(&self.reader).await?;
            for row in &rows {
                let stamp = stamp_of(row)?;
                let source = KnownSource { id: document_id(row)?, stamp, failure_code: row.try_get("failure_code")? };
                known.insert(row.try_get("uri")?, source);
            }
        }
        Ok(known)
    }

    /// A document by its id.
    ///
    /// # Errors
    /// Database errors.
    pub async fn document(&self, id: DocumentId) -> Result<Option<Document>, StoreError> {
        let mut sql = sqlx::QueryBuilder::<Sqlite>::new(COLUMNS);
        sql.push(" where d.id = ").push_bind(id.as_bytes());
        let row = sql.build().fetch_optional(&self.reader).await?;
        row.as_ref().map(document_of).transpose()
    }

    /// Documents in the order of their ids, which is stable.
    ///
    /// # Errors
    /// Database errors.
    pub async fn documents(&self, query: &DocumentQuery) -> Result<DocumentPage, StoreError> {
        let mut sql = sqlx::QueryBuilder::<Sqlite>::new(COLUMNS);
        sql.push(" where 1 = 1");
        if let Some(collection) = &query.collection {
            sql.push(" and c.name = ").push_bind(collection.as_str());
        }
        if query.failed_only {
            sql.push(" and d.state = 'failed'");
        }
        if let Some(after) = &query.after {
            sql.push(" and d.id > ").push_bind(after.as_bytes());
        }
        sql.push(" order by d.id limit ").push_bind(i64::from(query.limit) + 1);
        let rows = sql.build().fetch_all(&self.reader).await?;
        let mut documents = rows.iter().map(document_of).collect::<Result<Vec<_>, _>>()?;
        let more = documents.len() > query.limit as usize;
        documents.truncate(query.limit as usize);
        let next_cursor = documents.last().filter(|_| more).map(|last| last.id);
        Ok(DocumentPage { documents, next_cursor })
    }
}

struct RowState<'a> {
    state: &'static str,
    failure: Option<&'a Failure>,
    chunks: usize,
    text_bytes: usize,
}

async fn upsert_row(
    tx: &mut Transaction<'_, Sqlite>,
    id: DocumentId,
    new: &NewDocument,
    state: &RowState<'_>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let sql = "insert into documents (id, collection_id, uri, media_type, title, metadata, state, embedded,
            failure_code, failure_message, source_bytes, source_modified_ns, source_sha256, chunk_count, text_bytes,
            warnings, updated_at_ms)
        values (?1, (select id from collections where name = ?2), ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9, ?10, ?11, ?12, ?13,
            ?14, ?15, ?16)
        on conflict (id) do update set media_type = excluded.media_type, title = excluded.title,
            metadata = excluded.metadata, state = excluded.state, embedded = 0, failure_code = excluded.failure_code,
            failure_message = excluded.failure_message, source_bytes = excluded.source_bytes,
            source_modified_ns = excluded.source_modified_ns, source_sha256 = excluded.source_sha256,
            chunk_count = excluded.chunk_count, text_bytes = excluded.text_bytes, warnings = excluded.warnings,
            updated_at_ms = excluded.updated_at_ms";
    let query = sqlx::query(sql)
        .bind(id.as_bytes())
        .bind(new.collection.as_str())
        .bind(&new.uri)
        .bind(&new.media_type)
        .bind(&new.title)
        .bind(json(&new.metadata))
        .bind(state.state)
        .bind(state.failure.map(|failure| failure.code.as_str()))
        .bind(state.failure.map(|failure| failure.message.as_str()))
        .bind(signed(new.source.bytes))
        .bind(new.source.modified_ns)
        .bind(&new.source.sha256)
        .bind(signed(state.chunks as u64))
        .bind(signed(state.text_bytes as u64))
        .bind(json(&new.warnings))
        .bind(now_ms);
    query.execute(&mut **tx).await?;
    sqlx::query("delete from chunks where document_id = ?").bind(id.as_bytes()).execute(&mut **tx).await?;
    sqlx::query("delete from texts where document_id = ?").bind(id.as_bytes()).execute(&mut **tx).await?;
    Ok(())
}

async fn insert_text_and_chunks(
    tx: &mut Transaction<'_, Sqlite>,
    id: DocumentId,
    new: &NewDocument,
) -> Result<(), StoreError> {
    let insert_text = "insert into texts (document_id, body, pages) values (?, ?, ?)";
    let text = sqlx::query(insert_text).bind(id.as_bytes()).bind(new.text.as_bytes()).bind(json(&new.pages));
    text.execute(&mut **tx).await?;
    let sql = "insert into chunks (document_id, span_start, span_end, page_first, page_last, heading_path, text_hash)
        values (?, ?, ?, ?, ?, ?, ?)";
    for chunk in &new.chunks {
        debug_assert!(new.text.get(chunk.span.start..chunk.span.end).is_some(), "a chunk is a span of its text");
        let row = sqlx::query(sql)
            .bind(id.as_bytes())
            .bind(signed(chunk.span.start as u64))
            .bind(signed(chunk.span.end as u64))
            .bind(chunk.page_first)
            .bind(chunk.page_last)
            .bind(json(&chunk.heading_path))
            .bind(chunk.text_hash.0.as_slice());
        row.execute(&mut **tx).await?;
    }
    Ok(())
}

/// Marks the document as embedded when the model's vectors of all its chunks are there.
pub(super) async fn mark_if_embedded(
    tx: &mut Transaction<'_, Sqlite>,
    id: DocumentId,
    model: &ModelId,
) -> Result<bool, StoreError> {
    let sql = "update documents set embedded = 1 where id = ?1 and state = 'ready' and embedded = 0 and not exists (
            select 1 from chunks c where c.document_id = ?1 and not exists (
                select 1 from embeddings e where e.model = ?2 and e.text_hash = c.text_hash))";
    let done = sqlx::query(sql).bind(id.as_bytes()).bind(&model.0).execute(&mut **tx).await?;
    Ok(done.rows_affected() == 1)
}
