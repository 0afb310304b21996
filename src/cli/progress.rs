//! Live progress on standard error: one line that changes in a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::output::grouped;
use crate::indexing::{FileOutcome, MirrorEvent};
use crate::models::FetchProgress;
use crate::store::EmbeddingStatus;
use crate::types::Failure;

/// How often the line changes in a terminal.
const REDRAW_INTERVAL: Duration = Duration::from_millis(200);
/// How often a line is written where nothing can be redrawn.
const LINE_INTERVAL: Duration = Duration::from_secs(10);
/// Failures that are shown as they happen; `documents --failed` lists them all.
const FAILURES_SHOWN: u64 = 20;

/// What is known of an ingest while it runs.
pub(super) struct IngestProgress {
    shown: bool,
    bar: ProgressBar,
    began: Instant,
    files_total: AtomicU64,
    files_done: AtomicU64,
    chunks: AtomicU64,
    failed: AtomicU64,
    texts_waiting: AtomicU64,
    texts_embedded: AtomicU64,
    embedding_began_ms: AtomicU64,
}

impl IngestProgress {
    /// `shown` is false where standard error has to stay quiet. `status` is what waits from an earlier time.
    pub(super) fn new(shown: bool, status: EmbeddingStatus) -> Self {
        let bar =
            if shown && std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        Self {
            shown,
            bar,
            began: Instant::now(),
            files_total: AtomicU64::new(0),
            files_done: AtomicU64::new(0),
            chunks: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            texts_waiting: AtomicU64::new(status.chunks - status.chunks_embedded),
            texts_embedded: AtomicU64::new(0),
            embedding_began_ms: AtomicU64::new(0),
        }
    }

    /// Hears of a file.
    pub(super) fn mirror_event(&self, event: &MirrorEvent) {
        match event {
            MirrorEvent::Planned { read, .. } => drop(self.files_total.fetch_add(*read as u64, Ordering::Relaxed)),
            MirrorEvent::Started { .. }
            | MirrorEvent::Moved { .. }
            | MirrorEvent::Removed { .. }
            | MirrorEvent::Withheld { .. }
            | MirrorEvent::Ended { .. } => {}
            MirrorEvent::Retrying { uri, failure, .. } => {
                self.say(&format!("again in a moment: {uri}: {}", failure.message))
            }
            MirrorEvent::Inside { uri, failure, .. } => self.failed(uri, failure),
            MirrorEvent::File { uri, outcome, .. } => {
                self.files_done.fetch_add(1, Ordering::Relaxed);
                match outcome {
                    FileOutcome::Added { chunks } | FileOutcome::Changed { chunks } => {
                        self.chunks.fetch_add(*chunks as u64, Ordering::Relaxed);
                        self.texts_waiting.fetch_add(*chunks as u64, Ordering::Relaxed);
                    }
                    FileOutcome::Same | FileOutcome::Vanished => {}
                    FileOutcome::Failed { failure } => self.failed(uri, failure),
                }
            }
        }
    }

    fn failed(&self, uri: &str, failure: &Failure) {
        let number = self.failed.fetch_add(1, Ordering::Relaxed);
        if number < FAILURES_SHOWN {
            self.say(&format!("failed: {uri}: {}", failure.message));
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
        let mut line_due = Instant::now() + LINE_INTERVAL;
        loop {
            tokio::time::sleep(REDRAW_INTERVAL).await;
            self.bar.set_message(self.line());
            self.bar.tick();
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

    fn line(&self) -> String {
        let load = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let (done, total) = (load(&self.files_done), load(&self.files_total));
        let per_second = done as f64 / self.began.elapsed().as_secs_f64().max(0.001);
        let mut line = format!(
            "reading {}/{} files, {} chunks, {per_second:.0} files/s",
            grouped(done),
            grouped(total),
            grouped(load(&self.chunks))
        );
        if done == total {
            line = format!("read {} files, {} chunks", grouped(done), grouped(load(&self.chunks)));
        }
        if load(&self.failed) > 0 {
            line.push_str(&format!(", {} failed", grouped(load(&self.failed))));
        }
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
