//! Ingests, the work on each document, and what was removed. The clock of the database decides about leases.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::{PostgresStore, raw_ids, retried, storable};
use crate::faults;
use crate::store::removed::{RemovedText, Removing};
use crate::store::rows::{
    IngestRow, REMOVALS, RemovalRow, TASKS, TaskRow, close_former_work_at, document_id, failure_columns, ingests_at,
    json, lease_ms, signed,
};
use crate::store::{IngestEnd, IngestPage, IngestQuery, Ingests, NewIngest, NewTask, StoreError, TaskEnd, TaskQuery};
use crate::types::{
    DocumentId, IngestId, IngestRecord, IngestState, Removal, RemovalProof, Seq, Task, TaskState, chunk_ranges,
};

/// Milliseconds since 1970 as the database has them.
macro_rules! now_ms {
    () => {
        "(extract(epoch from clock_timestamp()) * 1000)::bigint"
    };
}

impl PostgresStore {
    async fn write_ingest(&self, new: &NewIngest, lease: Duration, now_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let roots = json(&new.roots);
        let interrupted = concat!(
            "update ingests set state = 'interrupted', finished_at_ms = coalesce(lease_until_ms, $3)
            where state = 'running' and collection = $1 and roots = $2 and coalesce(lease_until_ms, 0) < ",
            now_ms!()
        );
        let mark = sqlx::query(interrupted).bind(new.collection.as_str()).bind(storable(&roots)).bind(now_ms);
        mark.execute(&mut *tx).await?;
        let sql = concat!(
            "insert into ingests (id, collection, roots, state, lease_until_ms, started_at_ms)
            values ($1, $2, $3, 'running', $4 + ",
            now_ms!(),
            ", $5)"
        );
        let query = sqlx::query(sql).bind(new.id.to_string()).bind(new.collection.as_str()).bind(storable(&roots));
        query.bind(lease_ms(lease)).bind(now_ms).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn write_ingest_end(&self, id: IngestId, end: &IngestEnd, now_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let sql = "update ingests set state = $2, summary = $3, error = $4, finished_at_ms = $5, lease_until_ms = null
            where id = $1";
        let query = sqlx::query(sql).bind(id.to_string()).bind(end.state.as_str());
        let query = query.bind(end.summary.as_ref().map(json)).bind(end.error.as_deref().map(storable)).bind(now_ms);
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

    async fn write_tasks(&self, ingest: IngestId, tasks: &[&NewTask], now_ms: i64) -> Result<(), StoreError> {
        let sql = "insert into tasks (document_id, ingest_id, uri, bytes, action, state, attempt, updated_at_ms)
            select document_id, $1, uri, bytes, action, 'waiting', 0, $2
            from unnest($3::bytea[], $4::text[], $5::bigint[], $6::text[]) as new (document_id, uri, bytes, action)
            on conflict (document_id) do update set ingest_id = excluded.ingest_id, uri = excluded.uri,
                bytes = excluded.bytes, action = excluded.action, state = excluded.state, retry_at_ms = null,
                lease_owner = null, lease_until_ms = null, updated_at_ms = excluded.updated_at_ms";
        let ids: Vec<&[u8]> = tasks.iter().map(|task| task.document.as_bytes()).collect();
        let uris: Vec<_> = tasks.iter().map(|task| storable(&task.uri)).collect();
        let bytes: Vec<i64> = tasks.iter().map(|task| signed(task.bytes)).collect();
        let actions: Vec<&str> = tasks.iter().map(|task| task.action.as_str()).collect();
        let query = sqlx::query(sql).bind(ingest.to_string()).bind(now_ms).bind(ids).bind(uris).bind(bytes);
        query.bind(actions).execute(&mut *self.connection().await?).await?;
        Ok(())
    }

    async fn write_claims(
        &self,
        ingest: IngestId,
        documents: &[DocumentId],
        lease: Duration,
        now_ms: i64,
    ) -> Result<Vec<(DocumentId, u32)>, StoreError> {
        let sql = concat!(
            "with planned as (select document_id from tasks where document_id = any($1) order by document_id for update)
            update tasks t set state = 'working', attempt = t.attempt + 1, ingest_id = $2, lease_owner = $3,
                updated_at_ms = $5, lease_until_ms = $4 + ",
            now_ms!(),
            " from planned where t.document_id = planned.document_id returning t.document_id, t.attempt"
        );
        let query = sqlx::query_as(sql).bind(raw_ids(documents)).bind(ingest.to_string()).bind(&self.owner);
        let query = query.bind(lease_ms(lease)).bind(now_ms);
        let rows: Vec<(Vec<u8>, i64)> = query.fetch_all(&mut *self.connection().await?).await?;
        rows.iter().map(|(id, attempt)| Ok((document_id(id)?, u32::try_from(*attempt).unwrap_or(u32::MAX)))).collect()
    }

    async fn write_task_ends(&self, ends: &[&TaskEnd], now_ms: i64) -> Result<(), StoreError> {
        let sql = "update tasks t set state = new.state, failure_code = new.code, failure_message = new.message,
                retry_at_ms = new.retry_at_ms, updated_at_ms = $1, lease_owner = null, lease_until_ms = null,
                attempt = case when new.state = 'done' then 0 else t.attempt end
            from unnest($2::bytea[], $3::text[], $4::text[], $5::text[], $6::bigint[])
                as new (document_id, state, code, message, retry_at_ms)
            where t.document_id = new.document_id";
        let ids: Vec<&[u8]> = ends.iter().map(|end| end.document.as_bytes()).collect();
        let states: Vec<&str> = ends.iter().map(|end| end.state.as_str()).collect();
        let (codes, messages): (Vec<_>, Vec<_>) = ends
            .iter()
            .map(|end| failure_columns(end.failure.as_ref()))
            .map(|(code, message)| (code.map(storable), message.map(storable)))
            .unzip();
        let retries: Vec<Option<i64>> = ends.iter().map(|end| end.retry_at_ms).collect();
        let query = sqlx::query(sql).bind(now_ms).bind(ids).bind(states).bind(codes).bind(messages).bind(retries);
        query.execute(&mut *self.connection().await?).await?;
        Ok(())
    }
}

#[async_trait]
impl Ingests for PostgresStore {
    async fn begin_ingest(&self, new: &NewIngest, lease: Duration, now_ms: i64) -> Result<(), StoreError> {
        retried(|| self.write_ingest(new, lease, now_ms)).await
    }

    async fn renew_ingest(&self, id: IngestId, lease: Duration) -> Result<(), StoreError> {
        let sql =
            concat!("update ingests set lease_until_ms = $2 + ", now_ms!(), " where id = $1 and state = 'running'");
        let query = sqlx::query(sql).bind(id.to_string()).bind(lease_ms(lease));
        query.execute(&mut *self.connection().await?).await?;
        Ok(())
    }

    async fn end_ingest(&self, id: IngestId, end: &IngestEnd, now_ms: i64) -> Result<(), StoreError> {
        retried(|| self.write_ingest_end(id, end, now_ms)).await
    }

    async fn ingest(&self, id: IngestId) -> Result<Option<IngestRecord>, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new(ingests_at!(now_ms!()));
        sql.push(" where id = ").push_bind(id.to_string());
        let row: Option<IngestRow> = sql.build_query_as().fetch_optional(&mut *self.connection().await?).await?;
        row.map(IngestRecord::try_from).transpose()
    }

    async fn ingests(&self, query: &IngestQuery) -> Result<IngestPage, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new(ingests_at!(now_ms!()));
        sql.push(" where true");
        if let Some(collection) = &query.collection {
            sql.push(" and collection = ").push_bind(collection.as_str());
        }
        if let Some(before) = &query.before {
            sql.push(" and id collate \"C\" < ").push_bind(before.to_string());
        }
        sql.push(" order by id collate \"C\" desc limit ").push_bind(i64::from(query.limit) + 1);
        let rows: Vec<IngestRow> = sql.build_query_as().fetch_all(&mut *self.connection().await?).await?;
        let ingests = rows.into_iter().map(IngestRecord::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(IngestPage::of(ingests, query.limit))
    }

    async fn plan_tasks(&self, ingest: IngestId, tasks: &[NewTask], now_ms: i64) -> Result<(), StoreError> {
        // In one order for all, so that two processes do not wait for each other.
        let mut ordered: Vec<&NewTask> = tasks.iter().collect();
        ordered.sort_unstable_by_key(|task| task.document);
        ordered.dedup_by_key(|task| task.document);
        retried(|| self.write_tasks(ingest, &ordered, now_ms)).await
    }

    async fn claim_tasks(
        &self,
        ingest: IngestId,
        documents: &[DocumentId],
        lease: Duration,
        now_ms: i64,
    ) -> Result<Vec<(DocumentId, u32)>, StoreError> {
        retried(|| self.write_claims(ingest, documents, lease, now_ms)).await
    }

    async fn settle_tasks(&self, ends: &[TaskEnd], now_ms: i64) -> Result<(), StoreError> {
        let mut ordered: Vec<&TaskEnd> = ends.iter().collect();
        ordered.sort_by_key(|end| end.document);
        retried(|| self.write_task_ends(&ordered, now_ms)).await
    }

    async fn tasks(&self, query: &TaskQuery) -> Result<Vec<Task>, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new(TASKS);
        sql.push(" where true");
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
        let rows: Vec<TaskRow> = sql.build_query_as().fetch_all(&mut *self.connection().await?).await?;
        rows.into_iter().map(Task::try_from).collect()
    }

    async fn removals(&self, ingest: IngestId, after: u64, limit: u32) -> Result<Vec<Removal>, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new(REMOVALS);
        sql.push(" where ingest_id = ").push_bind(ingest.to_string());
        sql.push(" and number > ").push_bind(signed(after));
        sql.push(" order by number limit ").push_bind(i64::from(limit));
        let rows: Vec<RemovalRow> = sql.build_query_as().fetch_all(&mut *self.connection().await?).await?;
        rows.into_iter().map(Removal::try_from).collect()
    }

    async fn unproven_removals(&self, seq: Seq, after: u64, limit: u32) -> Result<Vec<Removal>, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new(REMOVALS);
        sql.push(" where proof is null and seq <= ").push_bind(signed(seq.0));
        sql.push(" and number > ").push_bind(signed(after));
        sql.push(" order by number limit ").push_bind(i64::from(limit));
        let rows: Vec<RemovalRow> = sql.build_query_as().fetch_all(&mut *self.connection().await?).await?;
        rows.into_iter().map(Removal::try_from).collect()
    }

    async fn left_of(&self, removal: &Removal) -> Result<u64, StoreError> {
        let firsts: Vec<i64> = removal.chunks.iter().map(|(first, _)| signed(*first)).collect();
        let lasts: Vec<i64> = removal.chunks.iter().map(|(_, last)| signed(*last)).collect();
        // A text without a document would be one that nobody can delete.
        let sql = "select (select count(*) from chunks c, unnest($1::bigint[], $2::bigint[]) as gone (first, last)
                where c.id between gone.first and gone.last)
            + (select count(*) from texts t where t.document_id = $3
                and not exists (select 1 from documents d where d.id = t.document_id and d.state = 'ready'))";
        let query = sqlx::query_scalar(sql).bind(firsts).bind(lasts).bind(removal.document.as_bytes());
        let left: i64 = query.fetch_one(&mut *self.connection().await?).await?;
        Ok(left.unsigned_abs())
    }

    async fn prove_removals(&self, proofs: &[(u64, RemovalProof)]) -> Result<(), StoreError> {
        let sql = "update removals r set proof = new.proof from unnest($1::bigint[], $2::text[]) as new (number, proof)
            where r.number = new.number";
        let numbers: Vec<i64> = proofs.iter().map(|(number, _)| signed(*number)).collect();
        let found: Vec<String> = proofs.iter().map(|(_, proof)| json(proof)).collect();
        sqlx::query(sql).bind(numbers).bind(found).execute(&mut *self.connection().await?).await?;
        Ok(())
    }
}

/// Document, URI, hash and length of the text, numbers of the chunks.
type RemovableRow = (Vec<u8>, String, String, i64, Vec<i64>);

/// What there is of documents to remove: their texts and their chunks in all generations. Those that have nothing are left
/// out. The transaction holds the documents' rows.
pub(super) async fn removable(tx: &mut PgConnection, ids: &[DocumentId]) -> Result<Vec<RemovedText>, StoreError> {
    let sql = "select t.document_id, d.uri, encode(sha256(t.body), 'hex'), length(t.body)::bigint,
            array(select c.id from chunks c where c.document_id = t.document_id order by c.id)
        from texts t join documents d on d.id = t.document_id where t.document_id = any($1) order by t.document_id";
    let query = sqlx::query_as(sql).bind(raw_ids(ids));
    let rows: Vec<RemovableRow> = query.fetch_all(tx).await?;
    let removed = |(id, uri, text_sha256, text_bytes, chunks): RemovableRow| {
        Ok(RemovedText {
            document: document_id(&id)?,
            uri,
            moved_to: None,
            text_sha256,
            text_bytes: text_bytes.unsigned_abs(),
            chunks: chunk_ranges(chunks.into_iter().map(i64::unsigned_abs)),
        })
    };
    rows.into_iter().map(removed).collect()
}

/// Writes down what was removed.
pub(super) async fn note_removed(
    tx: &mut PgConnection,
    removed: &[RemovedText],
    removing: Removing,
    seq: Seq,
) -> Result<(), StoreError> {
    if removed.is_empty() {
        return Ok(());
    }
    let sql = "insert into removals (seq, ingest_id, document_id, uri, cause, moved_to, text_sha256, text_bytes,
            chunk_count, chunks, removed_at_ms)
        select $1, $2, document_id, uri, $3, moved_to, text_sha256, text_bytes, chunk_count, chunks, $4
        from unnest($5::bytea[], $6::text[], $7::bytea[], $8::text[], $9::bigint[], $10::bigint[], $11::text[])
            as gone (document_id, uri, moved_to, text_sha256, text_bytes, chunk_count, chunks)";
    let ids: Vec<&[u8]> = removed.iter().map(|text| text.document.as_bytes()).collect();
    let uris: Vec<_> = removed.iter().map(|text| storable(&text.uri)).collect();
    let moved: Vec<Option<&[u8]>> =
        removed.iter().map(|text| text.moved_to.as_ref().map(DocumentId::as_bytes)).collect();
    let hashes: Vec<&str> = removed.iter().map(|text| text.text_sha256.as_str()).collect();
    let bytes: Vec<i64> = removed.iter().map(|text| signed(text.text_bytes)).collect();
    let counts: Vec<i64> = removed.iter().map(|text| signed(text.chunk_count())).collect();
    let chunks: Vec<String> = removed.iter().map(|text| json(&text.chunks)).collect();
    let query = sqlx::query(sql).bind(signed(seq.0)).bind(removing.ingest.map(|ingest| ingest.to_string()));
    let query = query.bind(removing.cause.as_str()).bind(removing.now_ms).bind(ids).bind(uris).bind(moved);
    query.bind(hashes).bind(bytes).bind(counts).bind(chunks).execute(tx).await?;
    Ok(())
}
