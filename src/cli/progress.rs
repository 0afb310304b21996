//! Live progress on standard error: one line that changes in a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use serde_json::json;

use super::output::{grouped, json, printable};
use crate::indexing::{FileOutcome, IngestProgress as Snapshot, LiveIngests, MirrorEvent};
use crate::models::FetchProgress;
use crate::store::EmbeddingStatus;
use crate::types::{Failure, IngestState};

/// How often the line changes in a terminal.
const REDRAW_INTERVAL: Duration = Duration::from_millis(200);
/// How often a line is written where nothing can be redrawn.
const LINE_INTERVAL: Duration = Duration::from_secs(10);
/// How often programs are told.
const EVENT_INTERVAL: Duration = Duration::from_secs(1);
/// Failures that are shown as they happen; `documents --failed` lists them all.
const FAILURES_SHOWN: u64 = 20;

/// What is known of an ingest while it runs.
pub(super) struct IngestProgress {
    shown: bool,
    as_json: bool,
    bar: ProgressBar,
    began: Instant,
    ingests: LiveIngests,
    files_total: AtomicU64,
    files_done: AtomicU64,
    failed: AtomicU64,
    texts_waiting: AtomicU64,
    texts_embedded: AtomicU64,
    embedding_began_ms: AtomicU64,
}

impl IngestProgress {
    /// `shown` is false where standard error has to stay quiet. `status` is what waits from an earlier time.
    pub(super) fn new(shown: bool, status: EmbeddingStatus, ingests: &LiveIngests) -> Self {
        let bar =
            if shown && std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        Self {
            shown,
            as_json: !shown,
            bar,
            began: Instant::now(),
            ingests: ingests.clone(),
            files_total: AtomicU64::new(0),
            files_done: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            texts_waiting: AtomicU64::new(status.chunks - status.chunks_embedded),
            texts_embedded: AtomicU64::new(0),
            embedding_began_ms: AtomicU64::new(0),
        }
    }

    /// Hears of a file.
    pub(super) fn mirror_event(&self, event: &MirrorEvent) {
        if let MirrorEvent::Planned { read, .. } = event {
            self.files_total.fetch_add(*read as u64, Ordering::Relaxed);
        }
        self.files_done.fetch_add(u64::from(matches!(event, MirrorEvent::File { .. })), Ordering::Relaxed);
        match event {
            MirrorEvent::Inside { uri, failure, .. }
            | MirrorEvent::File { uri, outcome: FileOutcome::Failed { failure }, .. } => self.failed(uri, failure),
            MirrorEvent::File { outcome: FileOutcome::Added { chunks } | FileOutcome::Changed { chunks }, .. } => {
                self.texts_waiting.fetch_add(*chunks as u64, Ordering::Relaxed);
            }
            MirrorEvent::Retrying { uri, failure, .. } => {
                self.say(&format!("again in a moment: {}: {}", printable(uri), failure.message));
            }
            _ => {}
        }
    }

    fn failed(&self, uri: &str, failure: &Failure) {
        let number = self.failed.fetch_add(1, Ordering::Relaxed);
        if number < FAILURES_SHOWN {
            self.say(&format!("failed: {}: {}", printable(uri), failure.message));
        }
    }

    /// Hears of texts that were embedded.
    pub(super) fn embedded(&self, texts: usize) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        // The rate counts from the first call's end; before it nothing is known.
        let _first = self.embedding_began_ms.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
        self.texts_embedded.fetch_add(texts as u64, Ordering::Relaxed);
    }

    /// Hears how many texts were embedded in all, from one who only looks on.
    pub(super) fn embedded_so_far(&self, texts: u64) {
        let more = texts.saturating_sub(self.texts_embedded.load(Ordering::Relaxed));
        if more > 0 {
            self.embedded(usize::try_from(more).unwrap_or(usize::MAX));
        }
    }

    /// Shows the state until it is dropped.
    pub(super) async fn draw(&self) -> std::convert::Infallible {
        let (mut line_due, mut event_due) = (Instant::now() + LINE_INTERVAL, Instant::now() + EVENT_INTERVAL);
        loop {
            tokio::time::sleep(REDRAW_INTERVAL).await;
            self.bar.set_message(self.line());
            self.bar.tick();
            if self.as_json && Instant::now() >= event_due {
                drop(self.snapshot().map(|progress| json(&json!({"event": "progress", "progress": progress}))));
                event_due += EVENT_INTERVAL;
            }
            if self.shown && self.bar.is_hidden() && Instant::now() >= line_due {
                eprintln!("{}", self.line());
                line_due += LINE_INTERVAL;
            }
        }
    }

    /// Writes a line above the changing one.
    pub(super) fn say(&self, text: &str) {
        if self.shown {
            self.bar.suspend(|| eprintln!("{text}"));
        }
    }

    /// Takes the changing line away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// How far the newest ingest is.
    fn snapshot(&self) -> Option<Snapshot> {
        self.ingests.list().last().map(|live| live.progress())
    }

    fn line(&self) -> String {
        let load = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let mut line = match self.snapshot() {
            // What comes in is no folder.
            None if load(&self.files_total) > 0 => {
                format!("reading {}/{} documents", grouped(load(&self.files_done)), grouped(load(&self.files_total)))
            }
            None => "working".to_owned(),
            Some(now) if now.state == IngestState::Running && now.files == 0 => "looking at the folder".to_owned(),
            Some(now) => reading(&now),
        };
        let (embedded, waiting) = (load(&self.texts_embedded), load(&self.texts_waiting));
        let began_ms = load(&self.embedding_began_ms);
        if embedded > 0 {
            let seconds = self.began.elapsed().as_secs_f64() - began_ms as f64 / 1e3;
            let rate = embedded as f64 / seconds.max(1.0);
            let left = waiting.saturating_sub(embedded) as f64 / rate.max(0.01);
            line.push_str(&format!(
                " · embedding {}/{} chunks, {rate:.1}/s, {} left",
                grouped(embedded),
                grouped(waiting.max(embedded)),
                duration(Duration::from_secs_f64(left))
            ));
        }
        line
    }
}

/// How reading goes, in words: how much of it, how fast, how long it may still take, and what takes longest.
fn reading(now: &Snapshot) -> String {
    const SLOW_MS: u64 = 2_000;
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let mut line = if now.files_done >= now.files {
        format!(
            "read {} files, {:.1} MB, {} chunks",
            grouped(now.files_done),
            megabytes(now.bytes_done),
            grouped(now.chunks)
        )
    } else {
        let left = now.eta_s.map_or(String::new(), |eta| format!(", {} left", duration(Duration::from_secs(eta))));
        format!(
            "reading {}/{} files, {:.1}/{:.1} MB, {:.1} MB/s{left}, {} chunks",
            grouped(now.files_done),
            grouped(now.files),
            megabytes(now.bytes_done),
            megabytes(now.bytes),
            now.bytes_per_second / 1e6,
            grouped(now.chunks)
        )
    };
    if now.failed > 0 {
        line.push_str(&format!(", {} failed", grouped(now.failed)));
    }
    line.push_str(&format!(", {} MiB", (now.memory.resident_bytes + now.memory.children_bytes) >> 20));
    if let Some(slowest) = now.slowest.as_ref().filter(|file| file.running && file.took_ms > SLOW_MS) {
        line.push_str(&format!(", {} s in {}", slowest.took_ms / 1000, printable(&slowest.uri)));
    }
    line
}

/// The download of a model.
pub(super) struct ModelDownload {
    bar: ProgressBar,
    shown: bool,
    announced: bool,
}

impl ModelDownload {
    pub(super) fn new(shown: bool) -> Self {
        let bar = if shown && std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {bytes}/{total_bytes} {eta}") {
            bar.set_style(style);
        }
        Self { bar, shown, announced: false }
    }

    pub(super) fn show(&mut self, step: FetchProgress, bytes_total: u64) {
        if self.shown && !self.announced {
            eprintln!("getting the embedding model, once ({} MB)", bytes_total / 1_000_000);
            self.announced = true;
        }
        self.bar.set_length(bytes_total);
        match step {
            FetchProgress::Downloaded(bytes) => {
                self.bar.set_message("downloading");
                self.bar.set_position(bytes.min(bytes_total));
            }
            FetchProgress::Verifying => self.bar.set_message("unpacking and verifying"),
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
        if self.announced {
            eprintln!("the embedding model is there and verified");
        }
    }
}

/// The questions of a measurement.
pub(super) struct EvalProgress {
    shown: bool,
    bar: ProgressBar,
    line_due: Mutex<Instant>,
}

impl EvalProgress {
    /// `shown` is false where standard error has to stay quiet.
    pub(super) fn new(shown: bool) -> Self {
        let bar =
            if shown && std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        Self { shown, bar, line_due: Mutex::new(Instant::now() + LINE_INTERVAL) }
    }

    /// Hears that a question was asked.
    pub(super) fn show(&self, mode: &str, done: usize, total: usize) {
        let said = format!("{mode}: {} of {} questions", grouped(done as u64), grouped(total as u64));
        if self.shown && self.bar.is_hidden() {
            let mut due = self.line_due.lock().unwrap_or_else(PoisonError::into_inner);
            if Instant::now() >= *due {
                eprintln!("{said}");
                *due += LINE_INTERVAL;
            }
        }
        self.bar.set_message(said);
        self.bar.tick();
    }

    /// Takes the changing line away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// `75 s` as `1 min 15 s`.
pub(super) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}
