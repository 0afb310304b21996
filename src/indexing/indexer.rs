//! Everything that keeps the views equal to the truth, to be run once or for as long as the process lives.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, Notify, watch};

use super::IndexingError;
use super::chunking::chunk_round;
use super::embedding::{Round, embed_round};
use super::estimate::Rates;
use super::following::{Asks, Pace};
use super::mirror::{Mirror, MirrorOptions};
use super::progress::LiveIngests;
use super::upload::Desks;
use crate::extraction::{Extractor, ExtractorParts};
use crate::generations::{LiveGenerations, VectorFollower};
use crate::memory::Memory;
use crate::originals::Originals;
use crate::store::Store;
use crate::types::Seq;

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
    /// How long a process that stops answering keeps its work from the others. Every call that embeds and every batch that
    /// is written extends it.
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
    pub(super) following: Mutex<()>,
    /// How many wait for the views.
    pub(super) asked: AtomicUsize,
    /// Whether some generation may lack documents: looked for at the start, while several are live, and when that changes.
    pub(super) look_for_unchunked: AtomicBool,
    /// Whether the words of the generation that serves have once been up to date.
    pub(super) caught_up: AtomicBool,
    desks: Arc<Desks>,
    ingests: LiveIngests,
    rates: std::sync::Mutex<Rates>,
    /// Whether the last look for what was removed did not come to its end.
    pub(super) prove_again: AtomicBool,
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
            asked: AtomicUsize::new(0),
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
            let (mut last, mut pace) = (nothing_waits, Pace::default());
            while !*last.borrow_and_update() {
                let more_may_come = || !*last.borrow();
                if !self.follow_at(&mut pace, &more_may_come).await? {
                    self.rest(&mut last).await;
                }
            }
            self.catch_up().await
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
            let _asks = Asks::of(&self.asked);
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
}
