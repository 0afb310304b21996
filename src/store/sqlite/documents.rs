//! Documents: written whole in one transaction, listed by cursor.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use sqlx::{Sqlite, SqliteExecutor, Transaction};

use super::SqliteStore;
use super::changes::append_change;
use super::ingests::{note_removed, removable};
use crate::faults;
use crate::store::documents::{COPY_PARTS, COPY_ROW, MovedRow, RowState};
use crate::store::removed::{RemovedText, Removing};
use crate::store::rows::{
    DOCUMENTS, DocumentRow, IS_PARTIAL, RETRY_AT, SourceRow, boxes_column, document_id, json, kind_column, readers_of,
    signed, structure_columns,
};
use crate::store::{
    ChangeKind, DocumentMove, DocumentPage, DocumentQuery, Documents, KnownSource, NewDocument, StoreError,
};
use crate::types::{
    Chunk, CollectionName, Document, DocumentId, Failure, GenerationId, IngestId, Principal, RemovalCause, Seq,
    SourceStamp,
};

#[async_trait]
impl Documents for SqliteStore {
    async fn put_document(&self, new: &NewDocument, generation: GenerationId, now_ms: i64) -> Result<Seq, StoreError> {
        let id = DocumentId::of(&new.collection, &new.uri);
        let state = RowState { state: "ready", failure: None, text_bytes: new.text.len() };
        let mut tx = self.writer.begin_with("begin immediate").await?;
        let replaced = removable(&mut tx, id).await?;
        upsert_row(&mut tx, id, new, &state, now_ms).await?;
        faults::point();
        insert_text(&mut tx, id, new).await?;
        insert_chunks(&mut tx, id, generation, &new.chunks).await?;
        faults::point();
        let mut seq = append_change(&mut tx, id, ChangeKind::Put, None).await?;
        if mark_if_embedded(&mut tx, id, generation).await? {
            seq = append_change(&mut tx, id, ChangeKind::Embedded, Some(generation)).await?;
        }
        let removing = Removing { ingest: new.ingest, cause: RemovalCause::Replaced, now_ms };
        note_removed(&mut tx, replaced.as_slice(), removing, seq).await?;
        faults::point();
        tx.commit().await?;
        faults::point();
        Ok(seq)
    }

    async fn fail_document(&self, new: &NewDocument, failure: &Failure, now_ms: i64) -> Result<Seq, StoreError> {
        let id = DocumentId::of(&new.collection, &new.uri);
        let state = RowState { state: "failed", failure: Some(failure), text_bytes: 0 };
        let mut tx = self.writer.begin_with("begin immediate").await?;
        let inside = with_contained(&mut tx, &[id]).await?;
        let removed = all_removable(&mut tx, &inside).await?;
        upsert_row(&mut tx, id, new, &state, now_ms).await?;
        for contained in inside.iter().filter(|contained| **contained != id) {
            sqlx::query("delete from documents where id = $1").bind(contained.as_bytes()).execute(&mut *tx).await?;
            append_change(&mut tx, *contained, ChangeKind::Delete, None).await?;
        }
        let seq = append_change(&mut tx, id, ChangeKind::Delete, None).await?;
        let removing = Removing { ingest: new.ingest, cause: RemovalCause::Unreadable, now_ms };
        note_removed(&mut tx, &removed, removing, seq).await?;
        faults::point();
        tx.commit().await?;
        faults::point();
        Ok(seq)
    }

    async fn touch_document(&self, id: DocumentId, source: &SourceStamp) -> Result<(), StoreError> {
        let mut tx = self.writer.begin_with("begin immediate").await?;
        let Some(before) = document_row(&mut *tx, id).await? else { return Ok(()) };
        let sql = "update documents set source_modified_ns = $1, source_bytes = $2, source_sha256 = $4 where id = $3";
        let query = sqlx::query(sql).bind(source.modified_ns).bind(signed(source.bytes));
        let query = query.bind(id.as_bytes()).bind(&source.sha256);
        query.execute(&mut *tx).await?;
        if before.is_redated_by(source) {
            append_change(&mut tx, id, ChangeKind::Put, None).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn set_readers(&self, ids: &[DocumentId], readers: Option<&BTreeSet<Principal>>) -> Result<u64, StoreError> {
        let mut tx = self.writer.begin_with("begin immediate").await?;
        let mut changed = 0;
        for id in &with_contained(&mut tx, ids).await? {
            let sql = "update documents set readers = $1 where id = $2 and readers is not $1";
            let done = sqlx::query(sql).bind(readers.map(json)).bind(id.as_bytes()).execute(&mut *tx).await?;
            if done.rows_affected() == 1 {
                append_change(&mut tx, *id, ChangeKind::Put, None).await?;
                changed += 1;
            }
        }
        tx.commit().await?;
        Ok(changed)
    }

    async fn own_readers(&self, id: DocumentId) -> Result<Option<BTreeSet<Principal>>, StoreError> {
        let query = sqlx::query_scalar("select readers from documents where id = $1").bind(id.as_bytes());
        let readers: Option<Option<String>> = query.fetch_optional(&self.reader).await?;
        Ok(readers.flatten().map(|readers| readers_of(&readers)))
    }

    async fn delete_documents(
        &self,
        ids: &[DocumentId],
        ingest: Option<IngestId>,
        now_ms: i64,
    ) -> Result<u64, StoreError> {
        let mut tx = self.writer.begin_with("begin immediate").await?;
        let (mut deleted, mut last) = (0, Seq(0));
        let all = with_contained(&mut tx, ids).await?;
        let removed = all_removable(&mut tx, &all).await?;
        for id in &all {
            let gone = sqlx::query("delete from documents where id = $1").bind(id.as_bytes()).execute(&mut *tx).await?;
            if gone.rows_affected() == 1 {
                last = append_change(&mut tx, *id, ChangeKind::Delete, None).await?;
                deleted += 1;
            }
            faults::point();
        }
        let removing = Removing { ingest, cause: RemovalCause::Deleted, now_ms };
        note_removed(&mut tx, &removed, removing, last).await?;
        tx.commit().await?;
        faults::point();
        Ok(deleted)
    }

    async fn move_document(
        &self,
        moved: &DocumentMove,
        ingest: Option<IngestId>,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let mut tx = self.writer.begin_with("begin immediate").await?;
        let Some(before) = document_row(&mut *tx, moved.from).await? else { return Ok(false) };
        let (mut removed, mut last) = (Vec::new(), Seq(0));
        for from in with_contained(&mut tx, &[moved.from]).await? {
            let Some(document) = document_row(&mut *tx, from).await? else { continue };
            let row = MovedRow::of(&document, moved, &before.uri);
            let to = row.to;
            if document_row(&mut *tx, to).await?.is_some() {
                return Ok(false);
            }
            removed.extend(removable(&mut tx, from).await?.map(|text| RemovedText { moved_to: Some(to), ..text }));
            copy_document(&mut tx, &row, now_ms).await?;
            faults::point();
            sqlx::query("delete from documents where id = $1").bind(from.as_bytes()).execute(&mut *tx).await?;
            append_change(&mut tx, from, ChangeKind::Delete, None).await?;
            last = append_change(&mut tx, to, ChangeKind::Put, None).await?;
            let cut = sqlx::query_scalar("select generation from chunkings where document_id = $1 order by generation");
            let generations: Vec<u32> = cut.bind(to.as_bytes()).fetch_all(&mut *tx).await?;
            for generation in generations.into_iter().map(GenerationId) {
                if mark_if_embedded(&mut tx, to, generation).await? {
                    last = append_change(&mut tx, to, ChangeKind::Embedded, Some(generation)).await?;
                }
            }
        }
        let removing = Removing { ingest, cause: RemovalCause::Moved, now_ms };
        note_removed(&mut tx, &removed, removing, last).await?;
        faults::point();
        tx.commit().await?;
        faults::point();
        Ok(true)
    }

    async fn contained_documents(&self, container: DocumentId) -> Result<Vec<DocumentId>, StoreError> {
        let query = sqlx::query_scalar("select id from documents where container = $1 order by id");
        let rows: Vec<Vec<u8>> = query.bind(container.as_bytes()).fetch_all(&self.reader).await?;
        rows.iter().map(|id| document_id(id)).collect()
    }

    async fn known_sources(
        &self,
        collection: &CollectionName,
        roots: &[String],
    ) -> Result<BTreeMap<String, KnownSource>, StoreError> {
        let sql = format!(
            "select d.id, d.uri, d.source_bytes, d.source_modified_ns, d.source_sha256, d.failure_code,
                {IS_PARTIAL} as partial, {RETRY_AT} as retry_at_ms
            from documents d join collections n on n.id = d.collection_id
            where n.name = $1 and (d.uri = $2 or substr(d.uri, 1, length($2) + 1) = $2 || '/')
                and (d.container is null or not exists (select 1 from documents o where o.id = d.container))"
        );
        let mut known = BTreeMap::new();
        for root in roots {
            let query = sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).bind(collection.as_str()).bind(root);
            let rows: Vec<SourceRow> = query.fetch_all(&self.reader).await?;
            for row in rows {
                let (uri, source) = row.known()?;
                known.insert(uri, source);
            }
        }
        Ok(known)
    }

    async fn document(&self, id: DocumentId) -> Result<Option<Document>, StoreError> {
        document_row(&self.reader, id).await
    }

    async fn documents(&self, query: &DocumentQuery) -> Result<DocumentPage, StoreError> {
        let mut sql = sqlx::QueryBuilder::<Sqlite>::new(DOCUMENTS);
        sql.push(" where 1 = 1");
        if let Some(collection) = &query.collection {
            sql.push(" and n.name = ").push_bind(collection.as_str());
        }
        if query.failed_only {
            sql.push(" and d.state = 'failed'");
        }
        if let Some(after) = &query.after {
            sql.push(" and d.id > ").push_bind(after.as_bytes());
        }
        sql.push(" order by d.id limit ").push_bind(i64::from(query.limit) + 1);
        let rows: Vec<DocumentRow> = sql.build_query_as().fetch_all(&self.reader).await?;
        let documents = rows.into_iter().map(Document::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(DocumentPage::of(documents, query.limit))
    }
}

async fn document_row(executor: impl SqliteExecutor<'_>, id: DocumentId) -> Result<Option<Document>, StoreError> {
    let mut sql = sqlx::QueryBuilder::<Sqlite>::new(DOCUMENTS);
    sql.push(" where d.id = ").push_bind(id.as_bytes());
    let row: Option<DocumentRow> = sql.build_query_as().fetch_optional(executor).await?;
    row.map(Document::try_from).transpose()
}

/// These documents, and what came inside of them.
async fn with_contained(tx: &mut Transaction<'_, Sqlite>, ids: &[DocumentId]) -> Result<Vec<DocumentId>, StoreError> {
    let mut all = Vec::with_capacity(ids.len());
    for id in ids {
        all.push(*id);
        let query = sqlx::query_scalar("select id from documents where container = $1").bind(id.as_bytes());
        let inside: Vec<Vec<u8>> = query.fetch_all(&mut **tx).await?;
        for contained in inside {
            all.push(document_id(&contained)?);
        }
    }
    Ok(all)
}

/// What there is to remove of documents.
async fn all_removable(tx: &mut Transaction<'_, Sqlite>, ids: &[DocumentId]) -> Result<Vec<RemovedText>, StoreError> {
    let mut all = Vec::new();
    for id in ids {
        all.extend(removable(tx, *id).await?);
    }
    Ok(all)
}

/// Copies a document's row, text and chunks under another name.
async fn copy_document(tx: &mut Transaction<'_, Sqlite>, row: &MovedRow, now_ms: i64) -> Result<(), StoreError> {
    let query = sqlx::query(COPY_ROW).bind(row.from.as_bytes()).bind(row.to.as_bytes()).bind(&row.uri);
    let query = query.bind(&row.title).bind(signed(row.source.bytes)).bind(row.source.modified_ns);
    let query = query.bind(&row.source.sha256).bind(now_ms).bind(row.container.as_ref().map(DocumentId::as_bytes));
    query.execute(&mut **tx).await?;
    for sql in COPY_PARTS {
        sqlx::query(sql).bind(row.from.as_bytes()).bind(row.to.as_bytes()).execute(&mut **tx).await?;
    }
    Ok(())
}

/// Writes the row, and removes what was there of its text and chunks.
async fn upsert_row(
    tx: &mut Transaction<'_, Sqlite>,
    id: DocumentId,
    new: &NewDocument,
    state: &RowState<'_>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let sql = "insert into documents (id, collection_id, uri, media_type, title, metadata, readers, state, failure_code,
            failure_message, source_bytes, source_modified_ns, source_sha256, text_bytes, warnings, updated_at_ms, language,
            container)
        values ($1, (select id from collections where name = $2), $3, $4, $5, $6,
            coalesce($7, (select o.readers from documents o where o.id = $18)), $8, $9, $10, $11, $12, $13, $14, $15, $16,
            $17, $18)
        on conflict (id) do update set media_type = excluded.media_type, title = excluded.title,
            metadata = excluded.metadata, readers = coalesce($7, documents.readers), state = excluded.state,
            failure_code = excluded.failure_code, failure_message = excluded.failure_message,
            source_bytes = excluded.source_bytes, source_modified_ns = excluded.source_modified_ns,
            source_sha256 = excluded.source_sha256, text_bytes = excluded.text_bytes, warnings = excluded.warnings,
            updated_at_ms = excluded.updated_at_ms, language = excluded.language, container = excluded.container,
            revision = documents.revision + 1";
    let query = sqlx::query(sql)
        .bind(id.as_bytes())
        .bind(new.collection.as_str())
        .bind(&new.uri)
        .bind(&new.media_type)
        .bind(&new.title)
        .bind(json(&new.metadata))
        .bind(new.readers.as_ref().map(json))
        .bind(state.state)
        .bind(state.failure.map(|failure| failure.code.as_str()))
        .bind(state.failure.map(|failure| failure.message.as_str()))
        .bind(signed(new.source.bytes))
        .bind(new.source.modified_ns)
        .bind(&new.source.sha256)
        .bind(signed(state.text_bytes as u64))
        .bind(json(&new.warnings))
        .bind(now_ms)
        .bind(&new.language)
        .bind(new.container.as_ref().map(DocumentId::as_bytes));
    query.execute(&mut **tx).await?;
    for empty in [
        "delete from chunks where document_id = $1",
        "delete from chunkings where document_id = $1",
        "delete from texts where document_id = $1",
    ] {
        sqlx::query(empty).bind(id.as_bytes()).execute(&mut **tx).await?;
    }
    Ok(())
}

async fn insert_text(tx: &mut Transaction<'_, Sqlite>, id: DocumentId, new: &NewDocument) -> Result<(), StoreError> {
    let (pages, outline) = structure_columns(&new.structure);
    let sql = "insert into texts (document_id, body, pages, outline, boxes) values ($1, $2, $3, $4, $5)";
    let text = sqlx::query(sql).bind(id.as_bytes()).bind(new.text.as_bytes()).bind(pages).bind(outline);
    text.bind(boxes_column(&new.boxes)).execute(&mut **tx).await?;
    Ok(())
}

/// Writes a document's chunks in a generation, which has none of it yet.
pub(super) async fn insert_chunks(
    tx: &mut Transaction<'_, Sqlite>,
    id: DocumentId,
    generation: GenerationId,
    chunks: &[Chunk],
) -> Result<(), StoreError> {
    let counted = "insert into chunkings (document_id, generation, chunk_count) values ($1, $2, $3)";
    let count = sqlx::query(counted).bind(id.as_bytes()).bind(generation.0).bind(signed(chunks.len() as u64));
    count.execute(&mut **tx).await?;
    let sql = "insert into chunks (document_id, generation, span_start, span_end, page_first, page_last, heading_path,
            text_hash, simhash, kind, location, header_start, header_end)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    for chunk in chunks {
        let row = sqlx::query(sql)
            .bind(id.as_bytes())
            .bind(generation.0)
            .bind(signed(chunk.span.start as u64))
            .bind(signed(chunk.span.end as u64))
            .bind(chunk.page_first)
            .bind(chunk.page_last)
            .bind(json(&chunk.heading_path))
            .bind(chunk.text_hash.0.as_slice())
            .bind(chunk.simhash.map(u64::cast_signed))
            .bind(kind_column(chunk.kind))
            .bind(chunk.location.as_deref())
            .bind(chunk.header.map(|header| signed(header.start as u64)))
            .bind(chunk.header.map(|header| signed(header.end as u64)));
        row.execute(&mut **tx).await?;
    }
    Ok(())
}

/// Marks the document as embedded in a generation when its model's vectors of all its chunks are there.
pub(super) async fn mark_if_embedded(
    tx: &mut Transaction<'_, Sqlite>,
    id: DocumentId,
    generation: GenerationId,
) -> Result<bool, StoreError> {
    let sql = "update chunkings set embedded = 1, lease_owner = null, lease_until_ms = null
        where document_id = $1 and generation = $2 and embedded = 0
            and exists (select 1 from generations g where g.id = $2 and g.model is not null)
            and not exists (select 1 from chunks c where c.document_id = $1 and c.generation = $2 and not exists (
                select 1 from embeddings e where e.text_hash = c.text_hash
                    and e.model = (select model from generations where id = $2)))";
    let done = sqlx::query(sql).bind(id.as_bytes()).bind(generation.0).execute(&mut **tx).await?;
    Ok(done.rows_affected() == 1)
}
