//! An ingest that runs in this process: how far it is, who listens, and how it is stopped.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::{broadcast, watch};

use super::estimate::Rates;
use super::outcome::MirrorEvent;
use crate::memory::{Memory, MemoryUse};
use crate::types::{CollectionName, IngestId, IngestState};

/// Events that a listener may lag behind before it misses some.
const EVENTS_HELD: usize = 4096;
/// Ingests that ended and are still shown as they ended.
const ENDED_KEPT: usize = 32;

/// A part of the work, whose time is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Looking at the folder, and comparing it with what is known.
    Plan,
    /// Reading files and taking the text out of them.
    Extract,
    /// Cutting texts into chunks.
    Chunk,
    /// Writing the truth.
    Write,
}

const STAGES: usize = 4;

/// How far an ingest is.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct IngestProgress {
    /// Which one.
    pub ingest: IngestId,
    /// How far it is, in a word.
    pub state: IngestState,
    /// How long it has been working, in milliseconds.
    pub elapsed_ms: u64,
    /// Files to read; 0 until it is planned.
    pub files: u64,
    /// Of these, files that are done.
    pub files_done: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of these, bytes of files that are done.
    pub bytes_done: u64,
    /// Documents that could not be read.
    pub failed: u64,
    /// Chunks that were written.
    pub chunks: u64,
    /// Files a second, over all of its time.
    pub files_per_second: f64,
    /// Bytes a second, over all of its time.
    pub bytes_per_second: f64,
    /// Seconds that reading may still take, by the bytes that are left; absent until there is a rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta_s: Option<u64>,
    /// Time that each stage took, in milliseconds; documents beside each other add up.
    pub stages: StageTimes,
    /// The file that took longest, or takes longest at this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slowest: Option<SlowestFile>,
    /// What the process holds.
    pub memory: MemoryUse,
}

/// Time that each stage took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct StageTimes {
    /// Looking at the folder, and comparing it with what is known.
    pub plan_ms: u64,
    /// Reading files and taking the text out of them.
    pub extract_ms: u64,
    /// Cutting texts into chunks.
    pub chunk_ms: u64,
    /// Writing the truth.
    pub write_ms: u64,
}

/// A file, and how long it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SlowestFile {
    /// Its URI.
    pub uri: String,
    /// Milliseconds so far.
    pub took_ms: u64,
    /// Whether it is still being read.
    pub running: bool,
}

/// An ingest that runs in this process, or ended a short while ago.
pub struct LiveIngest {
    id: IngestId,
    collection: CollectionName,
    began: Instant,
    took: Mutex<Option<Duration>>,
    files: AtomicU64,
    files_done: AtomicU64,
    bytes: AtomicU64,
    bytes_done: AtomicU64,
    failed: AtomicU64,
    chunks: AtomicU64,
    stages: [AtomicU64; STAGES],
    reading: Mutex<BTreeMap<String, Instant>>,
    slowest: Mutex<Option<SlowestFile>>,
    events: broadcast::Sender<MirrorEvent>,
    state: watch::Sender<IngestState>,
    cancelled: watch::Sender<bool>,
    rates: Mutex<Rates>,
    memory: Arc<Memory>,
}

impl LiveIngest {
    pub(super) fn new(id: IngestId, collection: CollectionName, memory: Arc<Memory>) -> Self {
        Self {
            id,
            collection,
            began: Instant::now(),
            took: Mutex::new(None),
            files: AtomicU64::new(0),
            files_done: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            bytes_done: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            chunks: AtomicU64::new(0),
            stages: Default::default(),
            reading: Mutex::default(),
            slowest: Mutex::default(),
            events: broadcast::Sender::new(EVENTS_HELD),
            state: watch::Sender::new(IngestState::Running),
            cancelled: watch::Sender::new(false),
            rates: Mutex::default(),
            memory,
        }
    }

    /// Which one.
    pub fn id(&self) -> IngestId {
        self.id
    }

    /// The collection that it writes to.
    pub fn collection(&self) -> &CollectionName {
        &self.collection
    }

    /// How far it is, in a word.
    pub fn state(&self) -> IngestState {
        *self.state.borrow()
    }

    /// Stops it; what it did stays. One that has ended is not touched by that.
    pub fn cancel(&self) {
        self.cancelled.send_replace(true);
    }

    /// What happens from now on. Whoever lags too far behind misses events, and is told how many.
    pub fn subscribe(&self) -> broadcast::Receiver<MirrorEvent> {
        self.events.subscribe()
    }

    /// Waits for its end.
    pub async fn ended(&self) {
        // The sender lives as long as this.
        drop(self.state.subscribe().wait_for(|state| *state != IngestState::Running).await);
    }

    /// How far it is.
    pub fn progress(&self) -> IngestProgress {
        let load = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let elapsed = locked(&self.took).unwrap_or_else(|| self.began.elapsed());
        let seconds = elapsed.as_secs_f64().max(0.001);
        let (bytes, bytes_done) = (load(&self.bytes), load(&self.bytes_done));
        let reading_s = (seconds - load(&self.stages[Stage::Plan as usize]) as f64 / 1e6).max(0.001);
        let rate = bytes_done as f64 / reading_s;
        let eta_s = (rate > 0.0).then(|| (bytes.saturating_sub(bytes_done) as f64 / rate) as u64);
        let stage = |stage: Stage| load(&self.stages[stage as usize]) / 1000;
        IngestProgress {
            ingest: self.id,
            state: self.state(),
            elapsed_ms: milliseconds(elapsed),
            files: load(&self.files),
            files_done: load(&self.files_done),
            bytes,
            bytes_done,
            failed: load(&self.failed),
            chunks: load(&self.chunks),
            files_per_second: load(&self.files_done) as f64 / reading_s,
            bytes_per_second: rate,
            eta_s,
            stages: StageTimes {
                plan_ms: stage(Stage::Plan),
                extract_ms: stage(Stage::Extract),
                chunk_ms: stage(Stage::Chunk),
                write_ms: stage(Stage::Write),
            },
            slowest: self.slowest(),
            memory: self.memory.look(),
        }
    }

    fn slowest(&self) -> Option<SlowestFile> {
        let reading = locked(&self.reading);
        let oldest = reading.iter().min_by_key(|(_, since)| **since);
        let running = oldest.map(|(uri, since)| SlowestFile {
            uri: uri.clone(),
            took_ms: milliseconds(since.elapsed()),
            running: true,
        });
        locked(&self.slowest).clone().into_iter().chain(running).max_by_key(|file| file.took_ms)
    }

    pub(super) async fn until_cancelled(&self) {
        drop(self.cancelled.subscribe().wait_for(|cancelled| *cancelled).await);
    }

    pub(super) fn end(&self, state: IngestState) {
        *locked(&self.took) = Some(self.began.elapsed());
        self.state.send_replace(state);
    }

    /// Counts the time of a stage.
    pub(super) fn spent(&self, stage: Stage, time: Duration) {
        let microseconds = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.stages[stage as usize].fetch_add(microseconds, Ordering::Relaxed);
    }

    /// Notes what a file took, for later estimates.
    pub(super) fn learn(&self, uri: &str, bytes: u64, took: Duration, (pages, chunks): (usize, usize)) {
        locked(&self.rates).read(uri, bytes, took, pages, chunks);
    }

    pub(super) fn learned(&self) -> Rates {
        locked(&self.rates).clone()
    }

    pub(super) fn file_begins(&self, uri: &str) {
        locked(&self.reading).insert(uri.to_owned(), Instant::now());
    }

    pub(super) fn file_ends(&self, uri: &str) {
        let Some(since) = locked(&self.reading).remove(uri) else { return };
        let took_ms = milliseconds(since.elapsed());
        let mut slowest = locked(&self.slowest);
        if slowest.as_ref().is_none_or(|file| file.took_ms < took_ms) {
            *slowest = Some(SlowestFile { uri: uri.to_owned(), took_ms, running: false });
        }
    }

    /// Counts an event, and tells it to those who listen.
    pub(super) fn tell(&self, event: &MirrorEvent) {
        use super::outcome::FileOutcome;
        let add = |number: &AtomicU64, more: u64| {
            number.fetch_add(more, Ordering::Relaxed);
        };
        match event {
            MirrorEvent::Planned { read, bytes, .. } => {
                add(&self.files, *read as u64);
                add(&self.bytes, *bytes);
            }
            MirrorEvent::File { bytes, outcome, .. } => {
                add(&self.files_done, 1);
                add(&self.bytes_done, *bytes);
                match outcome {
                    FileOutcome::Added { chunks } | FileOutcome::Changed { chunks } => {
                        add(&self.chunks, *chunks as u64)
                    }
                    FileOutcome::Failed { .. } => add(&self.failed, 1),
                    FileOutcome::Same | FileOutcome::Vanished => {}
                }
            }
            MirrorEvent::Inside { .. } => add(&self.failed, 1),
            _ => {}
        }
        // Nobody may be listening.
        drop(self.events.send(event.clone()));
    }
}

/// The ingests of this process, those that run and some that ended.
#[derive(Clone, Default)]
pub struct LiveIngests(Arc<Mutex<Vec<Arc<LiveIngest>>>>);

impl LiveIngests {
    /// All of them, the oldest first.
    pub fn list(&self) -> Vec<Arc<LiveIngest>> {
        locked(&self.0).clone()
    }

    /// One of them.
    pub fn get(&self, id: IngestId) -> Option<Arc<LiveIngest>> {
        locked(&self.0).iter().find(|live| live.id == id).cloned()
    }

    pub(super) fn add(&self, live: Arc<LiveIngest>) {
        let mut all = locked(&self.0);
        let ended = all.iter().filter(|known| known.state() != IngestState::Running).count();
        let mut surplus = (ended + 1).saturating_sub(ENDED_KEPT);
        all.retain(|known| {
            let goes = surplus > 0 && known.state() != IngestState::Running;
            surplus -= usize::from(goes);
            !goes
        });
        all.push(live);
    }
}

fn locked<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
