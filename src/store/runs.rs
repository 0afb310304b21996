//! The journal of runs: a finished step is never run again.

use async_trait::async_trait;

use super::{GoldQuery, StoreError};

/// The step that leaves a [`GoldQuery`](super::GoldQuery): what was asked, and which documents the answer cites.
pub const ANSWERED_STEP: &str = "answered";

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

impl RunEnd {
    /// The state of the row and the code of the failure.
    pub(super) fn columns(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Finished => ("finished", None),
            Self::Failed(code) => ("failed", Some(code.as_str())),
            Self::Cancelled => ("cancelled", None),
        }
    }
}

/// The journal.
#[async_trait]
pub trait Runs {
    /// Opens a run, or opens it again after a crash.
    ///
    /// # Errors
    /// Database errors.
    async fn begin_run(&self, run: &RunRow, now_ms: i64) -> Result<(), StoreError>;

    /// What a step returned, if it finished.
    ///
    /// # Errors
    /// Database errors.
    async fn step_result(&self, run: &str, step: &str) -> Result<Option<String>, StoreError>;

    /// Records what a step returned; the first record stays.
    ///
    /// # Errors
    /// Database errors.
    async fn record_step(&self, run: &str, step: &str, result: &str, took_ms: u64) -> Result<(), StoreError>;

    /// Closes a run.
    ///
    /// # Errors
    /// Database errors.
    async fn end_run(&self, run: &str, end: &RunEnd, now_ms: i64) -> Result<(), StoreError>;

    /// What was asked in the newest finished runs, newest first, with the documents that the answers cite. Answers that cite
    /// nothing are left out, and the same question counts once.
    ///
    /// # Errors
    /// Database errors.
    async fn logged_queries(&self, limit: u32) -> Result<Vec<GoldQuery>, StoreError>;
}

/// The queries out of recorded steps, newest first.
pub(super) fn queries_of(results: &[String]) -> Vec<GoldQuery> {
    let mut seen = std::collections::BTreeSet::new();
    let queries = results.iter().filter_map(|result| serde_json::from_str::<GoldQuery>(result).ok());
    queries.filter(|query| !query.relevant.is_empty() && seen.insert(query.query.clone())).collect()
}
