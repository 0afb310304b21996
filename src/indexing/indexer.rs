//! Everything that keeps the views equal to the truth, to be run once or for as long as the process lives.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ibid_ingest::{ExtractOptions, TokenCounter};
use tokio::sync::{Mutex, Notify, watch};

use super::IndexingError;
use super::embedding::{Round, embed_round};
use super::extractor::{Extractor, ExtractorLimits};
use super::followers::{VECTOR_VIEW, ViewState, follow_keyword, follow_vector};
use super::mirror::{Mirror, MirrorOptions};
use crate::keyword::KeywordIndex;
use crate::models::Embedder;
use crate::store::Store;
use crate::types::{ChunkId, ModelId, Seq};
use crate::vector::VectorIndex;

/// What an indexer is made of.
#[derive(Clone)]
pub struct IndexerParts {
    /// The truth.
    pub store: Store,
    /// The keyword view.
    pub keyword: Arc<KeywordIndex>,
    /// The vector view.
    pub vector: Arc<dyn VectorIndex>,
    /// What embeds, if there is a model.
    pub embedder: Option<Arc<dyn Embedder>>,
    /// The fingerprint of the vectors in the data folder.
    pub model: ModelId,
    /// What counts tokens for chunks.
    pub counter: Arc<dyn TokenCounter>,
    /// The binary that has the subcommand `extract-worker`.
    pub program: PathBuf,
    /// How documents are extracted.
    pub extraction: ExtractOptions,
    /// What one document may cost.
    pub extractor_limits: ExtractorLimits,
    /// Documents that are extracted side by side.
    pub lanes: usize,
    /// Milliseconds since 1970 (UTC).
    pub clock: fn() -> i64,
}

/// Keeps the views equal to the truth.
pub struct Indexer {
    parts: IndexerParts,
    wake: Arc<Notify>,
    /// Texts that were embedded since the start of the process.
    embedded: AtomicU64,
    /// One follower at a time: a second one would apply the same changes again.
    following: Mutex<()>,
}

/// What differs between a view and the truth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// Chunks that the truth has and the view lacks.
    pub missing: usize,
    /// Chunks that the view has and the truth does not.
    pub surplus: usize,
}

/// A wake-up may be lost between a look and a wait; then this is how long it takes.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// After an error, waits double up to the last.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LAST: Duration = Duration::from_secs(60);

impl Indexer {
    /// An indexer; nothing runs yet.
    pub fn new(parts: IndexerParts) -> Self {
        Self { parts, wake: Arc::new(Notify::new()), embedded: AtomicU64::new(0), following: Mutex::new(()) }
    }

    /// A mirror that writes to this indexer's truth.
    pub fn mirror(&self, options: MirrorOptions) -> Mirror {
        let parts = &self.parts;
        let extractor = || Extractor::new(parts.program.clone(), parts.extraction.clone(), parts.extractor_limits);
        Mirror {
            store: parts.store.clone(),
            model: parts.model.clone(),
            counter: Arc::clone(&parts.counter),
            extractors: (0..parts.lanes.max(1)).map(|_| extractor()).collect(),
            options,
            clock: parts.clock,
            wake: Arc::clone(&self.wake),
        }
    }

    /// Brings both views up to the newest change.
    ///
    /// # Errors
    /// [`IndexingError`]; what was applied stays applied.
    pub async fn catch_up(&self) -> Result<(), IndexingError> {
        let _alone = self.following.lock().await;
        let parts = &self.parts;
        while follow_keyword(&parts.store, &parts.keyword).await? {}
        // Without an embedder the vectors of an earlier time wait where they are, and so does what happened since.
        while parts.embedder.is_some() && follow_vector(&parts.store, &parts.vector, &parts.model).await? {}
        Ok(())
    }

    /// Follows and embeds, side by side, until `done` says that no more documents come and nothing is left to do.
    /// `embedded` hears of each call's number of texts.
    ///
    /// # Errors
    /// The first [`IndexingError`]; what was done before stays.
    pub async fn drain(
        &self,
        done: watch::Receiver<bool>,
        embedded: &(dyn Fn(usize) + Send + Sync),
    ) -> Result<(), IndexingError> {
        let (all_embedded, nothing_waits) = watch::channel(false);
        let follow = async {
            let mut last = nothing_waits;
            loop {
                let finished = *last.borrow_and_update();
                self.catch_up().await?;
                if finished {
                    return Ok(());
                }
                self.rest(&mut last).await;
            }
        };
        let embed = async {
            let mut last = done;
            loop {
                let finished = *last.borrow_and_update();
                let idle = self.embed_some(embedded).await?;
                if idle && finished {
                    all_embedded.send_replace(true);
                    return Ok(());
                }
                if idle {
                    self.rest(&mut last).await;
                }
            }
        };
        tokio::try_join!(follow, embed).map(drop)
    }

    /// Embeds one round; says whether nothing waited. Without an embedder nothing ever waits.
    async fn embed_some(&self, embedded: &(dyn Fn(usize) + Send + Sync)) -> Result<bool, IndexingError> {
        let Some(embedder) = &self.parts.embedder else { return Ok(true) };
        let count = |texts: usize| {
            self.embedded.fetch_add(texts as u64, Ordering::Relaxed);
            embedded(texts);
        };
        let round = embed_round(&self.parts.store, embedder, &count).await?;
        self.wake.notify_waiters();
        Ok(round == Round::default())
    }

    /// Texts that were embedded since the start of the process.
    pub fn embedded_texts(&self) -> u64 {
        self.embedded.load(Ordering::Relaxed)
    }

    /// Waits until there may be something to do.
    async fn rest(&self, signal: &mut watch::Receiver<bool>) {
        tokio::select! {
            () = self.wake.notified() => {}
            _ = signal.changed() => {}
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }

    /// Follows and embeds until `stop` says so. Errors are logged and tried again, later each time.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let (_never, more_may_come) = watch::channel(false);
        let work = async {
            let mut pause = RETRY_FIRST;
            loop {
                let began = Instant::now();
                if let Err(error) = self.drain(more_may_come.clone(), &|_| ()).await {
                    if began.elapsed() > RETRY_LAST {
                        pause = RETRY_FIRST;
                    }
                    tracing::error!(%error, retry_in_s = pause.as_secs(), "indexing failed");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(RETRY_LAST);
                }
            }
        };
        tokio::select! {
            () = work => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    /// Empties both views and builds them again from the truth; no text is embedded again.
    ///
    /// # Errors
    /// [`IndexingError`]; a rebuild that is stopped is continued by the next start.
    pub async fn reindex(&self) -> Result<(), IndexingError> {
        {
            let _alone = self.following.lock().await;
            let keyword = Arc::clone(&self.parts.keyword);
            let cleared = tokio::task::spawn_blocking(move || keyword.clear()).await;
            cleared.map_err(|_| IndexingError::Cancelled)??;
            // The checkpoint goes first: an empty view with an old checkpoint would stay empty.
            self.parts.store.set_checkpoint(VECTOR_VIEW, Seq(0)).await?;
            self.parts.vector.clear().await?;
        }
        self.catch_up().await
    }

    /// How far both views are: keyword, then vector.
    ///
    /// # Errors
    /// [`IndexingError`].
    pub async fn states(&self) -> Result<(ViewState, ViewState), IndexingError> {
        let parts = &self.parts;
        let last = parts.store.last_seq().await?;
        let keyword = ViewState { checkpoint: parts.keyword.checkpoint(), last, chunks: parts.keyword.chunk_count() };
        let checkpoint = parts.store.checkpoint(VECTOR_VIEW).await?;
        let vector = ViewState { checkpoint, last, chunks: parts.vector.count().await? };
        Ok((keyword, vector))
    }

    /// What differs between each view and the truth: keyword, then vector. Both are zero when the views have caught up.
    ///
    /// # Errors
    /// [`IndexingError`].
    pub async fn differences(&self) -> Result<(Difference, Difference), IndexingError> {
        let (words, meaning) = self.parts.store.expected_chunk_ids().await?;
        let keyword = Arc::clone(&self.parts.keyword);
        let in_words = tokio::task::spawn_blocking(move || keyword.chunk_ids()).await;
        let in_words = in_words.map_err(|_| IndexingError::Cancelled)??;
        let in_meaning = self.parts.vector.chunk_ids().await?;
        Ok((difference(&words, in_words), difference(&meaning, in_meaning)))
    }
}

fn difference(truth: &BTreeSet<ChunkId>, view: Vec<ChunkId>) -> Difference {
    let held = view.len();
    let view: BTreeSet<ChunkId> = view.into_iter().collect();
    let doubled = held - view.len();
    Difference { missing: truth.difference(&view).count(), surplus: view.difference(truth).count() + doubled }
}
