//! Documents under another name: a copy in the truth, and a deletion.

use sqlx::PgConnection;

use super::changes::{append_changes, each};
use super::documents::{document_row, lock_documents, mark_embedded, with_contained};
use super::facets::write_facets;
use super::ingests::{note_removed, removable};
use super::{PostgresStore, raw_ids, storable};
use crate::faults;
use crate::store::documents::{COPY_PARTS, COPY_ROW, MovedRow};
use crate::store::removed::Removing;
use crate::store::rows::signed;
use crate::store::{ChangeKind, DocumentMove, StoreError};
use crate::types::{DocumentId, GenerationId, IngestId, RemovalCause};

impl PostgresStore {
    pub(super) async fn write_move(
        &self,
        moved: &DocumentMove,
        ingest: Option<IngestId>,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "select 1 from collections where id in (select collection_id from documents where id = $1) for share";
        sqlx::query(sql).bind(moved.from.as_bytes()).execute(&mut *tx).await?;
        lock_documents(&mut tx, &[moved.from]).await?;
        let Some(before) = document_row(&mut tx, moved.from).await? else { return Ok(false) };
        let all = with_contained(&mut tx, &[moved.from]).await?;
        let hold = "select 1 from documents where id = any($1) order by id for update";
        sqlx::query(hold).bind(raw_ids(&all)).execute(&mut *tx).await?;
        let mut removed = removable(&mut tx, &all).await?;
        let (mut changes, mut arrived) = (Vec::new(), Vec::new());
        for from in &all {
            let Some(document) = document_row(&mut tx, *from).await? else { continue };
            let row = MovedRow::of(&document, moved, &before.uri);
            if !copy_document(&mut tx, &row, now_ms).await? {
                return Ok(false);
            }
            removed.iter_mut().filter(|text| text.document == *from).for_each(|text| text.moved_to = Some(row.to));
            changes.push((*from, ChangeKind::Delete, None));
            changes.push((row.to, ChangeKind::Put, None));
            arrived.push(row.to);
        }
        faults::point();
        sqlx::query("delete from documents where id = any($1)").bind(raw_ids(&all)).execute(&mut *tx).await?;
        write_facets(&mut tx, &arrived).await?;
        let cut =
            sqlx::query_scalar("select distinct generation from chunkings where document_id = any($1) order by 1");
        let generations: Vec<i64> = cut.bind(raw_ids(&arrived)).fetch_all(&mut *tx).await?;
        for generation in generations.into_iter().filter_map(|id| u32::try_from(id).ok()).map(GenerationId) {
            let embedded = mark_embedded(&mut tx, &arrived, generation).await?;
            changes.extend(each(&embedded, ChangeKind::Embedded, Some(generation)));
        }
        let seq = append_changes(&mut tx, &changes).await?;
        note_removed(&mut tx, &removed, Removing { ingest, cause: RemovalCause::Moved, now_ms }, seq).await?;
        faults::point();
        tx.commit().await?;
        faults::point();
        Ok(true)
    }
}

/// Copies a document's row, text and chunks under another name; `false` when something is there already.
async fn copy_document(tx: &mut PgConnection, row: &MovedRow, now_ms: i64) -> Result<bool, StoreError> {
    let copy = format!("{COPY_ROW} on conflict (id) do nothing");
    let query = sqlx::query(sqlx::AssertSqlSafe(copy)).bind(row.from.as_bytes()).bind(row.to.as_bytes());
    let query = query.bind(storable(&row.uri)).bind(storable(&row.title)).bind(signed(row.source.bytes));
    let query = query.bind(row.source.modified_ns).bind(&row.source.sha256).bind(now_ms);
    let query = query.bind(row.container.as_ref().map(DocumentId::as_bytes));
    if query.execute(&mut *tx).await?.rows_affected() == 0 {
        return Ok(false);
    }
    for sql in COPY_PARTS {
        sqlx::query(sql).bind(row.from.as_bytes()).bind(row.to.as_bytes()).execute(&mut *tx).await?;
    }
    Ok(true)
}
