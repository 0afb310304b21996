//! The door for callers: texts are cut into tokens, sorted by length into batches, and shared out to threads.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::format;
use crate::model::{Model, Scratch};
use crate::source::Source;
use crate::{EncoderError, Tokenizer};

/// Tokens of a batch, unless one sequence alone has more. It is enough rows to make the unpacking of weights cheap,
/// and few enough for the activations to stay in the cache.
const BATCH_TOKENS_MAX: usize = 512;

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
        let model = Model::read(source, &header, &directory)?;
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
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse(tokens[*index].len()));
        let batches = batches(&order, &tokens);
        let next = AtomicUsize::new(0);
        let work = || self.work(&batches, &tokens, &next);
        let helpers = threads.min(batches.len()).saturating_sub(1);
        let done = thread::scope(|scope| {
            let handles: Vec<_> = (0..helpers).map(|_| scope.spawn(work)).collect();
            let mut done = vec![work()];
            done.extend(
                handles
                    .into_iter()
                    .map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))),
            );
            done
        });
        let mut vectors = vec![Vec::new(); texts.len()];
        for part in done {
            for (index, vector) in part? {
                vectors[index] = vector;
            }
        }
        Ok(vectors)
    }

    /// Takes batches until none is left: vectors with the places of their texts.
    fn work(
        &self,
        batches: &[&[usize]],
        tokens: &[Vec<u32>],
        next: &AtomicUsize,
    ) -> Result<Vec<(usize, Vec<f32>)>, EncoderError> {
        let mut scratch = Scratch::default();
        let mut done = Vec::new();
        while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
            let sequences: Vec<&[u32]> = batch.iter().map(|index| tokens[*index].as_slice()).collect();
            let vectors = self.model.vectors(&sequences, &mut scratch)?;
            done.extend(batch.iter().copied().zip(vectors));
        }
        Ok(done)
    }
}

/// Cuts the texts, longest first, into runs of at most [`BATCH_TOKENS_MAX`] tokens.
fn batches<'a>(order: &'a [usize], tokens: &[Vec<u32>]) -> Vec<&'a [usize]> {
    let mut batches = Vec::new();
    let (mut start, mut sum) = (0, 0);
    for (place, index) in order.iter().enumerate() {
        let length = tokens[*index].len();
        if place > start && sum + length > BATCH_TOKENS_MAX {
            batches.push(&order[start..place]);
            (start, sum) = (place, 0);
        }
        sum += length;
    }
    if start < order.len() {
        batches.push(&order[start..]);
    }
    batches
}
