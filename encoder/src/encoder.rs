//! The door for those who want vectors: texts are cut into tokens and given to the network in batches.

use std::path::Path;
use std::sync::Arc;

use crate::model::{Model, Sequence};
use crate::source::Source;
use crate::tensors::{E5S1, Tensors};
use crate::{EncoderError, Tokenizer, batch, format};

/// A loaded model. It may be shared between threads.
#[derive(Debug)]
pub struct Encoder {
    tokenizer: Arc<Tokenizer>,
    model: Model,
}

impl Encoder {
    /// Reads a model file. The file stays open, because the rows of the token embeddings are read when needed.
    ///
    /// # Errors
    /// When the file cannot be read, is no model, or is damaged.
    pub fn open(path: &Path) -> Result<Self, EncoderError> {
        let mut source = Source::open(path)?;
        let header = format::read_header(&mut source)?;
        let tokenizer = Arc::new(Tokenizer::read(&mut source, &header)?);
        let directory = format::read_directory(&mut source)?;
        let model = Model::read(Tensors { source, directory, names: &E5S1, prefix: "" }, &header, 0)?;
        Ok(Self { tokenizer, model })
    }

    /// How many numbers a vector has.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.model.hidden()
    }

    /// How many tokens of a text, beginning and end included, reach the network; the rest is cut off.
    #[must_use]
    pub fn tokens_max(&self) -> usize {
        self.tokenizer.tokens_max()
    }

    /// The tokenizer of this model.
    #[must_use]
    pub fn tokenizer(&self) -> &Arc<Tokenizer> {
        &self.tokenizer
    }

    /// The vectors of `texts`, in their order, each of unit length, worked out by up to `threads` threads.
    ///
    /// A prefix such as `query: ` is the caller's to write. With one thread, or one batch, no thread is started.
    ///
    /// # Errors
    /// When the model file, which holds the token embeddings, can no longer be read.
    pub fn encode(&self, texts: &[&str], threads: usize) -> Result<Vec<Vec<f32>>, EncoderError> {
        let tokens: Vec<Vec<u32>> = texts.iter().map(|text| self.tokenizer.encode(text)).collect();
        let lengths: Vec<usize> = tokens.iter().map(Vec::len).collect();
        batch::share(&lengths, batch::TOKENS_MAX, threads, |batch, scratch| {
            let sequences: Vec<Sequence<'_>> = batch.iter().map(|index| Sequence::one(&tokens[*index])).collect();
            self.model.vectors(&sequences, scratch)
        })
    }
}
