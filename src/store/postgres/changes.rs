//! The change log, how far its followers are, and leases.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::PgConnection;

use super::{PostgresStore, raw_ids};
use crate::store::rows::{document_id, lease_ms, signed};
use crate::store::{Change, ChangeKind, ChangeLog, StoreError};
use crate::types::{DocumentId, GenerationId, Seq};

/// The advisory lock of whoever writes to the change log: "ibid" and a number.
pub(super) const LOG_LOCK: i64 = 0x6962_6964_0000_0001;

/// What becomes a row of the change log; without a generation it concerns every one.
pub(super) type NewChange = (DocumentId, ChangeKind, Option<GenerationId>);

/// Adds changes in their order and says the last one's place. These are the last statements of a transaction: from here to
/// its commit no other one writes to the log, so that whoever has read up to a change misses none before it.
pub(super) async fn append_changes(tx: &mut PgConnection, changes: &[NewChange]) -> Result<Seq, StoreError> {
    if changes.is_empty() {
        return Ok(Seq::default());
    }
    sqlx::query("select pg_advisory_xact_lock($1)").bind(LOG_LOCK).execute(&mut *tx).await?;
    let documents: Vec<DocumentId> = changes.iter().map(|(id, ..)| *id).collect();
    let kinds: Vec<&str> = changes.iter().map(|(_, kind, _)| kind.as_str()).collect();
    let generations: Vec<Option<i64>> =
        changes.iter().map(|(_, _, generation)| generation.map(|generation| i64::from(generation.0))).collect();
    let sql = "with added as (insert into changes (document_id, kind, generation)
            select document_id, kind, generation from unnest($1::bytea[], $2::text[], $3::bigint[])
                with ordinality as new (document_id, kind, generation, place) order by place
            returning seq)
        select max(seq) from added";
    let query = sqlx::query_scalar(sql).bind(raw_ids(&documents)).bind(kinds).bind(generations);
    let seq: i64 = query.fetch_one(tx).await?;
    Ok(Seq(seq.unsigned_abs()))
}

/// The same change of several documents.
pub(super) fn each(ids: &[DocumentId], kind: ChangeKind, generation: Option<GenerationId>) -> Vec<NewChange> {
    ids.iter().map(|id| (*id, kind, generation)).collect()
}

#[async_trait]
impl ChangeLog for PostgresStore {
    async fn changes_after(&self, generation: GenerationId, seq: Seq, limit: u32) -> Result<Vec<Change>, StoreError> {
        let sql = "select seq, document_id, kind from changes
            where seq > $1 and (generation is null or generation = $2) order by seq limit $3";
        let query = sqlx::query_as(sql).bind(signed(seq.0)).bind(i64::from(generation.0)).bind(i64::from(limit));
        let rows: Vec<(i64, Vec<u8>, String)> = query.fetch_all(&mut *self.connection().await?).await?;
        let change = |(place, document, kind): (i64, Vec<u8>, String)| {
            let document = document_id(&document)?;
            Ok(Change { seq: Seq(place.unsigned_abs()), document, kind: ChangeKind::of(&kind) })
        };
        rows.into_iter().map(change).collect()
    }

    async fn last_seq(&self, generation: GenerationId) -> Result<Seq, StoreError> {
        // From the newest backwards, which ends at the first that fits.
        let sql = "select seq from changes where generation is null or generation = $1 order by seq desc limit 1";
        let query = sqlx::query_scalar(sql).bind(i64::from(generation.0));
        let seq: Option<i64> = query.fetch_optional(&mut *self.connection().await?).await?;
        Ok(Seq(seq.unwrap_or(0).unsigned_abs()))
    }

    async fn checkpoint(&self, view: &str) -> Result<Seq, StoreError> {
        let query = sqlx::query_scalar("select seq from checkpoints where view = $1").bind(view);
        let seq: Option<i64> = query.fetch_optional(&mut *self.connection().await?).await?;
        Ok(Seq(seq.unwrap_or(0).unsigned_abs()))
    }

    async fn advance_checkpoint(&self, view: &str, from: Seq, to: Seq) -> Result<bool, StoreError> {
        // A view that was never noted is at the beginning.
        let begin = "insert into checkpoints (view, seq) values ($1, 0) on conflict (view) do nothing";
        sqlx::query(begin).bind(view).execute(&mut *self.connection().await?).await?;
        let sql = "update checkpoints set seq = $3 where view = $1 and seq = $2";
        let query = sqlx::query(sql).bind(view).bind(signed(from.0)).bind(signed(to.0));
        Ok(query.execute(&mut *self.connection().await?).await?.rows_affected() == 1)
    }

    async fn rewind_checkpoint(&self, view: &str, seq: Seq) -> Result<(), StoreError> {
        let sql = "update checkpoints set seq = $2 where view = $1 and seq > $2";
        sqlx::query(sql).bind(view).bind(signed(seq.0)).execute(&mut *self.connection().await?).await?;
        Ok(())
    }

    async fn acquire_lease(&self, name: &str, time_to_live: Duration) -> Result<bool, StoreError> {
        let sql = "insert into leases (name, owner, lease_until)
                values ($1, $2, clock_timestamp() + $3::float8 * interval '1 millisecond')
            on conflict (name) do update set owner = excluded.owner, lease_until = excluded.lease_until
                where leases.owner = excluded.owner or leases.lease_until <= clock_timestamp()";
        let query = sqlx::query(sql).bind(name).bind(&self.owner).bind(lease_ms(time_to_live));
        let done = query.execute(&mut *self.connection().await?).await?;
        Ok(done.rows_affected() == 1)
    }

    async fn release_lease(&self, name: &str) -> Result<(), StoreError> {
        let query = sqlx::query("delete from leases where name = $1 and owner = $2").bind(name).bind(&self.owner);
        query.execute(&mut *self.connection().await?).await?;
        Ok(())
    }
}
