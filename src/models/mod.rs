//! The models: what turns text into vectors, what judges passages, and what turns passages into answers.
//!
//! [`Embedder`], [`Reranker`] and [`ChatModel`] are the three seams. The local embedder runs a verified file; a reranker is
//! an endpoint or a cross-encoder in this process, and there may be none; the extractive chat model quotes and needs no
//! file; any OpenAI-compatible endpoint can answer in its place. [`Guarded`] is a chat model around others whose calls end and
//! are tried again or elsewhere; [`Metered`] is one for a single run, and keeps its account.

mod address;
mod breaker;
mod chat;
mod completion;
#[cfg(test)]
mod conformance;
mod embedder;
mod event_reader;
mod extractive;
mod fetch;
mod guarded;
mod hashing;
mod hub;
mod local;
mod local_reranker;
mod manifest;
mod metered;
#[cfg(test)]
#[path = "../tests/model_peer.rs"]
mod model_peer;
mod openai;
mod price;
mod rerank_endpoint;
mod reranker;

pub use chat::{ChatDelta, ChatError, ChatModel, ChatRequest, ChatStream, Passage, TokenUsage};
pub use embedder::{EmbedError, Embedder};
pub use extractive::{Extractive, nothing_found};
pub use fetch::{FetchError, FetchProgress, fetch, locate, verify};
pub use guarded::{GuardOptions, Guarded};
pub use hashing::Hashing;
pub use local::LocalEmbedder;
pub use local_reranker::LocalReranker;
pub use manifest::{E5_SMALL_Q4, HUB_RERANKERS, HubFile, HubModel, MS_MARCO_MINILM, ModelFile};
pub use metered::{CallLimits, Metered, Spent};
pub use openai::{OpenAi, OpenAiOptions};
pub use price::{Price, PriceTable};
pub use rerank_endpoint::{RerankEndpoint, RerankEndpointOptions, RerankShape};
pub use reranker::{RerankError, Reranked, Reranker};
