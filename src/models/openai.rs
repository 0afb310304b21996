//! Any OpenAI-compatible chat endpoint.

use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_trait::async_trait;
use futures::{Stream, StreamExt};
use serde::Deserialize;
use serde_json::json;

use super::address::{innermost, public_address};
use super::{ChatDelta, ChatError, ChatModel, ChatRequest, ChatStream, TokenUsage};
use crate::types::{Message, Role};

/// Where the endpoint is and how long to wait for it.
#[derive(Clone)]
pub struct OpenAiOptions {
    /// Up to and including the version, such as `http://localhost:11434/v1`.
    pub base_url: String,
    /// Sent as a bearer token; empty for servers that want none.
    pub api_key: String,
    /// The model's name there.
    pub model: String,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest silence, before the first piece and between two pieces.
    pub silence_timeout: Duration,
    /// Most tokens of an answer.
    pub tokens_max: u32,
}

/// An OpenAI-compatible chat model.
pub struct OpenAi {
    client: Client<OpenAIConfig>,
    options: OpenAiOptions,
}

/// A server's message is shown to people; more than this is a page of HTML.
const MESSAGE_CHARS_MAX: usize = 300;

/// The parts of a `chat.completion.chunk` that are read; servers leave out or add the rest as they like.
#[derive(Debug, Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
}

#[derive(Debug, Default, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

impl OpenAi {
    /// A client for the endpoint. Nothing is sent.
    ///
    /// # Errors
    /// [`ChatError::Local`] when no HTTP client can be made.
    pub fn new(options: OpenAiOptions) -> Result<Self, ChatError> {
        // Two installations in one process are one too many only for the second, which is told so and may go on.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder()
            .connect_timeout(options.connect_timeout)
            .build()
            .map_err(|error| ChatError::Local(error.to_string()))?;
        let config = OpenAIConfig::new().with_api_base(&options.base_url).with_api_key(&options.api_key);
        Ok(Self { client: Client::with_config(config).with_http_client(http), options })
    }

    fn body(&self, request: &ChatRequest) -> serde_json::Value {
        json!({
            "model": self.options.model,
            "messages": request.messages.iter().map(wire_message).collect::<Vec<_>>(),
            "stream": true,
            "stream_options": {"include_usage": true},
            "temperature": 0,
            "max_tokens": self.options.tokens_max,
        })
    }

    fn error(&self, error: &OpenAIError) -> ChatError {
        let base_url = || public_address(&self.options.base_url);
        match error {
            OpenAIError::ApiError(response) => {
                let status = response.status_code;
                if matches!(status.as_u16(), 401 | 403) {
                    return ChatError::Unauthorized(base_url());
                }
                let message = cut(&response.api_error.to_string());
                ChatError::Refused { status: status.to_string(), message }
            }
            OpenAIError::Reqwest(error) if error.is_timeout() && !error.is_connect() => {
                ChatError::TimedOut { seconds: self.options.silence_timeout.as_secs() }
            }
            OpenAIError::Reqwest(error) if error.is_connect() || error.is_request() => {
                ChatError::Unreachable { base_url: base_url(), reason: innermost(error) }
            }
            OpenAIError::JSONDeserialize(error, _) => ChatError::BrokenOff(format!("unreadable JSON, {error}")),
            other => ChatError::BrokenOff(cut(&innermost(other))),
        }
    }
}

#[async_trait]
impl ChatModel for OpenAi {
    fn name(&self) -> &str {
        &self.options.model
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ChatError> {
        let limit = self.options.silence_timeout;
        let timed_out = move || ChatError::TimedOut { seconds: limit.as_secs() };
        let chat = self.client.chat();
        let opening = chat.create_stream_byot::<_, Chunk>(self.body(&request));
        let opened = tokio::time::timeout(limit, opening).await.map_err(|_| timed_out())?;
        let mut chunks = Box::pin(opened.map_err(|error| self.error(&error))?);
        // The first piece is awaited here, so that a refusal is an error before the answer and not in the midst of it.
        let first = tokio::time::timeout(limit, chunks.next()).await.map_err(|_| timed_out())?;
        let first = match first {
            None => return Err(ChatError::BrokenOff("it ended before it began".to_owned())),
            Some(Err(error)) => return Err(self.error(&error)),
            Some(Ok(chunk)) => chunk,
        };
        let rest = rest_of(chunks, limit);
        Ok(futures::stream::iter(deltas(first).into_iter().map(Ok)).chain(rest).boxed())
    }
}

fn rest_of<S>(chunks: S, limit: Duration) -> impl Stream<Item = Result<ChatDelta, ChatError>>
where
    S: Stream<Item = Result<Chunk, OpenAIError>> + Unpin,
{
    let pieces = futures::stream::unfold(Some(chunks), move |state| async move {
        let mut open = state?;
        match tokio::time::timeout(limit, open.next()).await {
            Ok(None) => None,
            Ok(Some(Ok(chunk))) => Some((deltas(chunk).into_iter().map(Ok).collect(), Some(open))),
            Ok(Some(Err(error))) => Some((vec![Err(ChatError::BrokenOff(cut(&innermost(&error))))], None)),
            Err(_) => Some((vec![Err(ChatError::TimedOut { seconds: limit.as_secs() })], None)),
        }
    });
    pieces.flat_map(futures::stream::iter)
}

fn deltas(chunk: Chunk) -> Vec<ChatDelta> {
    let text: String = chunk.choices.into_iter().filter_map(|choice| choice.delta.content).collect();
    let mut deltas = Vec::new();
    if !text.is_empty() {
        deltas.push(ChatDelta::Text(text));
    }
    if let Some(usage) = chunk.usage {
        deltas.push(ChatDelta::Usage(TokenUsage { input: usage.prompt_tokens, output: usage.completion_tokens }));
    }
    deltas
}

fn wire_message(message: &Message) -> serde_json::Value {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    json!({"role": role, "content": message.content})
}

fn cut(message: &str) -> String {
    message.chars().take(MESSAGE_CHARS_MAX).collect()
}
