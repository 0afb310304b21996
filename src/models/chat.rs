//! The seam to whatever writes an answer.

use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::types::Message;

/// A passage as a model sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Its number, from 1; `[n]` in the answer means this one.
    pub n: usize,
    /// The document's title.
    pub title: String,
    /// Titles of the headings above it.
    pub heading_path: Vec<String>,
    /// The header of the table that it is a part of, when it does not begin with it.
    pub header: Option<String>,
    /// The words.
    pub text: String,
}

/// What a model is asked.
#[derive(Debug, Clone, Default)]
pub struct ChatRequest {
    /// The whole prompt, instructions and passages included, for models that read prompts.
    pub messages: Vec<Message>,
    /// The question alone, for models that quote.
    pub question: String,
    /// The passages alone, for models that quote.
    pub passages: Vec<Passage>,
    /// Most tokens of this answer; the smaller of it and the configured limit holds.
    pub tokens_max: Option<u32>,
}

/// How many tokens a call took, as far as the model says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenUsage {
    /// Tokens read.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatDelta {
    /// Which model answers: the first of every stream, because it may be another one than was asked.
    Answering {
        /// Its name.
        model: String,
    },
    /// More words.
    Text(String),
    /// The count, once, near the end.
    Usage(TokenUsage),
    /// The model stopped at a limit and not because it was done; no text comes after it.
    Cut,
}

/// Why there is no answer, or no whole answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// Nothing answers at the address.
    #[error("the chat model at {base_url} cannot be reached ({reason}); check OPENAI_BASE_URL and that it runs")]
    Unreachable {
        /// The configured address without credentials.
        base_url: String,
        /// What the network says.
        reason: String,
    },
    /// The key is missing or wrong.
    #[error("the chat model at {0} refuses the key; check OPENAI_API_KEY")]
    Unauthorized(String),
    /// The server says no, and would say so again.
    #[error("the chat model answered {status}: {message}")]
    Refused {
        /// HTTP status, as text.
        status: String,
        /// The server's own message, cut short.
        message: String,
    },
    /// The server failed, which may pass.
    #[error("the chat model failed with {status}: {message}; try again, and see the log of its server")]
    ServerFailed {
        /// HTTP status, as text.
        status: String,
        /// The server's own message, cut short.
        message: String,
    },
    /// The server has too much to do.
    #[error("the chat model has too many requests at the moment{}", after(*.retry_after))]
    Overloaded {
        /// How long it wants to be left alone, when it says so.
        retry_after: Option<Duration>,
    },
    /// Nothing came for too long.
    #[error(
        "the chat model said nothing for {seconds} s; first_timeout_s and silence_timeout_s in [chat] are the limits"
    )]
    TimedOut {
        /// The limit.
        seconds: u64,
    },
    /// The answer as a whole took too long.
    #[error("the chat model's answer took longer than {seconds} s; answer_timeout_s in [chat] is the limit")]
    TooSlow {
        /// The limit.
        seconds: u64,
    },
    /// The stream broke.
    #[error("the chat model's answer broke off: {0}")]
    BrokenOff(String),
    /// The stream holds what cannot be read, and would again.
    #[error("the chat model's answer cannot be read: {0}")]
    Unreadable(String),
    /// It failed so often that it is left alone for a while.
    #[error("the chat model failed too often and is asked again in {seconds} s; see the log of its server")]
    CircuitOpen {
        /// What is left of the while.
        seconds: u64,
    },
    /// As many calls run as may.
    #[error("too many calls to the chat model run at the same time; try again shortly, or raise calls_max in [chat]")]
    Busy,
    /// The run has used up what it may.
    #[error("the run has used up its {what}; {setting} in [chat] is the limit")]
    OverBudget {
        /// What it is.
        what: &'static str,
        /// Which setting bounds it.
        setting: &'static str,
    },
    /// The local part failed.
    #[error("the chat model cannot be used: {0}")]
    Local(String),
}

impl ChatError {
    /// A stable code for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "model_unreachable",
            Self::Unauthorized(_) => "model_unauthorized",
            Self::Refused { .. } => "model_refused",
            Self::ServerFailed { .. } => "model_server_failed",
            Self::Overloaded { .. } => "model_overloaded",
            Self::TimedOut { .. } => "model_timeout",
            Self::TooSlow { .. } => "model_too_slow",
            Self::BrokenOff(_) => "model_broke_off",
            Self::Unreadable(_) => "model_unreadable",
            Self::CircuitOpen { .. } => "model_circuit_open",
            Self::Busy => "model_busy",
            Self::OverBudget { .. } => "run_over_budget",
            Self::Local(_) => "model_failed",
        }
    }

    /// Whether the same call may go well a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::ServerFailed { .. } | Self::Overloaded { .. } => true,
            Self::TimedOut { .. } | Self::TooSlow { .. } | Self::BrokenOff(_) => true,
            Self::CircuitOpen { .. } | Self::Busy => true,
            Self::Unauthorized(_) | Self::Refused { .. } | Self::Unreadable(_) => false,
            Self::OverBudget { .. } | Self::Local(_) => false,
        }
    }
}

fn after(wait: Option<Duration>) -> String {
    wait.map_or_else(|| "; try again shortly".to_owned(), |wait| format!("; try again in {} s", wait.as_secs().max(1)))
}

/// An answer as it comes.
pub type ChatStream = BoxStream<'static, Result<ChatDelta, ChatError>>;

/// Writes an answer to a question from numbered passages.
///
/// - The stream says first which model answers, then yields text in order, and ends after the last piece; after an error it
///   ends, too.
/// - Dropping the stream stops the work within a second.
/// - With no passages the answer says so, and holds no `[n]`.
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// What the model is called.
    fn name(&self) -> &str;

    /// Whether it writes what a prompt asks for; a model that only quotes does not.
    fn is_generative(&self) -> bool {
        true
    }

    /// Begins to answer. An error here means that nothing was said.
    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ChatError>;
}
