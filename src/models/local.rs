//! The embedder that runs in this process: multilingual-e5-small from its 4-bit file.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use ibid_encoder::Encoder;

use super::{EmbedError, Embedder, ModelFile};
use crate::types::ModelId;

/// A sentence encoder in this process.
pub struct LocalEmbedder {
    encoder: Arc<Encoder>,
    id: ModelId,
    cosine_span: f32,
    threads: usize,
}

/// E5 was trained with these prefixes; without them its rankings fall apart.
const PASSAGE_PREFIX: &str = "passage: ";
const QUERY_PREFIX: &str = "query: ";

impl LocalEmbedder {
    /// Loads the model file at `path`, which has been verified against `manifest`. `threads` bounds the cores that one
    /// batch of passages uses.
    ///
    /// # Errors
    /// [`EmbedError::Model`] when the file has not the form that the manifest's name promises.
    pub fn open(path: &Path, manifest: &ModelFile, threads: usize) -> Result<Self, EmbedError> {
        let encoder = Arc::new(Encoder::open(path)?);
        Ok(Self { encoder, id: manifest.id(), cosine_span: manifest.cosine_span, threads: threads.max(1) })
    }

    /// The encoder, for those who count tokens.
    pub fn encoder(&self) -> &Arc<Encoder> {
        &self.encoder
    }

    async fn encode(&self, texts: Vec<String>, threads: usize) -> Result<Vec<Vec<f32>>, EmbedError> {
        let encoder = Arc::clone(&self.encoder);
        let work = move || {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            encoder.encode(&texts, threads)
        };
        Ok(tokio::task::spawn_blocking(work).await.map_err(|_| EmbedError::Cancelled)??)
    }
}

#[async_trait]
impl Embedder for LocalEmbedder {
    fn id(&self) -> &ModelId {
        &self.id
    }

    fn dimensions(&self) -> usize {
        self.encoder.dimensions()
    }

    fn cosine_span(&self) -> f32 {
        self.cosine_span
    }

    async fn embed_passages(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbedError> {
        let prefixed = texts.into_iter().map(|text| format!("{PASSAGE_PREFIX}{text}")).collect();
        self.encode(prefixed, self.threads).await
    }

    async fn embed_query(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        let mut vectors = self.encode(vec![format!("{QUERY_PREFIX}{text}")], 1).await?;
        vectors.pop().ok_or(EmbedError::Cancelled)
    }
}
