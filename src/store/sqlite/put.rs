//! Documents as they are written: rows, texts and chunks of many in few statements.

use sqlx::{QueryBuilder, Sqlite, Transaction};

use super::changes::append_changes;
use super::documents::all_removable;
use super::ingests::note_removed;
use super::many::runs;
use crate::faults;
use crate::store::documents::RowState;
use crate::store::removed::Removing;
use crate::store::rows::{boxes_column, document_id, json, kind_column, signed, structure_columns};
use crate::store::{ChangeKind, NewDocument, StoreError};
use crate::types::{Chunk, DocumentId, GenerationId, RemovalCause, Seq};

/// A document's row that is to be written.
pub(super) struct NewRow<'a> {
    pub(super) id: DocumentId,
    pub(super) new: &'a NewDocument,
    pub(super) state: RowState<'a>,
}

/// Writes documents with their texts, chunks and changes, and says the last change.
pub(super) async fn put_all(
    tx: &mut Transaction<'_, Sqlite>,
    new: &[NewDocument],
    generation: GenerationId,
    now_ms: i64,
) -> Result<Seq, StoreError> {
    let mut rows = Vec::with_capacity(new.len());
    for document in new {
        let state = RowState { state: "ready", failure: None, text_bytes: document.text.len() };
        rows.push(NewRow { id: DocumentId::of(&document.collection, &document.uri), new: document, state });
    }
    let ids: Vec<DocumentId> = rows.iter().map(|row| row.id).collect();
    let replaced = all_removable(tx, &ids).await?;
    upsert_rows(tx, &rows, now_ms).await?;
    faults::point();
    insert_texts(tx, &rows).await?;
    let chunked: Vec<_> = rows.iter().map(|row| (row.id, row.new.chunks.as_slice())).collect();
    insert_chunks(tx, &chunked, generation).await?;
    faults::point();
    let put = append_changes(tx, &ids, ChangeKind::Put, None).await?;
    let embedded = note_embedded(tx, &ids, generation).await?.1;
    let seq = put.max(embedded);
    let ingest = new.first().and_then(|new| new.ingest);
    note_removed(tx, &replaced, Removing { ingest, cause: RemovalCause::Replaced, now_ms }, seq).await?;
    faults::point();
    Ok(seq)
}

/// Writes rows, and removes what was there of their texts and chunks.
pub(super) async fn upsert_rows(
    tx: &mut Transaction<'_, Sqlite>,
    rows: &[NewRow<'_>],
    now_ms: i64,
) -> Result<(), StoreError> {
    for run in runs(rows) {
        let mut sql = QueryBuilder::<Sqlite>::new(
            "insert into documents (id, collection_id, uri, media_type, title, metadata, readers, state, failure_code,
            failure_message, source_bytes, source_modified_ns, source_sha256, text_bytes, warnings, updated_at_ms, language,
            container) ",
        );
        sql.push_values(run, |mut row, NewRow { id, new, state }| {
            let id = id.as_bytes().to_vec();
            let container = new.container.as_ref().map(|container| container.as_bytes().to_vec());
            row.push_bind(id.clone());
            row.push("(select id from collections where name = ").push_bind_unseparated(new.collection.as_str());
            row.push_unseparated(")").push_bind(&new.uri).push_bind(&new.media_type).push_bind(&new.title);
            row.push_bind(json(&new.metadata));
            // Whose readers are not named: those that it has, or else those of what it is in.
            row.push("coalesce(").push_bind_unseparated(new.readers.as_ref().map(json));
            row.push_unseparated(
                ", (select o.readers from documents o where o.id = ifnull((select x.id from documents x",
            );
            row.push_unseparated(" where x.id = ").push_bind_unseparated(id).push_unseparated("), ");
            row.push_bind_unseparated(container.clone()).push_unseparated(")))");
            row.push_bind(state.state)
                .push_bind(state.failure.map(|failure| failure.code.as_str()))
                .push_bind(state.failure.map(|failure| failure.message.as_str()))
                .push_bind(signed(new.source.bytes))
                .push_bind(new.source.modified_ns)
                .push_bind(&new.source.sha256)
                .push_bind(signed(state.text_bytes as u64))
                .push_bind(json(&new.warnings))
                .push_bind(now_ms)
                .push_bind(&new.language)
                .push_bind(container);
        });
        sql.push(
            " on conflict (id) do update set media_type = excluded.media_type, title = excluded.title,
            metadata = excluded.metadata, readers = excluded.readers, state = excluded.state,
            failure_code = excluded.failure_code, failure_message = excluded.failure_message,
            source_bytes = excluded.source_bytes, source_modified_ns = excluded.source_modified_ns,
            source_sha256 = excluded.source_sha256, text_bytes = excluded.text_bytes, warnings = excluded.warnings,
            updated_at_ms = excluded.updated_at_ms, language = excluded.language, container = excluded.container,
            revision = documents.revision + 1",
        );
        sql.build().execute(&mut **tx).await?;
    }
    let ids: Vec<DocumentId> = rows.iter().map(|row| row.id).collect();
    let emptied = "delete from chunks where document_id in (select unhex(value) from json_each($1));
        delete from chunkings where document_id in (select unhex(value) from json_each($1));
        delete from texts where document_id in (select unhex(value) from json_each($1))";
    sqlx::query(emptied).bind(json(&ids)).execute(&mut **tx).await?;
    Ok(())
}

async fn insert_texts(tx: &mut Transaction<'_, Sqlite>, rows: &[NewRow<'_>]) -> Result<(), StoreError> {
    for run in runs(rows) {
        let mut sql = QueryBuilder::<Sqlite>::new("insert into texts (document_id, body, pages, outline, boxes) ");
        sql.push_values(run, |mut row, NewRow { id, new, .. }| {
            let (pages, outline) = structure_columns(&new.structure);
            row.push_bind(id.as_bytes().to_vec()).push_bind(new.text.as_bytes()).push_bind(pages).push_bind(outline);
            row.push_bind(boxes_column(&new.boxes));
        });
        sql.build().execute(&mut **tx).await?;
    }
    Ok(())
}

/// Writes documents' chunks in a generation, which has none of them yet.
pub(super) async fn insert_chunks(
    tx: &mut Transaction<'_, Sqlite>,
    documents: &[(DocumentId, &[Chunk])],
    generation: GenerationId,
) -> Result<(), StoreError> {
    for run in runs(documents) {
        let mut sql = QueryBuilder::<Sqlite>::new("insert into chunkings (document_id, generation, chunk_count) ");
        sql.push_values(run, |mut row, (id, chunks)| {
            row.push_bind(id.as_bytes().to_vec()).push_bind(generation.0).push_bind(signed(chunks.len() as u64));
        });
        sql.build().execute(&mut **tx).await?;
    }
    let chunks: Vec<_> =
        documents.iter().flat_map(|(id, chunks)| chunks.iter().map(move |chunk| (id, chunk))).collect();
    for run in runs(&chunks) {
        let mut sql = QueryBuilder::<Sqlite>::new(
            "insert into chunks (document_id, generation, span_start, span_end, page_first, page_last, heading_path,
            text_hash, simhash, kind, location, header_start, header_end) ",
        );
        sql.push_values(run, |mut row, (id, chunk)| {
            row.push_bind(id.as_bytes().to_vec())
                .push_bind(generation.0)
                .push_bind(signed(chunk.span.start as u64))
                .push_bind(signed(chunk.span.end as u64))
                .push_bind(chunk.page_first)
                .push_bind(chunk.page_last)
                .push_bind(json(&chunk.heading_path))
                .push_bind(chunk.text_hash.0.to_vec())
                .push_bind(chunk.simhash.map(u64::cast_signed))
                .push_bind(kind_column(chunk.kind))
                .push_bind(chunk.location.as_deref())
                .push_bind(chunk.header.map(|header| signed(header.start as u64)))
                .push_bind(chunk.header.map(|header| signed(header.end as u64)));
        });
        sql.build().execute(&mut **tx).await?;
    }
    Ok(())
}

/// Marks documents as embedded in a generation when its model's vectors of all their chunks are there, with a change for
/// each; says how many there were, and the last change.
pub(super) async fn note_embedded(
    tx: &mut Transaction<'_, Sqlite>,
    ids: &[DocumentId],
    generation: GenerationId,
) -> Result<(usize, Seq), StoreError> {
    let sql = "update chunkings set embedded = 1, lease_owner = null, lease_until_ms = null
        where document_id in (select unhex(value) from json_each($1)) and generation = $2 and embedded = 0
            and exists (select 1 from generations g where g.id = $2 and g.model is not null)
            and not exists (select 1 from chunks c where c.document_id = chunkings.document_id and c.generation = $2
                and not exists (select 1 from embeddings e where e.text_hash = c.text_hash
                    and e.model = (select model from generations where id = $2)))
        returning document_id";
    let query = sqlx::query_scalar(sql).bind(json(&ids)).bind(generation.0);
    let marked: Vec<Vec<u8>> = query.fetch_all(&mut **tx).await?;
    let marked = marked.iter().map(|id| document_id(id)).collect::<Result<Vec<_>, _>>()?;
    let last = append_changes(tx, &marked, ChangeKind::Embedded, Some(generation)).await?;
    Ok((marked.len(), last))
}
