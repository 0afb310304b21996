//! Everything that keeps the views equal to the truth, to be run once or for as long as the process lives.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, Notify, watch};

use super::IndexingError;
use super::chunking::chunk_round;
use super::embedding::{Round, embed_round};
use super::estimate::Rates;
use super::followers::{ViewState, follow_keyword, follow_vector};
use super::mirror::{Mirror, MirrorOptions};
use super::progress::LiveIngests;
use super::receipt::prove_removals;
use super::upload::Desks;
use crate::extraction::{Extractor, ExtractorParts};
use crate::generations::{LiveGenerations, OpenedGeneration, VectorFollower};
use crate::memory::Memory;
use crate::originals::Originals;
use crate::store::Store;
use crate::types::{ChunkId, Seq};

/// What an indexer is made of.
#[derive(Clone)]
pub struct IndexerParts {
    /// The truth.
    pub store: Arc<dyn Store>,
    /// What is kept equal to it.
    pub generations: Arc<LiveGenerations>,
    /// What reads documents.
    pub extraction: ExtractorParts,
    /// Documents that are extracted side by side.
    pub lanes: usize,
    /// Whether texts are embedded.
    pub embed: bool,
    /// What may be held in memory.
    pub memory: Arc<Memory>,
    /// Where files are kept as they were read, if they are.
    pub originals: Option<Originals>,
    /// How long a process that stops answering keeps its work from the others. Every call that embeds and every document
    /// that is written extends it.
    pub lease: Duration,
    /// Milliseconds since 1970 (UTC).
    pub clock: fn() -> i64,
}

/// Keeps the views equal to the truth.
pub struct Indexer {
    pub(super) parts: IndexerParts,
    pub(super) wake: Arc<Notify>,
    /// Texts that were embedded since the start of the process.
    embedded: AtomicU64,
    /// One follower at a time: a second one would apply the same changes again.
    following: Mutex<()>,
    /// Whether some generation may lack documents: looked for at the start, while several are live, and when that changes.
    look_for_unchunked: AtomicBool,
    /// Whether the words of the generation that serves have once been up to date.
    caught_up: AtomicBool,
    desks: Arc<Desks>,
    ingests: LiveIngests,
    rates: std::sync::Mutex<Rates>,
    /// Whether the last look for what was removed did not come to its end.
    prove_again: AtomicBool,
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
        Self {
            parts,
            wake: Arc::new(Notify::new()),
            embedded: AtomicU64::new(0),
            following: Mutex::new(()),
            look_for_unchunked: AtomicBool::new(true),
            caught_up: AtomicBool::new(false),
            desks: Arc::default(),
            ingests: LiveIngests::default(),
            rates: Default::default(),
            prove_again: AtomicBool::new(false),
        }
    }

    /// A mirror that writes to this indexer's truth.
    pub fn mirror(&self, options: MirrorOptions) -> Mirror {
        let parts = &self.parts;
        let extractor = || Extractor::new(parts.extraction.clone());
        Mirror {
            store: Arc::clone(&parts.store),
            generations: Arc::clone(&parts.generations),
            extractors: (0..parts.lanes.max(1)).map(|_| extractor()).collect(),
            options,
            reader: parts.extraction.fingerprint(),
            clock: parts.clock,
            desks: Arc::clone(&self.desks),
            wake: Arc::clone(&self.wake),
            lease: parts.lease,
            memory: Arc::clone(&parts.memory),
            originals: parts.originals.clone(),
            embeds: parts.embed,
            ingests: self.ingests.clone(),
            live: None,
            ingest: None,
        }
    }

    /// The ingests of this process.
    pub fn ingests(&self) -> &LiveIngests {
        &self.ingests
    }

    /// What may be held in memory, and what is.
    pub fn memory(&self) -> &Memory {
        &self.parts.memory
    }

    /// Brings the views of every generation up to the newest change.
    ///
    /// # Errors
    /// [`IndexingError`]; what was applied stays applied.
    pub async fn catch_up(&self) -> Result<(), IndexingError> {
        let _alone = self.following.lock().await;
        self.refresh().await?;
        let moved = self.follow().await?;
        // A generation that shall serve does so when its words have caught up.
        self.refresh().await?;
        self.caught_up.store(true, Ordering::Relaxed);
        if moved || self.prove_again.swap(false, Ordering::Relaxed) {
            self.prove_again.store(true, Ordering::Relaxed);
            prove_removals(self.parts.store.as_ref(), &self.parts.generations.all(), self.parts.clock).await?;
            self.prove_again.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Opens and closes generations as the truth has them.
    async fn refresh(&self) -> Result<(), IndexingError> {
        if self.parts.generations.refresh().await? {
            self.look_for_unchunked.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Says whether any view moved, or had not been looked at before.
    async fn follow(&self) -> Result<bool, IndexingError> {
        let mut moved = false;
        for views in self.parts.generations.all() {
            match self.follow_one(&views).await {
                Ok(followed) => moved |= followed,
                Err(error) => {
                    // One that was dropped a moment ago has no index any more.
                    let known = self.parts.store.generations().await?;
                    if known.iter().any(|generation| generation.id == views.id) {
                        return Err(error);
                    }
                }
            }
        }
        Ok(moved)
    }

    async fn follow_one(&self, views: &OpenedGeneration) -> Result<bool, IndexingError> {
        let store = self.parts.store.as_ref();
        let mut moved = !self.has_caught_up();
        while follow_keyword(store, views).await? {
            moved = true;
        }
        // Without an embedder the vectors of an earlier time wait where they are, and so does what happened since.
        while views.embedder.is_some() && follow_vector(store, views, self.parts.lease).await? {
            moved = true;
        }
        // Another process may fill an index that all have.
        let filling = views.vector_follower != VectorFollower::Own && views.embedded_share.get() < 1.0;
        if moved || filling {
            views.measure().await?;
        }
        Ok(moved)
    }

    /// Cuts what some generation lacks; says whether there was any.
    async fn chunk_some(&self) -> Result<bool, IndexingError> {
        let generations = self.parts.generations.all();
        if generations.len() == 1 && !self.look_for_unchunked.swap(false, Ordering::Relaxed) {
            return Ok(false);
        }
        let mut any = false;
        for views in generations {
            any |= chunk_round(self.parts.store.as_ref(), &views).await?;
        }
        if any {
            self.look_for_unchunked.store(true, Ordering::Relaxed);
            self.wake.notify_waiters();
        }
        Ok(any)
    }

    /// Whether this process has once found everything that was committed before.
    pub fn has_caught_up(&self) -> bool {
        self.caught_up.load(Ordering::Relaxed)
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
                let chunked = self.chunk_some().await?;
                let idle = self.embed_some(embedded).await? && !chunked;
                if idle && finished {
                    all_embedded.send_replace(true);
                    return Ok(());
                }
                if idle {
                    self.rest(&mut last).await;
                }
            }
        };
        let outcome = tokio::try_join!(follow, embed).map(drop);
        let rates = std::mem::take(&mut *self.rates.lock().unwrap_or_else(PoisonError::into_inner));
        // An estimate is worth no failure.
        drop(rates.keep(self.parts.store.as_ref()).await);
        outcome
    }

    /// Embeds one round for the first generation that has something to embed, that which serves before the others; says
    /// whether nothing waited. Without an embedder nothing ever waits.
    async fn embed_some(&self, embedded: &(dyn Fn(usize) + Send + Sync)) -> Result<bool, IndexingError> {
        let count = |texts: usize| {
            self.embedded.fetch_add(texts as u64, Ordering::Relaxed);
            embedded(texts);
        };
        for views in self.parts.generations.all().into_iter().filter(|_| self.parts.embed) {
            let began = Instant::now();
            let round =
                embed_round(self.parts.store.as_ref(), &views, (self.parts.lease, &self.parts.memory), &count).await?;
            if round.texts > 0 {
                self.rates.lock().unwrap_or_else(PoisonError::into_inner).embedded(round.texts, began.elapsed());
            }
            if round != Round::default() {
                self.wake.notify_waiters();
                return Ok(false);
            }
        }
        Ok(true)
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
            () = self.parts.store.changed() => {}
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

    /// Empties the views of every generation and builds them again from the truth; no text is embedded again.
    ///
    /// # Errors
    /// [`IndexingError`]; a rebuild that is stopped is continued by the next start.
    pub async fn reindex(&self) -> Result<(), IndexingError> {
        {
            let _alone = self.following.lock().await;
            for views in self.parts.generations.all() {
                let keyword = Arc::clone(&views.keyword);
                let cleared = tokio::task::spawn_blocking(move || keyword.clear()).await;
                cleared.map_err(|_| IndexingError::Cancelled)??;
                if views.vector_follower == VectorFollower::Truth {
                    views.vector.rebuild().await?;
                    continue;
                }
                // The checkpoint goes first: an empty view with an old checkpoint would stay empty. Whoever follows at this
                // moment cannot move it on from where it was, and applies everything again.
                self.parts.store.rewind_checkpoint(&views.vector_view, Seq(0)).await?;
                views.vector.clear().await?;
                self.parts.store.rewind_checkpoint(&views.vector_view, Seq(0)).await?;
            }
        }
        self.catch_up().await
    }

    /// How far both views of the generation that serves are: keyword, then vector.
    ///
    /// # Errors
    /// [`IndexingError`].
    pub async fn states(&self) -> Result<(ViewState, ViewState), IndexingError> {
        let store = &self.parts.store;
        let views = self.parts.generations.serving();
        let last = store.last_seq(views.id).await?;
        let keyword = ViewState { checkpoint: views.keyword.checkpoint(), last, chunks: views.keyword.chunk_count() };
        let checkpoint = match views.vector_follower {
            VectorFollower::Truth => last,
            VectorFollower::Own | VectorFollower::Shared => store.checkpoint(&views.vector_view).await?,
        };
        let vector = ViewState { checkpoint, last, chunks: views.vector.count().await? };
        Ok((keyword, vector))
    }

    /// What differs between each view of the generation that serves and the truth: keyword, then vector. Both are zero when
    /// the views have caught up.
    ///
    /// # Errors
    /// [`IndexingError`].
    pub async fn differences(&self) -> Result<(Difference, Difference), IndexingError> {
        let views = self.parts.generations.serving();
        self.differences_of(&views).await
    }

    /// What differs between each view of a generation and the truth: keyword, then vector.
    ///
    /// # Errors
    /// [`IndexingError`].
    pub async fn differences_of(&self, views: &OpenedGeneration) -> Result<(Difference, Difference), IndexingError> {
        let (words, meaning) = self.parts.store.expected_chunk_ids(views.id).await?;
        let keyword = Arc::clone(&views.keyword);
        let in_words = tokio::task::spawn_blocking(move || keyword.chunk_ids()).await;
        let in_words = in_words.map_err(|_| IndexingError::Cancelled)??;
        let in_meaning = views.vector.chunk_ids().await?;
        Ok((difference(&words, in_words), difference(&meaning, in_meaning)))
    }
}

fn difference(truth: &BTreeSet<ChunkId>, view: Vec<ChunkId>) -> Difference {
    let held = view.len();
    let view: BTreeSet<ChunkId> = view.into_iter().collect();
    let doubled = held - view.len();
    Difference { missing: truth.difference(&view).count(), surplus: view.difference(truth).count() + doubled }
}
