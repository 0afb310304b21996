//! The reranker that runs in this process: a cross-encoder from a Hugging Face folder.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ibid_encoder::{CrossEncoder, EncoderError};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::{RerankError, Reranked, Reranker};

/// A cross-encoder in this process.
pub struct LocalReranker {
    encoder: Arc<CrossEncoder>,
    id: String,
    threads: usize,
}

/// Passages that a thread scores between two looks at the clock: enough to share out, and little work if time runs out.
const PASSAGES_PER_THREAD: usize = 2;

impl LocalReranker {
    /// Loads the model in `folder`: `config.json`, `tokenizer.json` and `model.safetensors`. `threads` bounds the cores that
    /// one call uses.
    ///
    /// # Errors
    /// [`RerankError::Model`] when a file is absent or damaged, or the model is of another kind.
    pub fn open(folder: &Path, id: String, threads: usize) -> Result<Self, RerankError> {
        let encoder = Arc::new(CrossEncoder::open(folder)?);
        Ok(Self { encoder, id, threads: threads.max(1) })
    }
}

#[async_trait]
impl Reranker for LocalReranker {
    fn id(&self) -> &str {
        &self.id
    }

    async fn rerank(&self, query: &str, passages: &[String], deadline: Instant) -> Result<Reranked, RerankError> {
        let mut reranked = Reranked::default();
        if Instant::now() >= deadline {
            return Ok(reranked);
        }
        let work = Work {
            encoder: Arc::clone(&self.encoder),
            query: query.to_owned(),
            passages: passages.to_vec(),
            threads: self.threads,
            deadline,
        };
        let (sender, mut receiver) = unbounded_channel();
        let worker = tokio::task::spawn_blocking(move || work.run(&sender));
        // The scores come step by step, so that at the deadline those of the last step are missing and no others.
        while let Ok(step) = tokio::time::timeout_at(deadline.into(), receiver.recv()).await {
            let Some(scores) = step else {
                // A worker that broke has closed the channel, too.
                worker.await.map_err(|_| RerankError::Local("the model broke off".to_owned()))?;
                break;
            };
            let scores = scores?;
            if scores.iter().any(|score| !score.is_finite()) {
                return Err(RerankError::Local(format!("the model {} gives scores that are not numbers", self.id)));
            }
            reranked.scores.extend(scores);
        }
        Ok(reranked)
    }
}

/// What a thread is given to score.
struct Work {
    encoder: Arc<CrossEncoder>,
    query: String,
    passages: Vec<String>,
    threads: usize,
    deadline: Instant,
}

impl Work {
    /// Sends the scores of one step after the other, until a further step would end too late or nobody listens.
    fn run(&self, sender: &UnboundedSender<Result<Vec<f32>, EncoderError>>) {
        let mut longest = Duration::ZERO;
        for some in self.passages.chunks(PASSAGES_PER_THREAD * self.threads) {
            let began = Instant::now();
            if sender.is_closed() || began + longest >= self.deadline {
                return;
            }
            let texts: Vec<&str> = some.iter().map(String::as_str).collect();
            let scores = self.encoder.score(&self.query, &texts, self.threads);
            longest = longest.max(began.elapsed());
            if sender.send(scores).is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::conformance::reranker_keeps_its_promises;
    use super::*;

    fn tiny(name: &str) -> LocalReranker {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("encoder/tests/fixtures").join(name);
        LocalReranker::open(&folder, name.to_owned(), 2).unwrap()
    }

    #[tokio::test]
    async fn the_local_reranker_keeps_its_promises() {
        for name in ["bert", "xlm-roberta"] {
            reranker_keeps_its_promises(&tiny(name)).await;
        }
    }

    #[tokio::test]
    async fn what_the_time_does_not_suffice_for_is_left_out_at_the_end() {
        let passages: Vec<String> = (0..100_000).map(|at| format!("otter {at} eats crabs and fish {at}")).collect();
        let reranker = tiny("bert");
        let began = Instant::now();
        let reached = reranker.rerank("otter", &passages, began + Duration::from_millis(300)).await.unwrap().scores;
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert!(!reached.is_empty() && reached.len() < passages.len(), "{}", reached.len());
        let first = &passages[..reached.len().min(50)];
        let alone = reranker.rerank("otter", first, Instant::now() + Duration::from_secs(60)).await.unwrap().scores;
        assert_eq!(alone, reached[..first.len()]);
    }

    #[test]
    fn a_folder_without_a_model_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = LocalReranker::open(folder.path(), "none".to_owned(), 1).err().unwrap();
        assert!(error.to_string().contains("config.json"), "{error}");
    }
}
