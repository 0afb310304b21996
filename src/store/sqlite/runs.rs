//! The journal of runs: a finished step is never run again.

use async_trait::async_trait;

use super::SqliteStore;
use crate::store::runs::queries_of;
use crate::store::{ANSWERED_STEP, GoldQuery, RunEnd, RunRow, Runs, StoreError};

#[async_trait]
impl Runs for SqliteStore {
    async fn begin_run(&self, run: &RunRow, now_ms: i64) -> Result<(), StoreError> {
        let sql = "insert into runs (id, thread_id, state, model, started_at_ms) values ($1, $2, 'running', $3, $4)
            on conflict (id) do update set state = 'running', finished_at_ms = null, error_code = null";
        sqlx::query(sql).bind(&run.id).bind(&run.thread_id).bind(&run.model).bind(now_ms).execute(&self.writer).await?;
        Ok(())
    }

    async fn step_result(&self, run: &str, step: &str) -> Result<Option<String>, StoreError> {
        let sql = "select result from run_steps where run_id = $1 and name = $2";
        Ok(sqlx::query_scalar(sql).bind(run).bind(step).fetch_optional(&self.reader).await?)
    }

    async fn record_step(&self, run: &str, step: &str, result: &str, took_ms: u64) -> Result<(), StoreError> {
        let sql =
            "insert into run_steps (run_id, name, result, took_ms) values ($1, $2, $3, $4) on conflict do nothing";
        let took = i64::try_from(took_ms).unwrap_or(i64::MAX);
        sqlx::query(sql).bind(run).bind(step).bind(result).bind(took).execute(&self.writer).await?;
        Ok(())
    }

    async fn end_run(&self, run: &str, end: &RunEnd, now_ms: i64) -> Result<(), StoreError> {
        let (state, code) = end.columns();
        let sql = "update runs set state = $1, error_code = $2, finished_at_ms = $3 where id = $4";
        sqlx::query(sql).bind(state).bind(code).bind(now_ms).bind(run).execute(&self.writer).await?;
        Ok(())
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
