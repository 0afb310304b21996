//! The embedder that needs no file: feature hashing of the analysed words.
//!
//! It knows no meaning, only shared words, so it is no replacement for a model. It serves machines that can get none,
//! and tests that must not wait for one. Weinberger et al. 2009, "Feature Hashing for Large Scale Multitask Learning".

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::{EmbedError, Embedder};
use crate::analysis;
use crate::types::ModelId;

/// Feature hashing of words.
#[derive(Debug, Clone)]
pub struct Hashing {
    id: ModelId,
}

const DIMENSIONS: usize = 256;

impl Hashing {
    /// The embedder.
    pub fn new() -> Self {
        Self { id: ModelId(format!("hashing-{DIMENSIONS}")) }
    }
}

impl Default for Hashing {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Embedder for Hashing {
    fn id(&self) -> &ModelId {
        &self.id
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    /// Passages that share no word are at right angles, and those that share all are near 1.
    fn cosine_span(&self) -> f32 {
        1.0
    }

    fn knows_meaning(&self) -> bool {
        false
    }

    /// It knows words and nothing of what they mean, so that the keyword index knows better.
    fn reads(&self, _text: &str) -> f32 {
        0.5
    }

    async fn embed_passages(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(texts.iter().map(|text| embed(text)).collect())
    }

    async fn embed_query(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        Ok(embed(text))
    }
}

fn embed(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0_f32; DIMENSIONS];
    // A constant component keeps the vector of an empty text at length 1.
    vector[0] = 1e-3;
    for token in analysis::tokens(text, None) {
        let digest = Sha256::digest(token.term.as_bytes());
        let place = usize::from(u16::from_le_bytes([digest[0], digest[1]])) % DIMENSIONS;
        vector[place] += if digest[2] & 1 == 0 { 1.0 } else { -1.0 };
    }
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|value| *value /= length);
    vector
}
