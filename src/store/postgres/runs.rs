//! The journal of runs: a finished step is never run again, and what a run said is kept.

use std::borrow::Cow;

use async_trait::async_trait;
use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::{PostgresStore, retried, storable};
use crate::faults;
use crate::store::rows::{TURNS, TurnRow, feedback_column, json, signed, work_columns};
use crate::store::runs::queries_of;
use crate::store::{ANSWERED_STEP, Begun, GoldQuery, NewRun, RunOutcome, Runs, StoreError};
use crate::types::{Citation, Feedback, Turn};

impl PostgresStore {
    /// Holds the thread's row from its first statement, so that turns that begin at once are counted one after the other.
    async fn write_beginning(&self, run: &NewRun, now_ms: i64) -> Result<Begun, StoreError> {
        let mut tx = self.begin().await?;
        if !touch_thread(&mut tx, run, now_ms).await? {
            return Ok(Begun::Foreign);
        }
        let begun = put_run(&mut tx, run, now_ms).await?;
        if begun != Begun::Foreign {
            tx.commit().await?;
        }
        Ok(begun)
    }

    async fn write_end(&self, run: &str, outcome: &RunOutcome, now_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        if !put_outcome(&mut tx, run, outcome, now_ms).await? {
            return Ok(());
        }
        faults::point();
        put_citations(&mut tx, run, &outcome.citations, now_ms).await?;
        faults::point();
        tx.commit().await?;
        faults::point();
        Ok(())
    }

    async fn write_events(&self, run: &str, first: u64, events: &[String]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let mark = "update runs set has_events = true where id = $1 and not has_events";
        sqlx::query(mark).bind(storable(run)).execute(&mut *tx).await?;
        let sql = "insert into run_events (run_id, number, event)
            select $1, number, event from unnest($2::bigint[], $3::text[]) as new (number, event) on conflict do nothing";
        let numbers: Vec<i64> = (first..).zip(events).map(|(number, _)| signed(number)).collect();
        let events: Vec<Cow<'_, str>> = events.iter().map(|event| storable(event)).collect();
        sqlx::query(sql).bind(storable(run)).bind(numbers).bind(events).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn remove_events(&self, ended_before_ms: i64) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let mark = "update runs set has_events = false where has_events and finished_at_ms < $1 returning id";
        let ids: Vec<String> = sqlx::query_scalar(mark).bind(ended_before_ms).fetch_all(&mut *tx).await?;
        sqlx::query("delete from run_events where run_id = any($1)").bind(&ids).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(ids.len() as u64)
    }
}

#[async_trait]
impl Runs for PostgresStore {
    async fn begin_run(&self, run: &NewRun, now_ms: i64) -> Result<Begun, StoreError> {
        retried(|| self.write_beginning(run, now_ms)).await
    }

    async fn step_result(&self, run: &str, step: &str) -> Result<Option<String>, StoreError> {
        let sql = "select result from run_steps where run_id = $1 and name = $2";
        let query = sqlx::query_scalar(sql).bind(storable(run)).bind(storable(step));
        Ok(query.fetch_optional(&mut *self.connection().await?).await?)
    }

    async fn record_step(&self, run: &str, step: &str, result: &str, took_ms: u64) -> Result<(), StoreError> {
        let sql =
            "insert into run_steps (run_id, name, result, took_ms) values ($1, $2, $3, $4) on conflict do nothing";
        let query = sqlx::query(sql).bind(storable(run)).bind(storable(step)).bind(storable(result));
        query.bind(signed(took_ms)).execute(&mut *self.connection().await?).await?;
        Ok(())
    }

    async fn end_run(&self, run: &str, outcome: &RunOutcome, now_ms: i64) -> Result<(), StoreError> {
        retried(|| self.write_end(run, outcome, now_ms)).await
    }

    async fn turn(&self, run: &str, account: &str) -> Result<Option<Turn>, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new(TURNS);
        sql.push(" where r.id = ").push_bind(storable(run)).push(" and t.account = ").push_bind(storable(account));
        let row: Option<TurnRow> = sql.build_query_as().fetch_optional(&mut *self.connection().await?).await?;
        row.map(Turn::try_from).transpose()
    }

    async fn set_feedback(&self, run: &str, account: &str, feedback: Option<&Feedback>) -> Result<bool, StoreError> {
        let sql = "update runs set feedback = $3 where id = $1
            and exists (select 1 from threads t where t.id = runs.thread_id and t.account = $2)";
        let query = sqlx::query(sql).bind(storable(run)).bind(storable(account)).bind(feedback_column(feedback));
        Ok(query.execute(&mut *self.connection().await?).await?.rows_affected() > 0)
    }

    async fn append_events(&self, run: &str, first: u64, events: &[String]) -> Result<(), StoreError> {
        retried(|| self.write_events(run, first, events)).await
    }

    async fn events_after(&self, run: &str, after: u64) -> Result<Vec<(u64, String)>, StoreError> {
        let sql = "select number, event from run_events where run_id = $1 and number > $2 order by number";
        let query = sqlx::query_as(sql).bind(storable(run)).bind(signed(after));
        let rows: Vec<(i64, String)> = query.fetch_all(&mut *self.connection().await?).await?;
        Ok(rows.into_iter().map(|(number, event)| (number.unsigned_abs(), event)).collect())
    }

    async fn forget_events(&self, ended_before_ms: i64) -> Result<u64, StoreError> {
        retried(|| self.remove_events(ended_before_ms)).await
    }

    async fn logged_queries(&self, limit: u32) -> Result<Vec<GoldQuery>, StoreError> {
        let sql = "select s.result from run_steps s join runs r on r.id = s.run_id
            where r.state = 'finished' and starts_with(s.name, $1 || ':')
            order by r.started_at_ms desc, s.run_id collate \"C\" limit $2";
        let query = sqlx::query_scalar(sql).bind(ANSWERED_STEP).bind(i64::from(limit));
        let results: Vec<String> = query.fetch_all(&mut *self.connection().await?).await?;
        Ok(queries_of(&results))
    }
}

/// Makes the thread, or notes that a turn begins there; `false` when it is another account's.
async fn touch_thread(tx: &mut PgConnection, run: &NewRun, now_ms: i64) -> Result<bool, StoreError> {
    let outdated = sqlx::query("delete from threads where id = $1 and expires_at_ms <= $2");
    outdated.bind(storable(&run.thread_id)).bind(now_ms).execute(&mut *tx).await?;
    let sql = "insert into threads (id, account, title, created_at_ms, updated_at_ms, expires_at_ms, turns)
            values ($1, $2, $3, $4, $4, $5, 0)
        on conflict (id) do update set updated_at_ms = excluded.updated_at_ms, expires_at_ms = excluded.expires_at_ms,
            title = case when threads.title = '' then excluded.title else threads.title end
        where threads.account = excluded.account";
    let query = sqlx::query(sql).bind(storable(&run.thread_id)).bind(storable(&run.account));
    let query = query.bind(storable(&run.title)).bind(now_ms).bind(run.expires_at_ms);
    Ok(query.execute(tx).await?.rows_affected() > 0)
}

/// Writes the run's row into its thread, or brings it back to its beginning when it is there.
async fn put_run(tx: &mut PgConnection, run: &NewRun, now_ms: i64) -> Result<Begun, StoreError> {
    let sql = "insert into runs (id, thread_id, number, state, question, model, started_at_ms)
            select $1, id, turns + 1, 'running', $3, $4, $5 from threads where id = $2
        on conflict (id) do nothing";
    let query = sqlx::query(sql).bind(storable(&run.id)).bind(storable(&run.thread_id));
    let query = query.bind(storable(&run.question)).bind(storable(&run.model)).bind(now_ms);
    if query.execute(&mut *tx).await?.rows_affected() > 0 {
        let count = sqlx::query("update threads set turns = turns + 1 where id = $1");
        count.bind(storable(&run.thread_id)).execute(tx).await?;
        return Ok(Begun::New);
    }
    let again =
        "update runs set state = 'running', error_code = null, question = $3, search_query = null, answer = null,
            grounded = null, withheld = 0, model = $4, tokens_in = null, tokens_out = null, cost_micros = null,
            steps = '[]', tools = '[]', has_events = false, finished_at_ms = null
        where id = $1 and thread_id = $2";
    let repeat = sqlx::query(again).bind(storable(&run.id)).bind(storable(&run.thread_id));
    let repeat = repeat.bind(storable(&run.question)).bind(storable(&run.model));
    if repeat.execute(&mut *tx).await?.rows_affected() == 0 {
        return Ok(Begun::Foreign);
    }
    for forget in ["delete from citations where run_id = $1", "delete from run_events where run_id = $1"] {
        sqlx::query(forget).bind(storable(&run.id)).execute(&mut *tx).await?;
    }
    Ok(Begun::Again)
}

/// Writes what a run leaves but its citations; `false` when there is no such run.
async fn put_outcome(tx: &mut PgConnection, run: &str, outcome: &RunOutcome, now_ms: i64) -> Result<bool, StoreError> {
    let (state, code) = outcome.end.columns();
    let (steps, tools) = work_columns(outcome);
    let sql =
        "update runs set state = $2, error_code = $3, search_query = $4, answer = $5, grounded = $6, withheld = $7,
            model = coalesce($8, model), tokens_in = $9, tokens_out = $10, cost_micros = $11, steps = $12, tools = $13,
            finished_at_ms = $14
        where id = $1";
    let query = sqlx::query(sql).bind(storable(run)).bind(state).bind(code.map(storable));
    let query = query.bind(outcome.search_query.as_deref().map(storable)).bind(outcome.answer.as_deref().map(storable));
    let query = query.bind(outcome.grounded).bind(i64::from(outcome.withheld));
    let query = query.bind(outcome.model.as_deref().map(storable));
    let query = query.bind(outcome.tokens_in.map(signed)).bind(outcome.tokens_out.map(signed));
    let query = query.bind(outcome.cost_micros.map(signed)).bind(steps).bind(tools).bind(now_ms);
    Ok(query.execute(tx).await?.rows_affected() > 0)
}

/// Writes the citations of a run in the place of those that it had.
async fn put_citations(
    tx: &mut PgConnection,
    run: &str,
    citations: &[Citation],
    now_ms: i64,
) -> Result<(), StoreError> {
    sqlx::query("delete from citations where run_id = $1").bind(storable(run)).execute(&mut *tx).await?;
    let sql = "insert into citations (id, run_id, place, document_id, made_at_ms, citation)
        select id, $1, place, document_id, $2, citation
        from unnest($3::text[], $4::bytea[], $5::text[]) with ordinality as new (id, document_id, citation, place)
        order by place
        on conflict (id) do nothing";
    let ids: Vec<&str> = citations.iter().map(|citation| citation.id.as_str()).collect();
    let documents: Vec<&[u8]> = citations.iter().map(|citation| citation.document_id.as_bytes()).collect();
    let values: Vec<String> = citations.iter().map(json).collect();
    let query = sqlx::query(sql).bind(storable(run)).bind(now_ms).bind(ids).bind(documents).bind(values);
    query.execute(tx).await?;
    Ok(())
}
