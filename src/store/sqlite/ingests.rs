//! Ingests, the work on each document, and what was removed.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::many::runs;
use super::{OWNER, SqliteStore};
use crate::faults;
use crate::store::removed::{RemovedText, Removing, sha256_of};
use crate::store::rows::{
    IngestRow, REMOVALS, RemovalRow, TASKS, TaskRow, close_former_work_at, document_id, failure_columns, ingests_at,
    json, lease_ms, signed,
};
use crate::store::{IngestEnd, IngestPage, IngestQuery, Ingests, NewIngest, NewTask, StoreError, TaskEnd, TaskQuery};
use crate::types::{
    DocumentId, IngestId, IngestRecord, IngestState, Removal, RemovalProof, Seq, Task, TaskState, chunk_ranges,
};

/// Now, in milliseconds since 1970 (UTC).
macro_rules! now_ms {
    () => {
        "cast(unixepoch('subsec') * 1000 as integer)"
    };
}

#[async_trait]
impl Ingests for SqliteStore {
    async fn begin_ingest(&self, new: &NewIngest, lease: Duration, now_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.writer.begin_with("begin immediate").await?;
        let roots = json(&new.roots);
        let interrupted = concat!(
            "update ingests set state = 'interrupted', finished_at_ms = coalesce(lease_until_ms, $3)
            where state = 'running' and collection = $1 and roots = $2 and coalesce(lease_until_ms, 0) < ",
            now_ms!()
        );
        let mark = sqlx::query(interrupted).bind(new.collection.as_str()).bind(&roots).bind(now_ms);
        mark.execute(&mut *tx).await?;
        let sql = concat!(
            "insert into ingests (id, collection, roots, state, lease_until_ms, started_at_ms)
            values ($1, $2, $3, 'running', $4 + ",
            now_ms!(),
            ", $5)"
        );
        let query = sqlx::query(sql).bind(new.id.to_string()).bind(new.collection.as_str()).bind(&roots);
        query.bind(lease_ms(lease)).bind(now_ms).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn renew_ingest(&self, id: IngestId, lease: Duration) -> Result<(), StoreError> {
        let sql =
            concat!("update ingests set lease_until_ms = $2 + ", now_ms!(), " where id = $1 and state = 'running'");
        let query = sqlx::query(sql).bind(id.to_string()).bind(lease_ms(lease));
        query.execute(&self.writer).await?;
        Ok(())
    }

    async fn end_ingest(&self, id: IngestId, end: &IngestEnd, now_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.writer.begin_with("begin immediate").await?;
        let sql = "update ingests set state = $2, summary = $3, error = $4, finished_at_ms = $5, lease_until_ms = null
            where id = $1";
        let query = sqlx::query(sql).bind(id.to_string()).bind(end.state.as_str());
        let query = query.bind(end.summary.as_ref().map(json)).bind(&end.error).bind(now_ms);
        query.execute(&mut *tx).await?;
        let left = "update tasks set state = 'waiting', lease_owner = null, lease_until_ms = null
            where ingest_id = $1 and state = 'working'";
        sqlx::query(left).bind(id.to_string()).execute(&mut *tx).await?;
        if end.state == IngestState::Finished {
            sqlx::query(close_former_work_at!(now_ms!())).bind(id.to_string()).execute(&mut *tx).await?;
        }
        faults::point();
        tx.commit().await?;
        Ok(())
    }

    async fn ingest(&self, id: IngestId) -> Result<Option<IngestRecord>, StoreError> {
        let mut sql = QueryBuilder::<Sqlite>::new(ingests_at!(now_ms!()));
        sql.push(" where id = ").push_bind(id.to_string());
        let row: Option<IngestRow> = sql.build_query_as().fetch_optional(&self.reader).await?;
        row.map(IngestRecord::try_from).transpose()
    }

    async fn ingests(&self, query: &IngestQuery) -> Result<IngestPage, StoreError> {
        let mut sql = QueryBuilder::<Sqlite>::new(ingests_at!(now_ms!()));
        sql.push(" where 1 = 1");
        if let Some(collection) = &query.collection {
            sql.push(" and collection = ").push_bind(collection.as_str());
        }
        if let Some(before) = &query.before {
            sql.push(" and id < ").push_bind(before.to_string());
        }
        sql.push(" order by id desc limit ").push_bind(i64::from(query.limit) + 1);
        let rows: Vec<IngestRow> = sql.build_query_as().fetch_all(&self.reader).await?;
        let ingests = rows.into_iter().map(IngestRecord::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(IngestPage::of(ingests, query.limit))
    }

    async fn plan_tasks(&self, ingest: IngestId, tasks: &[NewTask], now_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.writer.begin_with("begin immediate").await?;
        for run in runs(tasks) {
            let mut sql = QueryBuilder::<Sqlite>::new(
                "insert into tasks (document_id, ingest_id, uri, bytes, action, state, attempt, updated_at_ms) ",
            );
            sql.push_values(run, |mut row, task| {
                row.push_bind(task.document.as_bytes().to_vec())
                    .push_bind(ingest.to_string())
                    .push_bind(&task.uri)
                    .push_bind(signed(task.bytes))
                    .push_bind(task.action.as_str())
                    .push("'waiting', 0")
                    .push_bind(now_ms);
            });
            sql.push(
                " on conflict (document_id) do update set ingest_id = excluded.ingest_id, uri = excluded.uri,
                bytes = excluded.bytes, action = excluded.action, state = excluded.state, retry_at_ms = null,
                lease_owner = null, lease_until_ms = null, updated_at_ms = excluded.updated_at_ms",
            );
            sql.build().execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn claim_tasks(
        &self,
        ingest: IngestId,
        documents: &[DocumentId],
        lease: Duration,
        now_ms: i64,
    ) -> Result<Vec<(DocumentId, u32)>, StoreError> {
        let sql = "update tasks set state = 'working', attempt = attempt + 1, lease_owner = $3, lease_until_ms = $4,
                updated_at_ms = $5, ingest_id = $2
            where document_id in (select unhex(value) from json_each($1)) returning document_id, attempt";
        let query = sqlx::query_as(sql).bind(json(&documents)).bind(ingest.to_string()).bind(OWNER);
        let query = query.bind(now_ms + lease_ms(lease)).bind(now_ms);
        let rows: Vec<(Vec<u8>, i64)> = query.fetch_all(&self.writer).await?;
        let claimed =
            |(id, attempt): (Vec<u8>, i64)| Ok((document_id(&id)?, u32::try_from(attempt).unwrap_or(u32::MAX)));
        rows.into_iter().map(claimed).collect()
    }

    async fn settle_tasks(&self, ends: &[TaskEnd], now_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.writer.begin_with("begin immediate").await?;
        for run in runs(ends) {
            let mut sql = QueryBuilder::<Sqlite>::new("with ends (id, state, code, message, retry_at_ms) as (");
            sql.push_values(run, |mut row, end| {
                let (code, message) = failure_columns(end.failure.as_ref());
                row.push_bind(end.document.as_bytes().to_vec())
                    .push_bind(end.state.as_str())
                    .push_bind(code)
                    .push_bind(message)
                    .push_bind(end.retry_at_ms);
            });
            sql.push(
                ") update tasks set state = e.state, failure_code = e.code, failure_message = e.message,
                retry_at_ms = e.retry_at_ms, lease_owner = null, lease_until_ms = null,
                attempt = case when e.state = 'done' then 0 else attempt end, updated_at_ms = ",
            );
            sql.push_bind(now_ms).push(" from ends e where tasks.document_id = e.id");
            sql.build().execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn tasks(&self, query: &TaskQuery) -> Result<Vec<Task>, StoreError> {
        let mut sql = QueryBuilder::<Sqlite>::new(TASKS);
        sql.push(" where 1 = 1");
        if let Some(state) = query.state {
            sql.push(" and state = ").push_bind(state.as_str());
            if state != TaskState::Done {
                // So that the index of open work is taken.
                sql.push(" and state <> 'done'");
            }
        }
        if let Some(ingest) = query.ingest {
            sql.push(" and ingest_id = ").push_bind(ingest.to_string());
        }
        if let Some(after) = &query.after {
            sql.push(" and document_id > ").push_bind(after.as_bytes());
        }
        sql.push(" order by document_id limit ").push_bind(i64::from(query.limit));
        let rows: Vec<TaskRow> = sql.build_query_as().fetch_all(&self.reader).await?;
        rows.into_iter().map(Task::try_from).collect()
    }

    async fn removals(&self, ingest: IngestId, after: u64, limit: u32) -> Result<Vec<Removal>, StoreError> {
        let mut sql = QueryBuilder::<Sqlite>::new(REMOVALS);
        sql.push(" where ingest_id = ").push_bind(ingest.to_string());
        sql.push(" and number > ").push_bind(signed(after));
        sql.push(" order by number limit ").push_bind(i64::from(limit));
        let rows: Vec<RemovalRow> = sql.build_query_as().fetch_all(&self.reader).await?;
        rows.into_iter().map(Removal::try_from).collect()
    }

    async fn unproven_removals(&self, seq: Seq, after: u64, limit: u32) -> Result<Vec<Removal>, StoreError> {
        let mut sql = QueryBuilder::<Sqlite>::new(REMOVALS);
        sql.push(" where proof is null and seq <= ").push_bind(signed(seq.0));
        sql.push(" and number > ").push_bind(signed(after));
        sql.push(" order by number limit ").push_bind(i64::from(limit));
        let rows: Vec<RemovalRow> = sql.build_query_as().fetch_all(&self.reader).await?;
        rows.into_iter().map(Removal::try_from).collect()
    }

    async fn left_of(&self, removal: &Removal) -> Result<u64, StoreError> {
        let mut left = 0;
        for (first, last) in &removal.chunks {
            let query = sqlx::query_scalar("select count(*) from chunks where id between $1 and $2");
            let count: i64 = query.bind(signed(*first)).bind(signed(*last)).fetch_one(&self.reader).await?;
            left += count.unsigned_abs();
        }
        // A text without a document would be one that nobody can delete.
        let orphan = "select count(*) from texts t where t.document_id = $1
            and not exists (select 1 from documents d where d.id = t.document_id and d.state = 'ready')";
        let orphans: i64 = sqlx::query_scalar(orphan).bind(removal.document.as_bytes()).fetch_one(&self.reader).await?;
        Ok(left + orphans.unsigned_abs())
    }

    async fn prove_removals(&self, proofs: &[(u64, RemovalProof)]) -> Result<(), StoreError> {
        let mut tx = self.writer.begin_with("begin immediate").await?;
        for (number, proof) in proofs {
            let query = sqlx::query("update removals set proof = $2 where number = $1");
            query.bind(signed(*number)).bind(json(proof)).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// What there is of a document to remove: its text and its chunks in all generations. `None` when there is nothing.
pub(super) async fn removable(
    tx: &mut SqliteConnection,
    document: DocumentId,
) -> Result<Option<RemovedText>, StoreError> {
    let sql = "select t.body, d.uri from texts t join documents d on d.id = t.document_id where t.document_id = $1";
    let text: Option<(Vec<u8>, String)> =
        sqlx::query_as(sql).bind(document.as_bytes()).fetch_optional(&mut *tx).await?;
    let Some((body, uri)) = text else { return Ok(None) };
    let numbers = "select id from chunks where document_id = $1 order by id";
    let chunks: Vec<i64> = sqlx::query_scalar(numbers).bind(document.as_bytes()).fetch_all(tx).await?;
    Ok(Some(RemovedText {
        document,
        uri,
        moved_to: None,
        text_sha256: sha256_of(&body),
        text_bytes: body.len() as u64,
        chunks: chunk_ranges(chunks.into_iter().map(i64::unsigned_abs)),
    }))
}

/// Writes down what was removed.
pub(super) async fn note_removed(
    tx: &mut SqliteConnection,
    removed: &[RemovedText],
    removing: Removing,
    seq: Seq,
) -> Result<(), StoreError> {
    let sql = "insert into removals (seq, ingest_id, document_id, uri, cause, moved_to, text_sha256, text_bytes,
            chunk_count, chunks, removed_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    for text in removed {
        let query = sqlx::query(sql)
            .bind(signed(seq.0))
            .bind(removing.ingest.map(|ingest| ingest.to_string()))
            .bind(text.document.as_bytes())
            .bind(&text.uri)
            .bind(removing.cause.as_str())
            .bind(text.moved_to.as_ref().map(DocumentId::as_bytes))
            .bind(&text.text_sha256)
            .bind(signed(text.text_bytes))
            .bind(signed(text.chunk_count()))
            .bind(json(&text.chunks))
            .bind(removing.now_ms);
        query.execute(&mut *tx).await?;
    }
    Ok(())
}
