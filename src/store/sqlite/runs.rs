//! The journal of runs: a finished step is never run again, and what a run said is kept.

use async_trait::async_trait;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::SqliteStore;
use crate::faults;
use crate::store::rows::{TURNS, TurnRow, feedback_column, json, signed, work_columns};
use crate::store::runs::queries_of;
use crate::store::{ANSWERED_STEP, Begun, GoldQuery, NewRun, RunOutcome, Runs, StoreError};
use crate::types::{Citation, Feedback, Turn};

#[async_trait]
impl Runs for SqliteStore {
    async fn begin_run(&self, run: &NewRun, now_ms: i64) -> Result<Begun, StoreError> {
        let mut tx = self.writer.begin_with("begin immediate").await?;
        if !touch_thread(&mut tx, run, now_ms).await? {
            return Ok(Begun::Foreign);
        }
        let begun = put_run(&mut tx, run, now_ms).await?;
        if begun != Begun::Foreign {
            tx.commit().await?;
        }
        Ok(begun)
    }

    async fn step_result(&self, run: &str, step: &str) -> Result<Option<String>, StoreError> {
        let sql = "select result from run_steps where run_id = $1 and name = $2";
        Ok(sqlx::query_scalar(sql).bind(run).bind(step).fetch_optional(&self.reader).await?)
    }

    async fn record_step(&self, run: &str, step: &str, result: &str, took_ms: u64) -> Result<(), StoreError> {
        let sql =
            "insert into run_steps (run_id, name, result, took_ms) values ($1, $2, $3, $4) on conflict do nothing";
        let query = sqlx::query(sql).bind(run).bind(step).bind(result).bind(signed(took_ms));
        query.execute(&self.writer).await?;
        Ok(())
    }

    async fn end_run(&self, run: &str, outcome: &RunOutcome, now_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.writer.begin_with("begin immediate").await?;
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

    async fn turn(&self, run: &str, account: &str) -> Result<Option<Turn>, StoreError> {
        let mut sql = QueryBuilder::<Sqlite>::new(TURNS);
        sql.push(" where r.id = ").push_bind(run).push(" and t.account = ").push_bind(account);
        let row: Option<TurnRow> = sql.build_query_as().fetch_optional(&self.reader).await?;
        row.map(Turn::try_from).transpose()
    }

    async fn set_feedback(&self, run: &str, account: &str, feedback: Option<&Feedback>) -> Result<bool, StoreError> {
        let sql = "update runs set feedback = $3 where id = $1
            and exists (select 1 from threads t where t.id = runs.thread_id and t.account = $2)";
        let query = sqlx::query(sql).bind(run).bind(account).bind(feedback_column(feedback));
        Ok(query.execute(&self.writer).await?.rows_affected() > 0)
    }

    async fn append_events(&self, run: &str, first: u64, events: &[String]) -> Result<(), StoreError> {
        let mut tx = self.writer.begin_with("begin immediate").await?;
        let mark = "update runs set has_events = true where id = $1 and not has_events";
        sqlx::query(mark).bind(run).execute(&mut *tx).await?;
        let sql = "insert into run_events (run_id, number, event) values ($1, $2, $3) on conflict do nothing";
        for (number, event) in (first..).zip(events) {
            sqlx::query(sql).bind(run).bind(signed(number)).bind(event).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn events_after(&self, run: &str, after: u64) -> Result<Vec<(u64, String)>, StoreError> {
        let sql = "select number, event from run_events where run_id = $1 and number > $2 order by number";
        let query = sqlx::query_as(sql).bind(run).bind(signed(after));
        let rows: Vec<(i64, String)> = query.fetch_all(&self.reader).await?;
        Ok(rows.into_iter().map(|(number, event)| (number.unsigned_abs(), event)).collect())
    }

    async fn forget_events(&self, ended_before_ms: i64) -> Result<u64, StoreError> {
        let mut tx = self.writer.begin_with("begin immediate").await?;
        let sql = "delete from run_events
            where run_id in (select id from runs where has_events = 1 and finished_at_ms < $1)";
        sqlx::query(sql).bind(ended_before_ms).execute(&mut *tx).await?;
        let mark = "update runs set has_events = false where has_events = 1 and finished_at_ms < $1";
        let marked = sqlx::query(mark).bind(ended_before_ms).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(marked.rows_affected())
    }

    async fn logged_queries(&self, limit: u32) -> Result<Vec<GoldQuery>, StoreError> {
        let sql = "select s.result from run_steps s join runs r on r.id = s.run_id
            where r.state = 'finished' and substr(s.name, 1, length($1) + 1) = $1 || ':'
            order by r.started_at_ms desc, s.run_id limit $2";
        let query = sqlx::query_scalar(sql).bind(ANSWERED_STEP).bind(i64::from(limit));
        let results: Vec<String> = query.fetch_all(&self.reader).await?;
        Ok(queries_of(&results))
    }
}

/// Makes the thread, or notes that a turn begins there; `false` when it is another account's.
async fn touch_thread(tx: &mut SqliteConnection, run: &NewRun, now_ms: i64) -> Result<bool, StoreError> {
    let outdated = sqlx::query("delete from threads where id = $1 and expires_at_ms <= $2");
    outdated.bind(&run.thread_id).bind(now_ms).execute(&mut *tx).await?;
    let sql = "insert into threads (id, account, title, created_at_ms, updated_at_ms, expires_at_ms, turns)
            values ($1, $2, $3, $4, $4, $5, 0)
        on conflict (id) do update set updated_at_ms = excluded.updated_at_ms, expires_at_ms = excluded.expires_at_ms,
            title = case when threads.title = '' then excluded.title else threads.title end
        where threads.account = excluded.account";
    let query = sqlx::query(sql).bind(&run.thread_id).bind(&run.account).bind(&run.title);
    Ok(query.bind(now_ms).bind(run.expires_at_ms).execute(tx).await?.rows_affected() > 0)
}

/// Writes the run's row into its thread, or brings it back to its beginning when it is there.
async fn put_run(tx: &mut SqliteConnection, run: &NewRun, now_ms: i64) -> Result<Begun, StoreError> {
    let sql = "insert into runs (id, thread_id, number, state, question, model, started_at_ms)
            select $1, id, turns + 1, 'running', $3, $4, $5 from threads where id = $2
        on conflict (id) do nothing";
    let query = sqlx::query(sql).bind(&run.id).bind(&run.thread_id).bind(&run.question).bind(&run.model).bind(now_ms);
    if query.execute(&mut *tx).await?.rows_affected() > 0 {
        let count = sqlx::query("update threads set turns = turns + 1 where id = $1");
        count.bind(&run.thread_id).execute(tx).await?;
        return Ok(Begun::New);
    }
    let again =
        "update runs set state = 'running', error_code = null, question = $3, search_query = null, answer = null,
            grounded = null, withheld = 0, model = $4, tokens_in = null, tokens_out = null, cost_micros = null,
            steps = '[]', tools = '[]', has_events = false, finished_at_ms = null
        where id = $1 and thread_id = $2";
    let repeat = sqlx::query(again).bind(&run.id).bind(&run.thread_id).bind(&run.question).bind(&run.model);
    if repeat.execute(&mut *tx).await?.rows_affected() == 0 {
        return Ok(Begun::Foreign);
    }
    for forget in ["delete from citations where run_id = $1", "delete from run_events where run_id = $1"] {
        sqlx::query(forget).bind(&run.id).execute(&mut *tx).await?;
    }
    Ok(Begun::Again)
}

/// Writes what a run leaves but its citations; `false` when there is no such run.
async fn put_outcome(
    tx: &mut SqliteConnection,
    run: &str,
    outcome: &RunOutcome,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let (state, code) = outcome.end.columns();
    let (steps, tools) = work_columns(outcome);
    let sql =
        "update runs set state = $2, error_code = $3, search_query = $4, answer = $5, grounded = $6, withheld = $7,
            model = coalesce($8, model), tokens_in = $9, tokens_out = $10, cost_micros = $11, steps = $12, tools = $13,
            finished_at_ms = $14
        where id = $1";
    let query = sqlx::query(sql).bind(run).bind(state).bind(code).bind(&outcome.search_query).bind(&outcome.answer);
    let query = query.bind(outcome.grounded).bind(outcome.withheld).bind(&outcome.model);
    let query = query.bind(outcome.tokens_in.map(signed)).bind(outcome.tokens_out.map(signed));
    let query = query.bind(outcome.cost_micros.map(signed)).bind(steps).bind(tools).bind(now_ms);
    Ok(query.execute(tx).await?.rows_affected() > 0)
}

/// Writes the citations of a run in the place of those that it had.
async fn put_citations(
    tx: &mut SqliteConnection,
    run: &str,
    citations: &[Citation],
    now_ms: i64,
) -> Result<(), StoreError> {
    sqlx::query("delete from citations where run_id = $1").bind(run).execute(&mut *tx).await?;
    let sql = "insert into citations (id, run_id, place, document_id, made_at_ms, citation)
        values ($1, $2, $3, $4, $5, $6) on conflict (id) do nothing";
    for (place, citation) in (0_i64..).zip(citations) {
        let row = sqlx::query(sql).bind(citation.id.as_str()).bind(run).bind(place);
        let row = row.bind(citation.document_id.as_bytes()).bind(now_ms).bind(json(citation));
        row.execute(&mut *tx).await?;
    }
    Ok(())
}
