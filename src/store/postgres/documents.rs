//! Documents: written whole in one transaction, listed by cursor.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use ibid_ingest::Span;
use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::changes::{append_changes, each};
use super::facets::write_facets;
use super::ingests::{note_removed, removable};
use super::{PostgresStore, raw_ids, retried, storable};
use crate::faults;
use crate::store::documents::RowState;
use crate::store::removed::Removing;
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

impl PostgresStore {
    async fn write_documents(
        &self,
        new: &[NewDocument],
        generation: GenerationId,
        now_ms: i64,
    ) -> Result<Seq, StoreError> {
        let mut with_ids: Vec<_> = new.iter().map(|new| (DocumentId::of(&new.collection, &new.uri), new)).collect();
        with_ids.sort_by_key(|(id, _)| *id);
        let ids: Vec<DocumentId> = with_ids.iter().map(|(id, _)| *id).collect();
        let mut tx = self.begin().await?;
        lock_documents(&mut tx, &ids).await?;
        let replaced = removable(&mut tx, &ids).await?;
        for (id, document) in with_ids {
            let state = RowState { state: "ready", failure: None, text_bytes: document.text.len() };
            upsert_row(&mut tx, id, document, &state, now_ms).await?;
            faults::point();
            insert_text(&mut tx, id, document).await?;
            insert_chunks(&mut tx, id, generation, &document.chunks).await?;
        }
        write_facets(&mut tx, &ids).await?;
        faults::point();
        let mut changes = each(&ids, ChangeKind::Put, None);
        let embedded = mark_embedded(&mut tx, &ids, generation).await?;
        changes.extend(each(&embedded, ChangeKind::Embedded, Some(generation)));
        let seq = append_changes(&mut tx, &changes).await?;
        let ingest = new.first().and_then(|new| new.ingest);
        note_removed(&mut tx, &replaced, Removing { ingest, cause: RemovalCause::Replaced, now_ms }, seq).await?;
        faults::point();
        tx.commit().await?;
        faults::point();
        Ok(seq)
    }

    async fn write_failure(&self, new: &NewDocument, failure: &Failure, now_ms: i64) -> Result<Seq, StoreError> {
        let id = DocumentId::of(&new.collection, &new.uri);
        let state = RowState { state: "failed", failure: Some(failure), text_bytes: 0 };
        let mut tx = self.begin().await?;
        let all = with_contained(&mut tx, &[id]).await?;
        lock_documents(&mut tx, &all).await?;
        let removed = removable(&mut tx, &all).await?;
        upsert_row(&mut tx, id, new, &state, now_ms).await?;
        let query = sqlx::query_scalar("delete from documents where container = $1 returning id").bind(id.as_bytes());
        let gone = sorted_ids(&query.fetch_all(&mut *tx).await?)?;
        let mut changes = each(&gone, ChangeKind::Delete, None);
        changes.push((id, ChangeKind::Delete, None));
        let seq = append_changes(&mut tx, &changes).await?;
        note_removed(&mut tx, &removed, Removing { ingest: new.ingest, cause: RemovalCause::Unreadable, now_ms }, seq)
            .await?;
        faults::point();
        tx.commit().await?;
        faults::point();
        Ok(seq)
    }

    async fn write_readers(
        &self,
        ids: &[DocumentId],
        readers: Option<&BTreeSet<Principal>>,
    ) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "select 1 from collections where id in (select collection_id from documents where id = any($1))
            order by id for share";
        sqlx::query(sql).bind(raw_ids(ids)).execute(&mut *tx).await?;
        // Whoever puts something new into one of them holds it, so that it cannot come in with the readers of before.
        lock_documents(&mut tx, ids).await?;
        let ids = &with_contained(&mut tx, ids).await?;
        lock_documents(&mut tx, ids).await?;
        let write = "update documents set readers = $2 where id = any($1) and readers is distinct from $2 returning id";
        let query = sqlx::query_scalar(write).bind(raw_ids(ids)).bind(readers.map(json));
        let changed = sorted_ids(&query.fetch_all(&mut *tx).await?)?;
        write_facets(&mut tx, &changed).await?;
        append_changes(&mut tx, &each(&changed, ChangeKind::Put, None)).await?;
        tx.commit().await?;
        Ok(changed.len() as u64)
    }

    async fn write_stamp(&self, id: DocumentId, source: &SourceStamp) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        // Facets hold the readers, which must stay what they are meanwhile.
        let sql = "select 1 from collections where id in (select collection_id from documents where id = $1) for share";
        sqlx::query(sql).bind(id.as_bytes()).execute(&mut *tx).await?;
        lock_documents(&mut tx, &[id]).await?;
        let Some(before) = document_row(&mut tx, id).await? else { return Ok(()) };
        let write = "update documents set source_modified_ns = $1, source_bytes = $2, source_sha256 = $4 where id = $3";
        let query = sqlx::query(write).bind(source.modified_ns).bind(signed(source.bytes));
        let query = query.bind(id.as_bytes()).bind(&source.sha256);
        query.execute(&mut *tx).await?;
        if before.is_redated_by(source) {
            write_facets(&mut tx, &[id]).await?;
            append_changes(&mut tx, &[(id, ChangeKind::Put, None)]).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn remove_documents(
        &self,
        ids: &[DocumentId],
        ingest: Option<IngestId>,
        now_ms: i64,
    ) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let ids = &with_contained(&mut tx, ids).await?;
        let sql = "select 1 from documents where id = any($1) order by id for update";
        sqlx::query(sql).bind(raw_ids(ids)).execute(&mut *tx).await?;
        let removed = removable(&mut tx, ids).await?;
        let query = sqlx::query_scalar("delete from documents where id = any($1) returning id").bind(raw_ids(ids));
        let gone = sorted_ids(&query.fetch_all(&mut *tx).await?)?;
        sqlx::query("delete from tasks where document_id = any($1)").bind(raw_ids(ids)).execute(&mut *tx).await?;
        faults::point();
        let seq = append_changes(&mut tx, &each(&gone, ChangeKind::Delete, None)).await?;
        note_removed(&mut tx, &removed, Removing { ingest, cause: RemovalCause::Deleted, now_ms }, seq).await?;
        faults::point();
        tx.commit().await?;
        faults::point();
        Ok(gone.len() as u64)
    }
}

#[async_trait]
impl Documents for PostgresStore {
    async fn put_documents(
        &self,
        new: &[NewDocument],
        generation: GenerationId,
        now_ms: i64,
    ) -> Result<Seq, StoreError> {
        retried(|| self.write_documents(new, generation, now_ms)).await
    }

    async fn fail_document(&self, new: &NewDocument, failure: &Failure, now_ms: i64) -> Result<Seq, StoreError> {
        retried(|| self.write_failure(new, failure, now_ms)).await
    }

    async fn touch_document(&self, id: DocumentId, source: &SourceStamp) -> Result<(), StoreError> {
        retried(|| self.write_stamp(id, source)).await
    }

    async fn set_readers(&self, ids: &[DocumentId], readers: Option<&BTreeSet<Principal>>) -> Result<u64, StoreError> {
        retried(|| self.write_readers(ids, readers)).await
    }

    async fn own_readers(&self, id: DocumentId) -> Result<Option<BTreeSet<Principal>>, StoreError> {
        let query = sqlx::query_scalar("select readers from documents where id = $1").bind(id.as_bytes());
        let readers: Option<Option<String>> = query.fetch_optional(&mut *self.connection().await?).await?;
        Ok(readers.flatten().map(|readers| readers_of(&readers)))
    }

    async fn delete_documents(
        &self,
        ids: &[DocumentId],
        ingest: Option<IngestId>,
        now_ms: i64,
    ) -> Result<u64, StoreError> {
        retried(|| self.remove_documents(ids, ingest, now_ms)).await
    }

    async fn move_document(
        &self,
        moved: &DocumentMove,
        ingest: Option<IngestId>,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        retried(|| self.write_move(moved, ingest, now_ms)).await
    }

    async fn contained_documents(&self, container: DocumentId) -> Result<Vec<DocumentId>, StoreError> {
        let query = sqlx::query_scalar("select id from documents where container = $1").bind(container.as_bytes());
        sorted_ids(&query.fetch_all(&mut *self.connection().await?).await?)
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
            where n.name = $1 and exists (select 1 from unnest($2::text[]) as roots (root)
                where d.uri = root or starts_with(d.uri, root || '/'))
                and (d.container is null or not exists (select 1 from documents o where o.id = d.container))"
        );
        let roots: Vec<_> = roots.iter().map(|root| storable(root)).collect();
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).bind(collection.as_str()).bind(roots);
        let rows: Vec<SourceRow> = query.fetch_all(&mut *self.connection().await?).await?;
        rows.into_iter().map(SourceRow::known).collect()
    }

    async fn document(&self, id: DocumentId) -> Result<Option<Document>, StoreError> {
        document_row(&mut *self.connection().await?, id).await
    }

    async fn documents(&self, query: &DocumentQuery) -> Result<DocumentPage, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new(DOCUMENTS);
        sql.push(" where true");
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
        let rows: Vec<DocumentRow> = sql.build_query_as().fetch_all(&mut *self.connection().await?).await?;
        let documents = rows.into_iter().map(Document::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(DocumentPage::of(documents, query.limit))
    }
}

pub(super) async fn document_row(
    connection: &mut PgConnection,
    id: DocumentId,
) -> Result<Option<Document>, StoreError> {
    let mut sql = QueryBuilder::<Postgres>::new(DOCUMENTS);
    sql.push(" where d.id = ").push_bind(id.as_bytes());
    let row: Option<DocumentRow> = sql.build_query_as().fetch_optional(connection).await?;
    row.map(Document::try_from).transpose()
}

/// These documents, and what came inside of them.
pub(super) async fn with_contained(tx: &mut PgConnection, ids: &[DocumentId]) -> Result<Vec<DocumentId>, StoreError> {
    let query = sqlx::query_scalar("select id from documents where id = any($1) or container = any($1)");
    sorted_ids(&query.bind(raw_ids(ids)).fetch_all(tx).await?)
}

/// Keeps others from writing these documents, in the order of their ids.
pub(super) async fn lock_documents(tx: &mut PgConnection, ids: &[DocumentId]) -> Result<(), StoreError> {
    let sql = "select 1 from documents where id = any($1) order by id for no key update";
    sqlx::query(sql).bind(raw_ids(ids)).execute(tx).await?;
    Ok(())
}

fn sorted_ids(rows: &[Vec<u8>]) -> Result<Vec<DocumentId>, StoreError> {
    let mut ids = rows.iter().map(|id| document_id(id)).collect::<Result<Vec<_>, _>>()?;
    ids.sort_unstable();
    Ok(ids)
}

/// Writes the row, and removes what was there of its text and chunks.
async fn upsert_row(
    tx: &mut PgConnection,
    id: DocumentId,
    new: &NewDocument,
    state: &RowState<'_>,
    now_ms: i64,
) -> Result<(), StoreError> {
    // The collection's readers must not change before this document is there to be given them.
    let collection = sqlx::query_scalar("select id from collections where name = $1 for share");
    let collection: Option<i64> = collection.bind(new.collection.as_str()).fetch_optional(&mut *tx).await?;
    if let Some(container) = &new.container {
        let hold = sqlx::query("select 1 from documents where id = $1 for share");
        hold.bind(container.as_bytes()).execute(&mut *tx).await?;
    }
    let sql = "insert into documents (id, collection_id, uri, media_type, title, metadata, readers, state, failure_code,
            failure_message, source_bytes, source_modified_ns, source_sha256, text_bytes, warnings, updated_at_ms, language,
            container)
        values ($1, $2, $3, $4, $5, $6, coalesce($7, (select o.readers from documents o where o.id = $18)), $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
        on conflict (id) do update set media_type = excluded.media_type, title = excluded.title,
            metadata = excluded.metadata, readers = coalesce($7, documents.readers), state = excluded.state,
            failure_code = excluded.failure_code, failure_message = excluded.failure_message,
            source_bytes = excluded.source_bytes, source_modified_ns = excluded.source_modified_ns,
            source_sha256 = excluded.source_sha256, text_bytes = excluded.text_bytes, warnings = excluded.warnings,
            updated_at_ms = excluded.updated_at_ms, language = excluded.language, container = excluded.container,
            revision = documents.revision + 1";
    let query = sqlx::query(sql)
        .bind(id.as_bytes())
        .bind(collection)
        .bind(storable(&new.uri))
        .bind(storable(&new.media_type))
        .bind(storable(&new.title))
        .bind(json(&new.metadata))
        .bind(new.readers.as_ref().map(json))
        .bind(state.state)
        .bind(state.failure.map(|failure| storable(&failure.code)))
        .bind(state.failure.map(|failure| storable(&failure.message)))
        .bind(signed(new.source.bytes))
        .bind(new.source.modified_ns)
        .bind(&new.source.sha256)
        .bind(signed(state.text_bytes as u64))
        .bind(json(&new.warnings))
        .bind(now_ms)
        .bind(new.language.as_deref().map(storable))
        .bind(new.container.as_ref().map(DocumentId::as_bytes));
    query.execute(&mut *tx).await?;
    let empty = "with cut as (delete from chunkings where document_id = $1),
            pieces as (delete from chunks where document_id = $1)
        delete from texts where document_id = $1";
    sqlx::query(empty).bind(id.as_bytes()).execute(tx).await?;
    Ok(())
}

async fn insert_text(tx: &mut PgConnection, id: DocumentId, new: &NewDocument) -> Result<(), StoreError> {
    let (pages, outline) = structure_columns(&new.structure);
    let sql = "insert into texts (document_id, body, pages, outline, boxes) values ($1, $2, $3, $4, $5)";
    let text = sqlx::query(sql).bind(id.as_bytes()).bind(new.text.as_bytes()).bind(pages).bind(outline);
    text.bind(boxes_column(&new.boxes)).execute(tx).await?;
    Ok(())
}

/// Writes a document's chunks in a generation, which has none of it yet.
pub(super) async fn insert_chunks(
    tx: &mut PgConnection,
    id: DocumentId,
    generation: GenerationId,
    chunks: &[Chunk],
) -> Result<(), StoreError> {
    let counted = "insert into chunkings (document_id, generation, chunk_count) values ($1, $2, $3)";
    let count =
        sqlx::query(counted).bind(id.as_bytes()).bind(i64::from(generation.0)).bind(signed(chunks.len() as u64));
    count.execute(&mut *tx).await?;
    let numbers = |number: fn(&Chunk) -> usize| chunks.iter().map(|chunk| signed(number(chunk) as u64)).collect();
    let pages = |page: fn(&Chunk) -> Option<u32>| chunks.iter().map(|chunk| page(chunk).map(i64::from)).collect();
    let (starts, ends): (Vec<i64>, Vec<i64>) = (numbers(|chunk| chunk.span.start), numbers(|chunk| chunk.span.end));
    let firsts: Vec<Option<i64>> = pages(|chunk| chunk.page_first);
    let lasts: Vec<Option<i64>> = pages(|chunk| chunk.page_last);
    let paths: Vec<String> = chunks.iter().map(|chunk| json(&chunk.heading_path)).collect();
    let hashes: Vec<&[u8]> = chunks.iter().map(|chunk| chunk.text_hash.0.as_slice()).collect();
    let simhashes: Vec<Option<i64>> = chunks.iter().map(|chunk| chunk.simhash.map(u64::cast_signed)).collect();
    let kinds: Vec<Option<String>> = chunks.iter().map(|chunk| kind_column(chunk.kind)).collect();
    let locations: Vec<_> = chunks.iter().map(|chunk| chunk.location.as_deref().map(storable)).collect();
    let headers = |end: fn(Span) -> usize| {
        chunks.iter().map(|chunk| chunk.header.map(|header| signed(end(header) as u64))).collect()
    };
    let header_starts: Vec<Option<i64>> = headers(|header| header.start);
    let header_ends: Vec<Option<i64>> = headers(|header| header.end);
    let sql = "insert into chunks (document_id, generation, span_start, span_end, page_first, page_last, heading_path,
            text_hash, simhash, kind, location, header_start, header_end)
        select $1, $2, span_start, span_end, page_first, page_last, heading_path, text_hash, simhash, kind, location,
            header_start, header_end
        from unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::bytea[], $9::bigint[],
            $10::text[], $11::text[], $12::bigint[], $13::bigint[]) with ordinality
            as new (span_start, span_end, page_first, page_last, heading_path, text_hash, simhash, kind, location,
                header_start, header_end, place)
        order by place";
    let query = sqlx::query(sql).bind(id.as_bytes()).bind(i64::from(generation.0));
    let query = query.bind(starts).bind(ends).bind(firsts).bind(lasts).bind(paths).bind(hashes).bind(simhashes);
    let query = query.bind(kinds).bind(locations).bind(header_starts).bind(header_ends);
    query.execute(tx).await?;
    Ok(())
}

/// Marks the documents as embedded in a generation of which its model's vectors of all chunks are there, and says which,
/// in the order of their ids. The transaction holds the documents' rows.
pub(super) async fn mark_embedded(
    tx: &mut PgConnection,
    ids: &[DocumentId],
    generation: GenerationId,
) -> Result<Vec<DocumentId>, StoreError> {
    let sql = "update chunkings k set embedded = true, lease_owner = null, lease_until = null
        from generations g
        where k.document_id = any($1) and k.generation = $2 and not k.embedded
            and g.id = k.generation and g.model is not null
            and not exists (select 1 from chunks c where c.document_id = k.document_id and c.generation = k.generation
                and not exists (select 1 from embeddings e where e.model = g.model and e.text_hash = c.text_hash))
        returning k.document_id";
    let query = sqlx::query_scalar(sql).bind(raw_ids(ids)).bind(i64::from(generation.0));
    sorted_ids(&query.fetch_all(tx).await?)
}
