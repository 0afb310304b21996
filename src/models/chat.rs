//! The seam to whatever writes an answer.

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
    /// More words.
    Text(String),
    /// The count, once, near the end.
    Usage(TokenUsage),
}

/// Why there is no answer, or no whole answer.
#[derive(Debug, thiserror::Error)]
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
    /// The server says no.
    #[error("the chat model answered {status}: {message}")]
    Refused {
        /// HTTP status, as text.
        status: String,
        /// The server's own message, cut short.
        message: String,
    },
    /// Nothing came for too long.
    #[error("the chat model said nothing for {seconds} s")]
    TimedOut {
        /// The limit.
        seconds: u64,
    },
    /// The stream broke.
    #[error("the chat model's answer broke off: {0}")]
    BrokenOff(String),
    /// The local part failed.
    #[error("the answer could not be composed: {0}")]
    Local(String),
}

impl ChatError {
    /// A stable code for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "model_unreachable",
            Self::Unauthorized(_) => "model_unauthorized",
            Self::Refused { .. } => "model_refused",
            Self::TimedOut { .. } => "model_timeout",
            Self::BrokenOff(_) => "model_broke_off",
            Self::Local(_) => "model_failed",
        }
    }
}

/// An answer as it comes.
pub type ChatStream = BoxStream<'static, Result<ChatDelta, ChatError>>;

/// Writes an answer to a question from numbered passages.
///
/// - The stream yields text in order and ends after the last piece; after an error it ends, too.
/// - Dropping the stream stops the work within a second.
/// - With no passages the answer says so, and holds no `[n]`.
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// What the model is called.
    fn name(&self) -> &str;

    /// Begins to answer. An error here means that nothing was said.
    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ChatError>;
}
