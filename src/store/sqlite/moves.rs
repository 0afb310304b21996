//! Documents under another name: a copy in the truth, and a deletion.

use sqlx::{Sqlite, Transaction};

use super::SqliteStore;
use super::changes::append_change;
use super::documents::{document_row, with_contained};
use super::ingests::{note_removed, removable};
use super::put::note_embedded;
use crate::faults;
use crate::store::documents::{COPY_PARTS, COPY_ROW, MovedRow};
use crate::store::removed::{RemovedText, Removing};
use crate::store::rows::signed;
use crate::store::{ChangeKind, DocumentMove, StoreError};
use crate::types::{DocumentId, GenerationId, IngestId, RemovalCause, Seq};

impl SqliteStore {
    pub(super) async fn write_move(
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
                last = last.max(note_embedded(&mut tx, &[to], generation).await?.1);
            }
        }
        let removing = Removing { ingest, cause: RemovalCause::Moved, now_ms };
        note_removed(&mut tx, &removed, removing, last).await?;
        faults::point();
        tx.commit().await?;
        faults::point();
        Ok(true)
    }
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
