//! The seam to whatever turns text into vectors.

use async_trait::async_trait;

use crate::types::ModelId;

/// An embedding that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// The model file cannot be used.
    #[error("embedding model: {0}")]
    Model(#[from] ibid_encoder::EncoderError),
    /// The work was dropped before it ended.
    #[error("the embedding was cancelled")]
    Cancelled,
}

/// Turns text into unit vectors.
///
/// - Vectors have [`Embedder::dimensions`] components and length 1; the same text gives the same vector whatever else is
///   in the call.
/// - The result has one vector for each text, in order. A call fails as a whole.
/// - Text beyond the model's window is cut off, never refused.
/// - Calls may be repeated and run side by side.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// The fingerprint that is stored with the vectors.
    fn id(&self) -> &ModelId;

    /// Components of a vector.
    fn dimensions(&self) -> usize;

    /// How far the cosine of a question and its very answer lies above that of an unrelated passage, 0 to 1: the unit in which
    /// fusion measures cosines, which mean something else under every model. A cosine of 1 less this is that of an unrelated
    /// passage.
    fn cosine_span(&self) -> f32;

    /// Whether its vectors say what a text means, beyond which words it has.
    fn knows_meaning(&self) -> bool {
        true
    }

    /// How much of a text the model understands, 0 to 1: the share of it in languages that it knows.
    fn reads(&self, _text: &str) -> f32 {
        1.0
    }

    /// Vectors of passages to be found.
    async fn embed_passages(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbedError>;

    /// The vector of a question.
    async fn embed_query(&self, text: &str) -> Result<Vec<f32>, EmbedError>;
}
