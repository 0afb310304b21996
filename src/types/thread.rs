//! A thread and its turns: what a conversation leaves behind, each turn a run with its question, its answer and what it cost.

use serde::{Deserialize, Serialize};

use super::Citation;

/// A conversation of one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Thread {
    /// Named by the client that began it.
    pub id: String,
    /// What it is about, as a person reads it.
    pub title: String,
    /// When its first turn began, in milliseconds since 1970 (UTC).
    pub created_at_ms: i64,
    /// When its last turn began.
    pub updated_at_ms: i64,
    /// From when on it counts as deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<i64>,
    /// How many turns it has.
    pub turns: u64,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It is at work, or the process died that was.
    Running,
    /// It answered.
    Finished,
    /// It could not answer.
    Failed,
    /// Somebody stopped it, or nobody listened any more.
    Cancelled,
}

/// A run as it is read back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Turn {
    /// The run, named by the client.
    pub run_id: String,
    /// Its thread.
    pub thread_id: String,
    /// How far it has come.
    pub state: RunState,
    /// Why it failed, as a stable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// What was asked; empty for runs of earlier versions.
    pub question: String,
    /// What was searched for, when the question was rewritten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_query: Option<String>,
    /// What was answered, as far as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Whether the answer stands on sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grounded: Option<bool>,
    /// What it cites, in the order of the answer.
    #[schema(value_type = Vec<Object>)]
    pub citations: Vec<Citation>,
    /// How many sentences were withheld, because nothing supported them.
    pub withheld: u32,
    /// Which model answered.
    pub model: String,
    /// Tokens that the model read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_in: Option<u64>,
    /// Tokens that the model wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_out: Option<u64>,
    /// What it cost, in millionths of a US dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
    /// Its steps, in their order, and how long each took.
    pub steps: Vec<StepTime>,
    /// The tools that were used.
    pub tools: Vec<String>,
    /// What a reader thought of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Feedback>,
    /// When it first began, in milliseconds since 1970 (UTC).
    pub started_at_ms: i64,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at_ms: Option<i64>,
}

/// How long a step took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StepTime {
    /// The step.
    pub name: String,
    /// Its time in milliseconds.
    pub took_ms: u64,
}

/// What a reader thought of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Feedback {
    /// Whether it helped.
    pub helpful: bool,
    /// In the reader's words; may be empty.
    #[serde(default)]
    pub note: String,
    /// When it was said, in milliseconds since 1970 (UTC).
    pub at_ms: i64,
}
