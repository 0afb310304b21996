//! The change log, how far its followers are, and leases.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::{Sqlite, Transaction};

use super::{OWNER, SqliteStore};
use crate::store::rows::{document_id, json, lease_ms, signed};
use crate::store::{Change, ChangeKind, ChangeLog, StoreError};
use crate::types::{DocumentId, GenerationId, Seq};

/// Adds a change; without a generation it concerns every one.
pub(super) async fn append_change(
    tx: &mut Transaction<'_, Sqlite>,
    id: DocumentId,
    kind: ChangeKind,
    generation: Option<GenerationId>,
) -> Result<Seq, StoreError> {
    append_changes(tx, &[id], kind, generation).await
}

/// Adds the same change of several documents in their order, and says the last one's place; 0 when there are none.
pub(super) async fn append_changes(
    tx: &mut Transaction<'_, Sqlite>,
    ids: &[DocumentId],
    kind: ChangeKind,
    generation: Option<GenerationId>,
) -> Result<Seq, StoreError> {
    if ids.is_empty() {
        return Ok(Seq(0));
    }
    let sql = "insert into changes (document_id, kind, generation)
        select unhex(value), $2, $3 from json_each($1) order by key returning seq";
    let query = sqlx::query_scalar(sql).bind(json(&ids)).bind(kind.as_str());
    let seqs: Vec<i64> = query.bind(generation.map(|generation| generation.0)).fetch_all(&mut **tx).await?;
    Ok(Seq(seqs.into_iter().max().unwrap_or(0).unsigned_abs()))
}

#[async_trait]
impl ChangeLog for SqliteStore {
    async fn changes_after(&self, generation: GenerationId, seq: Seq, limit: u32) -> Result<Vec<Change>, StoreError> {
        let sql = "select seq, document_id, kind from changes
            where seq > $1 and (generation is null or generation = $2) order by seq limit $3";
        let query = sqlx::query_as(sql).bind(signed(seq.0)).bind(generation.0).bind(i64::from(limit));
        let rows: Vec<(i64, Vec<u8>, String)> = query.fetch_all(&self.reader).await?;
        let change = |(place, document, kind): (i64, Vec<u8>, String)| {
            let document = document_id(&document)?;
            Ok(Change { seq: Seq(place.unsigned_abs()), document, kind: ChangeKind::of(&kind) })
        };
        rows.into_iter().map(change).collect()
    }

    async fn last_seq(&self, generation: GenerationId) -> Result<Seq, StoreError> {
        let sql = "select coalesce(max(seq), 0) from changes where generation is null or generation = $1";
        let seq: i64 = sqlx::query_scalar(sql).bind(generation.0).fetch_one(&self.reader).await?;
        Ok(Seq(seq.unsigned_abs()))
    }

    async fn checkpoint(&self, view: &str) -> Result<Seq, StoreError> {
        let sql = "select seq from checkpoints where view = $1";
        let seq: Option<i64> = sqlx::query_scalar(sql).bind(view).fetch_optional(&self.reader).await?;
        Ok(Seq(seq.unwrap_or(0).unsigned_abs()))
    }

    async fn advance_checkpoint(&self, view: &str, from: Seq, to: Seq) -> Result<bool, StoreError> {
        // A view that was never noted is at the beginning.
        let begin = "insert into checkpoints (view, seq) values ($1, 0) on conflict (view) do nothing";
        sqlx::query(begin).bind(view).execute(&self.writer).await?;
        let sql = "update checkpoints set seq = $3 where view = $1 and seq = $2";
        let query = sqlx::query(sql).bind(view).bind(signed(from.0)).bind(signed(to.0));
        Ok(query.execute(&self.writer).await?.rows_affected() == 1)
    }

    async fn rewind_checkpoint(&self, view: &str, seq: Seq) -> Result<(), StoreError> {
        let sql = "update checkpoints set seq = $2 where view = $1 and seq > $2";
        sqlx::query(sql).bind(view).bind(signed(seq.0)).execute(&self.writer).await?;
        Ok(())
    }

    async fn acquire_lease(&self, name: &str, time_to_live: Duration) -> Result<bool, StoreError> {
        // One process works on the file, so no other can hold it.
        let sql = "insert into leases (name, owner, until_ms) values ($1, $2, unixepoch() * 1000 + $3)
            on conflict (name) do update set owner = excluded.owner, until_ms = excluded.until_ms";
        let query = sqlx::query(sql).bind(name).bind(OWNER).bind(lease_ms(time_to_live));
        query.execute(&self.writer).await?;
        Ok(true)
    }

    async fn release_lease(&self, name: &str) -> Result<(), StoreError> {
        sqlx::query("delete from leases where name = $1").bind(name).execute(&self.writer).await?;
        Ok(())
    }
}
