//! The seam to whatever reads a question and a passage together and says how well they fit.

use std::time::Instant;

use async_trait::async_trait;

/// What a reranker came to in its time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reranked {
    /// One finite score for each of the first passages, in the order in which they were given; a greater one is a better
    /// fit. Passages beyond the end were not reached in time. The scale is the model's own, so scores compare only
    /// within one call.
    pub scores: Vec<f32>,
}

/// Why there are no scores. The order that the passages had stands.
#[derive(Debug, thiserror::Error)]
pub enum RerankError {
    /// The model files cannot be used.
    #[error("reranking model: {0}")]
    Model(#[from] ibid_encoder::EncoderError),
    /// Nothing answers at the address.
    #[error("the reranker at {base_url} cannot be reached ({reason}); check endpoint in [rerank] and that it runs")]
    Unreachable {
        /// The configured address without credentials.
        base_url: String,
        /// What the network says.
        reason: String,
    },
    /// The key is missing or wrong.
    #[error("the reranker at {0} refuses the key; check IBID_RERANK_API_KEY")]
    Unauthorized(String),
    /// The server says no. What else it says is left out, because it may repeat the question and the passages.
    #[error("the reranker at {base_url} answered {status}; check endpoint, api and model in [rerank]")]
    Refused {
        /// The configured address without credentials.
        base_url: String,
        /// HTTP status, as text.
        status: String,
    },
    /// The answer is not what the interface promises.
    #[error("the reranker at {base_url} gave an answer that cannot be used: {what}; check api in [rerank]")]
    Malformed {
        /// The configured address without credentials.
        base_url: String,
        /// What is wrong with it.
        what: String,
    },
    /// The local part failed.
    #[error("the reranker cannot work: {0}")]
    Local(String),
}

/// Scores passages against a question.
///
/// - Passages come best first, so one that stops early leaves out those that matter least.
/// - The call ends at `deadline`, or a moment after, with what there is by then: running out of time is no error, and a
///   deadline that has passed already gives no scores.
/// - A passage longer than the model's window is cut off, never refused. Empty texts are scored like others.
/// - A passage's score depends on it and the question only: not on the others, their order or their number.
/// - Calls may be repeated, run side by side and dropped; a dropped one stops its work within a few passages.
#[async_trait]
pub trait Reranker: Send + Sync {
    /// What the model is called, for people and for saved measurements.
    fn id(&self) -> &str;

    /// Scores as many of `passages`, from the first on, as the time until `deadline` allows.
    ///
    /// # Errors
    /// [`RerankError`] by what is wrong; then nothing was scored.
    async fn rerank(&self, query: &str, passages: &[String], deadline: Instant) -> Result<Reranked, RerankError>;
}
