//! What a run is asked, what bounds it, and why it may fail.

use std::time::Duration;

use super::Verification;
use crate::models::{CallLimits, ChatError};
use crate::retrieval::SearchError;
use crate::store::StoreError;
use crate::types::{Caller, Filter, Message};

/// What runs are bounded by.
#[derive(Debug, Clone, Copy)]
pub struct AgentLimits {
    /// Longest run.
    pub run_timeout: Duration,
    /// Longest answer in bytes; a model that writes without end is cut off here.
    pub answer_bytes_max: usize,
    /// Runs at the same time.
    pub runs_max: usize,
    /// Calls of chat models, tokens and money that one run may take.
    pub calls: CallLimits,
    /// How long a thread is kept after its last run; for ever when it is not set.
    pub threads_kept: Option<Duration>,
}

/// What to answer.
#[derive(Debug, Clone)]
pub struct RunInput {
    /// The run, named by the client.
    pub run_id: String,
    /// Its thread, named by the client.
    pub thread_id: String,
    /// Whether the thread shows up where threads are listed.
    pub listed: bool,
    /// The question.
    pub question: String,
    /// What was said before, when the client says it; else what the thread holds. It shapes the words of the answer and
    /// is never evidence.
    pub history: Option<Vec<Message>>,
    /// Pairs of description and value that the application adds.
    pub context: Vec<(String, String)>,
    /// What to narrow the search to.
    pub filter: Filter,
    /// Who asks.
    pub caller: Caller,
    /// How many passages.
    pub k: usize,
    /// What becomes of sentences that nothing supports.
    pub verification: Verification,
    /// Whether the run goes on when nobody follows it.
    pub keeps_on: bool,
    /// The most tokens of the answer, when the client says.
    pub tokens_max: Option<u32>,
}

/// Why a run has no answer, or no whole answer.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The search failed.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The model failed.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// The truth failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The answer grew too long.
    #[error("the answer grew over {0} bytes and was stopped")]
    TooLong(usize),
    /// The run or its thread is in use, or belongs to somebody else.
    #[error("{0}")]
    Conflict(String),
    /// Too many runs at the same time.
    #[error("too many runs at the same time; try again shortly")]
    Busy,
    /// A fault of this program.
    #[error("internal: {0}")]
    Internal(String),
}

impl RunError {
    /// A stable code for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Search(_) => "retrieval_failed",
            Self::Chat(error) => error.code(),
            Self::Store(_) => "store_failed",
            Self::TooLong(_) => "answer_too_long",
            Self::Conflict(_) => "conflict",
            Self::Busy => "busy",
            Self::Internal(_) => "internal",
        }
    }

    /// One sentence for the person who asked, without what only the operator may know.
    pub fn told(&self) -> String {
        match self {
            Self::Internal(_) | Self::Store(_) => "the server could not answer; its log says why".to_owned(),
            other => other.to_string(),
        }
    }
}
