//! Threads, turns and citations: what their columns mean.

use super::{from_json, json};
use crate::store::runs::state_name;
use crate::store::{LoggedCitation, RunOutcome, StoreError};
use crate::types::{Feedback, RunState, Thread, Turn};

/// The columns of [`ThreadRow`].
pub(in crate::store) const THREADS: &str =
    "select id, title, created_at_ms, updated_at_ms, expires_at_ms, turns from threads";

/// A row of [`THREADS`].
#[derive(Debug, sqlx::FromRow)]
pub(in crate::store) struct ThreadRow {
    id: String,
    title: String,
    created_at_ms: i64,
    updated_at_ms: i64,
    expires_at_ms: Option<i64>,
    turns: i64,
}

impl From<ThreadRow> for Thread {
    fn from(row: ThreadRow) -> Self {
        Self {
            id: row.id,
            title: row.title,
            created_at_ms: row.created_at_ms,
            updated_at_ms: row.updated_at_ms,
            expires_at_ms: row.expires_at_ms,
            turns: row.turns.unsigned_abs(),
        }
    }
}

/// Every run, `r`, with its thread, `t`, and its citations in their order, in the columns of [`TurnRow`].
pub(in crate::store) const TURNS: &str = "select r.id, r.thread_id, r.state, r.error_code, r.question, r.search_query,
    r.answer, r.grounded,
    coalesce((select '[' || string_agg(c.citation, ',' order by c.place) || ']' from citations c
        where c.run_id = r.id), '[]') as citations,
    r.withheld, r.model, r.tokens_in, r.tokens_out, r.cost_micros, r.steps, r.tools, r.feedback, r.started_at_ms,
    r.finished_at_ms
    from runs r join threads t on t.id = r.thread_id";

/// A row of [`TURNS`].
#[derive(Debug, sqlx::FromRow)]
pub(in crate::store) struct TurnRow {
    id: String,
    thread_id: String,
    state: String,
    error_code: Option<String>,
    question: String,
    search_query: Option<String>,
    answer: Option<String>,
    grounded: Option<bool>,
    citations: String,
    withheld: i64,
    model: String,
    tokens_in: Option<i64>,
    tokens_out: Option<i64>,
    cost_micros: Option<i64>,
    steps: String,
    tools: String,
    feedback: Option<String>,
    started_at_ms: i64,
    finished_at_ms: Option<i64>,
}

impl TryFrom<TurnRow> for Turn {
    type Error = StoreError;

    fn try_from(row: TurnRow) -> Result<Self, StoreError> {
        let corrupt = |what: &'static str| StoreError::Corrupt { what, key: row.id.clone() };
        let states = [RunState::Running, RunState::Finished, RunState::Failed, RunState::Cancelled];
        let state = states.into_iter().find(|state| state_name(*state) == row.state);
        let feedback = row.feedback.as_deref().map(|said| from_json(said).ok_or_else(|| corrupt("feedback")));
        Ok(Self {
            state: state.ok_or_else(|| corrupt("state"))?,
            citations: from_json(&row.citations).ok_or_else(|| corrupt("citations"))?,
            steps: from_json(&row.steps).ok_or_else(|| corrupt("steps"))?,
            tools: from_json(&row.tools).ok_or_else(|| corrupt("tools"))?,
            feedback: feedback.transpose()?,
            run_id: row.id,
            thread_id: row.thread_id,
            error_code: row.error_code,
            question: row.question,
            search_query: row.search_query,
            answer: row.answer,
            grounded: row.grounded,
            withheld: u32::try_from(row.withheld).unwrap_or(u32::MAX),
            model: row.model,
            tokens_in: row.tokens_in.map(i64::unsigned_abs),
            tokens_out: row.tokens_out.map(i64::unsigned_abs),
            cost_micros: row.cost_micros.map(i64::unsigned_abs),
            started_at_ms: row.started_at_ms,
            finished_at_ms: row.finished_at_ms,
        })
    }
}

/// The columns `steps` and `tools` of a run.
pub(in crate::store) fn work_columns(outcome: &RunOutcome) -> (String, String) {
    (json(&outcome.steps), json(&outcome.tools))
}

/// The column `feedback` of a run.
pub(in crate::store) fn feedback_column(feedback: Option<&Feedback>) -> Option<String> {
    feedback.map(json)
}

/// The citation of this id, `$1`, that an account, `$2`, was given, in the columns of [`CitationRow`].
pub(in crate::store) const CITATION: &str = "select c.citation, c.run_id, c.made_at_ms from citations c
    join runs r on r.id = c.run_id join threads t on t.id = r.thread_id where c.id = $1 and t.account = $2";

/// A row of [`CITATION`].
#[derive(Debug, sqlx::FromRow)]
pub(in crate::store) struct CitationRow {
    citation: String,
    run_id: String,
    made_at_ms: i64,
}

impl TryFrom<CitationRow> for LoggedCitation {
    type Error = StoreError;

    fn try_from(row: CitationRow) -> Result<Self, StoreError> {
        let citation = from_json(&row.citation);
        let corrupt = || StoreError::Corrupt { what: "citation", key: row.run_id.clone() };
        Ok(Self { citation: citation.ok_or_else(corrupt)?, made_at_ms: row.made_at_ms, run_id: row.run_id })
    }
}
