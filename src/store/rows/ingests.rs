//! Ingests, work and removals out of their rows.

use super::{document_id, from_json};
use crate::store::StoreError;
use crate::types::{
    ChunkRange, Failure, IngestId, IngestRecord, IngestState, Removal, RemovalCause, Seq, Task, TaskAction, TaskState,
};

/// Every ingest, in the columns of [`IngestRow`], at the time that an expression gives. One whose process has not said for the
/// length of its lease that it lives was interrupted.
macro_rules! ingests_at {
    ($now_ms:expr) => {
        concat!(
            "select id, collection, roots, started_at_ms, summary, error,
            case when state = 'running' and coalesce(lease_until_ms, 0) < ",
            $now_ms,
            " then 'interrupted' else state end as state,
            case when state = 'running' and coalesce(lease_until_ms, 0) < ",
            $now_ms,
            " then lease_until_ms else finished_at_ms end as finished_at_ms from ingests"
        )
    };
}
pub(in crate::store) use ingests_at;

/// Closes the open work of ended ingests of the same folders: one that has finished ($1) has looked at all of them.
macro_rules! close_former_work_at {
    ($now_ms:expr) => {
        concat!(
            "update tasks set state = 'done', lease_owner = null, lease_until_ms = null
            where state in ('waiting', 'working') and ingest_id in (
                select former.id from ingests former
                join ingests this on this.collection = former.collection and this.roots = former.roots
                where this.id = $1 and former.id <> this.id
                    and (former.state <> 'running' or coalesce(former.lease_until_ms, 0) < ",
            $now_ms,
            "))"
        )
    };
}
pub(in crate::store) use close_former_work_at;

/// A row of [`ingests_at`].
#[derive(Debug, sqlx::FromRow)]
pub(in crate::store) struct IngestRow {
    id: String,
    collection: String,
    roots: String,
    state: String,
    started_at_ms: i64,
    finished_at_ms: Option<i64>,
    summary: Option<String>,
    error: Option<String>,
}

impl TryFrom<IngestRow> for IngestRecord {
    type Error = StoreError;

    fn try_from(row: IngestRow) -> Result<Self, StoreError> {
        let corrupt = |what: &'static str| StoreError::Corrupt { what, key: row.id.clone() };
        Ok(Self {
            id: ingest_id(&row.id)?,
            collection: row.collection.parse().map_err(|_| corrupt("collection of an ingest"))?,
            roots: from_json(&row.roots).ok_or_else(|| corrupt("roots of an ingest"))?,
            state: IngestState::named(&row.state).ok_or_else(|| corrupt("state of an ingest"))?,
            started_at_ms: row.started_at_ms,
            finished_at_ms: row.finished_at_ms,
            summary: row.summary.as_deref().and_then(from_json),
            error: row.error,
        })
    }
}

/// All work, in the columns of [`TaskRow`].
pub(in crate::store) const TASKS: &str =
    "select document_id, ingest_id, uri, bytes, action, state, attempt, lease_until_ms, retry_at_ms, failure_code,
    failure_message from tasks";

/// A row of [`TASKS`].
#[derive(Debug, sqlx::FromRow)]
pub(in crate::store) struct TaskRow {
    document_id: Vec<u8>,
    ingest_id: String,
    uri: String,
    bytes: i64,
    action: String,
    state: String,
    attempt: i64,
    lease_until_ms: Option<i64>,
    retry_at_ms: Option<i64>,
    failure_code: Option<String>,
    failure_message: Option<String>,
}

impl TryFrom<TaskRow> for Task {
    type Error = StoreError;

    fn try_from(row: TaskRow) -> Result<Self, StoreError> {
        let document = document_id(&row.document_id)?;
        let corrupt = |what: &'static str| StoreError::Corrupt { what, key: document.to_string() };
        Ok(Self {
            document,
            ingest: ingest_id(&row.ingest_id)?,
            uri: row.uri,
            bytes: row.bytes.unsigned_abs(),
            action: TaskAction::named(&row.action).ok_or_else(|| corrupt("action of a task"))?,
            state: TaskState::named(&row.state).ok_or_else(|| corrupt("state of a task"))?,
            attempt: u32::try_from(row.attempt).unwrap_or(u32::MAX),
            lease_until_ms: row.lease_until_ms,
            retry_at_ms: row.retry_at_ms,
            failure_code: row.failure_code,
            failure_message: row.failure_message,
        })
    }
}

/// Every removal, in the columns of [`RemovalRow`].
pub(in crate::store) const REMOVALS: &str =
    "select number, seq, ingest_id, document_id, uri, cause, moved_to, text_sha256, text_bytes, chunk_count, chunks,
    removed_at_ms, proof from removals";

/// A row of [`REMOVALS`].
#[derive(Debug, sqlx::FromRow)]
pub(in crate::store) struct RemovalRow {
    number: i64,
    seq: i64,
    ingest_id: Option<String>,
    document_id: Vec<u8>,
    uri: String,
    cause: String,
    moved_to: Option<Vec<u8>>,
    text_sha256: String,
    text_bytes: i64,
    chunk_count: i64,
    chunks: String,
    removed_at_ms: i64,
    proof: Option<String>,
}

impl TryFrom<RemovalRow> for Removal {
    type Error = StoreError;

    fn try_from(row: RemovalRow) -> Result<Self, StoreError> {
        let corrupt = |what: &'static str| StoreError::Corrupt { what, key: row.number.to_string() };
        Ok(Self {
            number: row.number.unsigned_abs(),
            seq: Seq(row.seq.unsigned_abs()),
            ingest: row.ingest_id.as_deref().map(ingest_id).transpose()?,
            document: document_id(&row.document_id)?,
            uri: row.uri,
            cause: RemovalCause::named(&row.cause).ok_or_else(|| corrupt("cause of a removal"))?,
            moved_to: row.moved_to.as_deref().map(document_id).transpose()?,
            text_sha256: row.text_sha256,
            text_bytes: row.text_bytes.unsigned_abs(),
            chunk_count: row.chunk_count.unsigned_abs(),
            chunks: from_json::<Vec<ChunkRange>>(&row.chunks).ok_or_else(|| corrupt("chunks of a removal"))?,
            removed_at_ms: row.removed_at_ms,
            proof: row.proof.as_deref().and_then(from_json),
        })
    }
}

fn ingest_id(text: &str) -> Result<IngestId, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt { what: "ingest id", key: text.to_owned() })
}

/// The columns of a failure that may be none: code, then message.
pub(in crate::store) fn failure_columns(failure: Option<&Failure>) -> (Option<&str>, Option<&str>) {
    (failure.map(|failure| failure.code.as_str()), failure.map(|failure| failure.message.as_str()))
}
