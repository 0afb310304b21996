//! The journal of runs: a finished step is never run again, and what a run said is kept.

use async_trait::async_trait;

use super::{GoldQuery, StoreError};
use crate::types::{Citation, Feedback, RunState, StepTime, Turn};

/// The step that leaves a [`GoldQuery`](super::GoldQuery): what was asked, and which documents the answer cites.
pub const ANSWERED_STEP: &str = "answered";

/// A run as it begins.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// The run, named by the client.
    pub id: String,
    /// Its thread, named by the client.
    pub thread_id: String,
    /// Whose thread it is.
    pub account: String,
    /// The thread's title, unless it has one.
    pub title: String,
    /// What is asked.
    pub question: String,
    /// Which chat model answers.
    pub model: String,
    /// From when on the thread counts as deleted, unless another run begins in it; `None` is never.
    pub expires_at_ms: Option<i64>,
}

/// What came of beginning a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It is there for the first time.
    New,
    /// It was there before, in this thread, and is running again.
    Again,
    /// The run or the thread is another account's, or the run stands in another thread. Nothing was written.
    Foreign,
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
            Self::Finished => (state_name(RunState::Finished), None),
            Self::Failed(code) => (state_name(RunState::Failed), Some(code.as_str())),
            Self::Cancelled => (state_name(RunState::Cancelled), None),
        }
    }
}

/// The column `state` of a run.
pub(super) fn state_name(state: RunState) -> &'static str {
    match state {
        RunState::Running => "running",
        RunState::Finished => "finished",
        RunState::Failed => "failed",
        RunState::Cancelled => "cancelled",
    }
}

/// What a run leaves behind, whole or as far as it came.
#[derive(Debug, Clone)]
pub struct RunOutcome {
    /// How it ended.
    pub end: RunEnd,
    /// What was searched for, when the question was rewritten.
    pub search_query: Option<String>,
    /// What was answered.
    pub answer: Option<String>,
    /// Whether the answer stands on sources.
    pub grounded: Option<bool>,
    /// What it cites, in the order of the answer. Of two with one id, the first is kept.
    pub citations: Vec<Citation>,
    /// How many sentences were withheld.
    pub withheld: u32,
    /// The model that answered, when it was another one than the run began with.
    pub model: Option<String>,
    /// Tokens that the model read.
    pub tokens_in: Option<u64>,
    /// Tokens that the model wrote.
    pub tokens_out: Option<u64>,
    /// What it cost, in millionths of a US dollar.
    pub cost_micros: Option<u64>,
    /// Its steps, and how long each took.
    pub steps: Vec<StepTime>,
    /// The tools that were used.
    pub tools: Vec<String>,
}

impl RunOutcome {
    /// A run that ended so and left nothing else.
    pub fn of(end: RunEnd) -> Self {
        Self {
            end,
            search_query: None,
            answer: None,
            grounded: None,
            citations: Vec::new(),
            withheld: 0,
            model: None,
            tokens_in: None,
            tokens_out: None,
            cost_micros: None,
            steps: Vec::new(),
            tools: Vec::new(),
        }
    }
}

/// The journal.
#[async_trait]
pub trait Runs {
    /// Opens a run, or opens it again after a crash, and in the same transaction makes its thread or notes there that a turn
    /// began. What a run that is opened again had left as its outcome and its events is forgotten, because it says them anew;
    /// its steps, its place in the thread, the time when it first began and its feedback stay. A thread that is out of date
    /// begins anew.
    ///
    /// # Errors
    /// Database errors; then nothing is written.
    async fn begin_run(&self, run: &NewRun, now_ms: i64) -> Result<Begun, StoreError>;

    /// What a step returned, if it finished.
    ///
    /// # Errors
    /// Database errors.
    async fn step_result(&self, run: &str, step: &str) -> Result<Option<String>, StoreError>;

    /// Records what a step returned; the first record stays.
    ///
    /// # Errors
    /// Database errors, and there is no such run, or none any more.
    async fn record_step(&self, run: &str, step: &str, result: &str, took_ms: u64) -> Result<(), StoreError>;

    /// Closes a run with what it leaves, citations included. Of a run that is not there, or not any more, nothing is kept.
    ///
    /// # Errors
    /// Database errors; then nothing is written.
    async fn end_run(&self, run: &str, outcome: &RunOutcome, now_ms: i64) -> Result<(), StoreError>;

    /// A run of an account, as it is now.
    ///
    /// # Errors
    /// Database errors.
    async fn turn(&self, run: &str, account: &str) -> Result<Option<Turn>, StoreError>;

    /// Keeps what a reader thought of a run, or forgets it, and says whether the account has such a run.
    ///
    /// # Errors
    /// Database errors.
    async fn set_feedback(&self, run: &str, account: &str, feedback: Option<&Feedback>) -> Result<bool, StoreError>;

    /// Keeps events of a run, the first of them with this number, which begins at 1. A number that is there stays what it is.
    ///
    /// # Errors
    /// Database errors, and there is no such run, or none any more; then nothing is written.
    async fn append_events(&self, run: &str, first: u64, events: &[String]) -> Result<(), StoreError>;

    /// The events of a run behind a number, in their order. Who may read them is asked of [`turn`](Self::turn).
    ///
    /// # Errors
    /// Database errors.
    async fn events_after(&self, run: &str, after: u64) -> Result<Vec<(u64, String)>, StoreError>;

    /// Forgets the events of every run that ended before, and says how many runs that were.
    ///
    /// # Errors
    /// Database errors; then nothing is forgotten.
    async fn forget_events(&self, ended_before_ms: i64) -> Result<u64, StoreError>;

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
