//! The journal of runs: a finished step is never run again.

use sqlx::Row;

use super::super::StoreError;
use super::Store;

/// A run as it begins.
#[derive(Debug, Clone)]
pub struct RunRow {
    /// The run, named by the client.
    pub id: String,
    /// Its thread, named by the client.
    pub thread_id: String,
    /// Which chat model answers.
    pub model: String,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEnd {
    /// It answered.
    Finished,
    /// It failed with this code.
    Failed(String),
    /// Nobody listened any more.
    Cancelled,
}

impl Store {
    /// Opens a run, or opens it again after a crash.
    ///
    /// # Errors
    /// Database errors.
    pub async fn begin_run(&self, run: &RunRow, now_ms: i64) -> Result<(), StoreError> {
        let sql = "insert into runs (id, thread_id, state, model, started_at_ms) values (?, ?, 'running', ?, ?)
            on conflict (id) do update set state = 'running', finished_at_ms = null, error_code = null";
        sqlx::query(sql).bind(&run.id).bind(&run.thread_id).bind(&run.model).bind(now_ms).execute(&self.writer).await?;
        Ok(())
    }

    /// What a step returned, if it finished.
    ///
    /// # Errors
    /// Database errors.
    pub async fn step_result(&self, run: &str, step: &str) -> Result<Option<String>, StoreError> {
        let sql = "select result from run_steps where run_id = ? and name = ?";
        let row = sqlx::query(sql).bind(run).bind(step).fetch_optional(&self.reader).await?;
        Ok(row.map(|row| row.try_get("result")).transpose()?)
    }

    /// Records what a step returned; the first record stays.
    ///
    /// # Errors
    /// Database errors.
    pub async fn record_step(&self, run: &str, step: &str, result: &str, took_ms: u64) -> Result<(), StoreError> {
        let sql = "insert into run_steps (run_id, name, result, took_ms) values (?, ?, ?, ?) on conflict do nothing";
        let took = i64::try_from(took_ms).unwrap_or(i64::MAX);
        sqlx::query(sql).bind(run).bind(step).bind(result).bind(took).execute(&self.writer).await?;
        Ok(())
    }

    /// Closes a run.
    ///
    /// # Errors
    /// Database errors.
    pub async fn end_run(&self, run: &str, end: &RunEnd, now_ms: i64) -> Result<(), StoreError> {
        let (state, code) = match end {
            RunEnd::Finished => ("finished", None),
            RunEnd::Failed(code) => ("failed", Some(code.as_str())),
            RunEnd::Cancelled => ("cancelled", None),
        };
        let sql = "update runs set state = ?, error_code = ?, finished_at_ms = ? where id = ?";
        sqlx::query(sql).bind(state).bind(code).bind(now_ms).bind(run).execute(&self.writer).await?;
        Ok(())
    }
}
