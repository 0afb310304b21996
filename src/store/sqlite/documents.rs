//! Documents: written whole in one transaction, listed by cursor.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use sqlx::{QueryBuilder, Sqlite, SqliteExecutor, Transaction};

use super::SqliteStore;
use super::changes::append_change;
use super::ingests::{note_removed, removable};
use super::put::{NewRow, put_all, upsert_rows};
use crate::faults;
use crate::store::documents::RowState;
use crate::store::removed::{RemovedText, Removing};
use crate::store::rows::{
    DOCUMENTS, DocumentRow, IS_PARTIAL, RETRY_AT, SourceRow, document_id, json, readers_of, signed,
};
use crate::store::{
    ChangeKind, DocumentMove, DocumentPage, DocumentQuery, Documents, KnownSource, NewDocument, StoreError,
};
use crate::types::{
    CollectionName, Document, DocumentId, Failure, GenerationId, IngestId, Principal, RemovalCause, Seq, SourceStamp,
};

#[async_trait]
impl Documents for SqliteStore {
    async fn put_documents(
        &self,
        new: &[NewDocument],
        generation: GenerationId,
        now_ms: i64,
    ) -> Result<Seq, StoreError> {
        let mut tx = self.writer.begin_with("begin immediate").await?;
        let seq = put_all(&mut tx, new, generation, now_ms).await?;
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
        upsert_rows(&mut tx, &[NewRow { id, new, state }], now_ms).await?;
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
        let work = "delete from tasks where document_id in (select unhex(value) from json_each($1))";
        sqlx::query(work).bind(json(&all)).execute(&mut *tx).await?;
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
        self.write_move(moved, ingest, now_ms).await
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
        let mut sql = QueryBuilder::<Sqlite>::new(DOCUMENTS);
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

pub(super) async fn document_row(
    executor: impl SqliteExecutor<'_>,
    id: DocumentId,
) -> Result<Option<Document>, StoreError> {
    let mut sql = QueryBuilder::<Sqlite>::new(DOCUMENTS);
    sql.push(" where d.id = ").push_bind(id.as_bytes());
    let row: Option<DocumentRow> = sql.build_query_as().fetch_optional(executor).await?;
    row.map(Document::try_from).transpose()
}

/// These documents, and what came inside of them.
pub(super) async fn with_contained(
    tx: &mut Transaction<'_, Sqlite>,
    ids: &[DocumentId],
) -> Result<Vec<DocumentId>, StoreError> {
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
pub(super) async fn all_removable(
    tx: &mut Transaction<'_, Sqlite>,
    ids: &[DocumentId],
) -> Result<Vec<RemovedText>, StoreError> {
    let sql = "select document_id from texts where document_id in (select unhex(value) from json_each($1))";
    let there: Vec<Vec<u8>> = sqlx::query_scalar(sql).bind(json(&ids)).fetch_all(&mut **tx).await?;
    let mut all = Vec::with_capacity(there.len());
    for id in there {
        all.extend(removable(tx, document_id(&id)?).await?);
    }
    Ok(all)
}
