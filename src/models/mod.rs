//! The models: what turns text into vectors, and what turns passages into answers.
//!
//! [`Embedder`] and [`ChatModel`] are the two seams. The local embedder runs a verified file; the extractive chat model
//! quotes and needs no file; any OpenAI-compatible endpoint can answer in its place.

mod chat;
#[cfg(test)]
mod conformance;
mod embedder;
mod extractive;
mod fetch;
mod hashing;
mod local;
mod manifest;
mod openai;

pub use chat::{ChatDelta, ChatError, ChatModel, ChatRequest, ChatStream, Passage, TokenUsage};
pub use embedder::{EmbedError, Embedder};
pub use extractive::{Extractive, nothing_found};
pub use fetch::{FetchError, FetchProgress, fetch, locate, verify};
pub use hashing::Hashing;
pub use local::LocalEmbedder;
pub use manifest::{E5_SMALL_Q4, ModelFile};
pub use openai::{OpenAi, OpenAiOptions};
