//! Folders that are followed for as long as the process lives: each with its collection, its rules and its schedule.
//!
//! A source is ingested at the start, when its folder reports a change, when its time has come and when somebody asks; never
//! twice at the same time. What comes up meanwhile leads to one more ingest after it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all, select_all};
use serde::Serialize;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::Instant;

use super::{FolderWatch, IndexingError, IngestJob, MirrorEvent, MirrorSummary, WatchOptions, WatchState};
use crate::types::{CollectionName, IngestId};

/// A folder that is followed.
#[derive(Debug, Clone)]
pub struct Source {
    /// What it is called.
    pub name: String,
    /// What an ingest of it does. More deletions than may be should be withheld: nobody is there to be asked.
    pub job: IngestJob,
    /// The time between two ingests when nothing is reported; `None` for no such schedule.
    pub every: Option<Duration>,
    /// How its roots are watched; `None` when they are not.
    pub watch: Option<WatchOptions>,
}

/// How far a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// It is as its folder was when it was last looked at.
    Idle,
    /// It waits until another source is done.
    Waiting,
    /// It is ingested.
    Ingesting,
    /// Its last ingest failed; it is tried again.
    Failed,
}

/// A source as it is shown.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SourceStatus {
    /// What it is called.
    pub name: String,
    /// The collection that it fills.
    pub collection: CollectionName,
    /// Its folders and files, as they are configured.
    pub roots: Vec<String>,
    /// How far it is.
    pub state: SourceState,
    /// Whether its folders report changes.
    pub watch: Vec<WatchState>,
    /// Seconds between two ingests when nothing is reported; absent when there is no schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_s: Option<u64>,
    /// Its latest ingest, which may be going on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_ingest: Option<IngestId>,
    /// What its latest ingest that succeeded did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_summary: Option<MirrorSummary>,
    /// When it last succeeded, in milliseconds since 1970 (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub succeeded_at_ms: Option<i64>,
    /// Why its latest ingest failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// How often it failed since it last succeeded.
    pub failures: u32,
    /// When it is ingested again if nothing comes up before, in milliseconds since 1970 (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_run_at_ms: Option<i64>,
}

/// Hears what an ingest does.
pub type SourceListener = Arc<dyn Fn(&MirrorEvent) + Send + Sync>;
/// Does one ingest of a source.
pub type SourceIngest =
    Arc<dyn Fn(IngestJob, SourceListener) -> BoxFuture<'static, Result<MirrorSummary, IndexingError>> + Send + Sync>;

/// The sources of this process.
#[derive(Clone)]
pub struct Sources {
    all: Arc<[Arc<Followed>]>,
    clock: fn() -> i64,
    retry_first: Duration,
}

struct Followed {
    source: Source,
    status: Mutex<SourceStatus>,
    watches: Mutex<Vec<Arc<FolderWatch>>>,
    asked: Notify,
    /// Whether whoever asked agreed to every deletion.
    confirmed: AtomicBool,
}

/// After a failure, waits double up to the last.
const RETRY_FIRST: Duration = Duration::from_secs(5);
const RETRY_LAST: Duration = Duration::from_secs(300);
/// How long an ingest that was told to stop may take to say so.
const STOP_PATIENCE: Duration = Duration::from_millis(700);

impl Sources {
    /// Sources that are not followed yet. `clock` gives milliseconds since 1970 (UTC).
    pub fn new(sources: Vec<Source>, clock: fn() -> i64) -> Self {
        Self {
            all: sources.into_iter().map(|source| Arc::new(Followed::new(source))).collect(),
            clock,
            retry_first: RETRY_FIRST,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All of them, in the order of their configuration.
    pub fn list(&self) -> Vec<SourceStatus> {
        self.all.iter().map(|followed| followed.shown()).collect()
    }

    /// Asks for an ingest of a source: one begins at once, or after the one that is going on. With `confirmed` it may delete
    /// as much as it finds gone. `None` when there is no such source.
    pub fn sync(&self, name: &str, confirmed: bool) -> Option<SourceStatus> {
        let followed = self.all.iter().find(|followed| followed.source.name == name)?;
        if confirmed {
            followed.confirmed.store(true, Ordering::Relaxed);
        }
        followed.asked.notify_one();
        Some(followed.shown())
    }

    /// Follows all of them until `stop` says so; an ingest that is going on then has a moment to end. `at_once` ingests go on
    /// side by side: each reads with as many processes as there are cores.
    pub async fn run(&self, ingest: SourceIngest, at_once: usize, stop: watch::Receiver<bool>) {
        let turns = Semaphore::new(at_once.max(1));
        let all = self.all.iter().map(|followed| self.follow(followed, &ingest, &turns, stop.clone()));
        let mut told_to_stop = stop.clone();
        let patience = async {
            // Whoever held the other end is gone, which is the same.
            drop(told_to_stop.wait_for(|told| *told).await);
            tokio::time::sleep(STOP_PATIENCE).await;
        };
        tokio::select! {
            _ = join_all(all) => {}
            () = patience => {}
        }
        self.all.iter().for_each(|followed| followed.watches().clear());
    }

    async fn follow(
        &self,
        followed: &Arc<Followed>,
        ingest: &SourceIngest,
        turns: &Semaphore,
        mut stop: watch::Receiver<bool>,
    ) {
        followed.begin_to_watch();
        loop {
            followed.status().state = SourceState::Waiting;
            let turn = tokio::select! {
                turn = turns.acquire() => turn,
                _ = stop.wait_for(|told| *told) => return,
            };
            let next = self.ingest(followed, ingest).await;
            drop(turn);
            followed.status().next_run_at_ms = next.after.map(|wait| (self.clock)() + milliseconds(wait));
            tokio::select! {
                () = followed.until_due(next) => {}
                _ = stop.wait_for(|told| *told) => return,
            }
            followed.status().next_run_at_ms = None;
        }
    }

    /// One ingest; says when the next is due if nothing comes up.
    async fn ingest(&self, followed: &Arc<Followed>, ingest: &SourceIngest) -> Next {
        // What was asked and reported until here is seen by the plan that begins now.
        let _seen = followed.asked.notified().now_or_never();
        for watch in followed.watches().iter() {
            let _seen_too = watch.changed().now_or_never();
        }
        followed.status().state = SourceState::Ingesting;
        let mut job = followed.source.job.clone();
        job.options.deletion.confirmed |= followed.confirmed.swap(false, Ordering::Relaxed);
        let heard = Arc::clone(followed);
        let listener: SourceListener = Arc::new(move |event| {
            if let MirrorEvent::Started { ingest: begun } = event {
                heard.status().last_ingest = Some(*begun);
            }
        });
        let outcome = ingest(job, listener).await;
        let mut status = followed.status();
        match outcome {
            Ok(summary) => {
                (status.state, status.failures, status.last_error) = (SourceState::Idle, 0, None);
                (status.last_summary, status.succeeded_at_ms) = (Some(summary), Some((self.clock)()));
                Next { after: followed.source.every, not_before: Duration::ZERO }
            }
            // Somebody wanted that, so it is not tried again for it.
            Err(IndexingError::Cancelled) => {
                status.state = SourceState::Idle;
                Next { after: followed.source.every, not_before: Duration::ZERO }
            }
            Err(error) => {
                let wait = self.retry_first.saturating_mul(1 << status.failures.min(16)).min(RETRY_LAST);
                (status.state, status.last_error) = (SourceState::Failed, Some(error.to_string()));
                status.failures += 1;
                let source = followed.source.name.as_str();
                tracing::error!(source, %error, retry_in_s = wait.as_secs(), "a source could not be ingested");
                Next { after: Some(wait), not_before: self.retry_first }
            }
        }
    }
}

/// When a source is ingested again.
#[derive(Debug, Clone, Copy)]
struct Next {
    /// If nothing comes up; `None` for never.
    after: Option<Duration>,
    /// The least time when its folder reports a change: what fails is not tried with every change of a busy folder. Whoever
    /// asks does not wait.
    not_before: Duration,
}

impl Followed {
    fn new(source: Source) -> Self {
        let status = SourceStatus {
            name: source.name.clone(),
            collection: source.job.options.collection.clone(),
            roots: source.job.roots.iter().map(|root| root.display().to_string()).collect(),
            state: SourceState::Waiting,
            watch: Vec::new(),
            every_s: source.every.map(|every| every.as_secs()),
            last_ingest: None,
            last_summary: None,
            succeeded_at_ms: None,
            last_error: None,
            failures: 0,
            next_run_at_ms: None,
        };
        Self {
            source,
            status: Mutex::new(status),
            watches: Mutex::default(),
            asked: Notify::new(),
            confirmed: AtomicBool::new(false),
        }
    }

    fn begin_to_watch(&self) {
        let Some(options) = &self.source.watch else { return };
        let watch = |root: &std::path::PathBuf| Arc::new(FolderWatch::start(root.clone(), options.clone()));
        *self.watches() = self.source.job.roots.iter().map(watch).collect();
    }

    fn shown(&self) -> SourceStatus {
        let watch = match &self.source.watch {
            None => vec![WatchState::Off],
            Some(_) => self.watches().iter().map(|watch| watch.state()).collect(),
        };
        SourceStatus { watch, ..self.status().clone() }
    }

    /// Waits until the next ingest is due.
    async fn until_due(&self, next: Next) {
        let began = Instant::now();
        let watches = self.watches().clone();
        let changed = async {
            if watches.is_empty() {
                return std::future::pending::<()>().await;
            }
            select_all(watches.iter().map(|watch| Box::pin(watch.changed()))).await;
            tokio::time::sleep_until(began + next.not_before).await;
        };
        let due = async {
            match next.after {
                Some(after) => tokio::time::sleep_until(began + after).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.asked.notified() => {}
            () = changed => {}
            () = due => {}
        }
    }

    fn status(&self) -> MutexGuard<'_, SourceStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watches(&self) -> MutexGuard<'_, Vec<Arc<FolderWatch>>> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::indexing::{DeletionPolicy, MirrorOptions, ScanRules};

    fn source(name: &str, root: &std::path::Path) -> Source {
        let options = MirrorOptions {
            collection: CollectionName::default_name(),
            file_bytes_max: 1,
            readers: None::<BTreeSet<_>>,
            excluded: root.join("data"),
            rules: ScanRules::default(),
            deletion: DeletionPolicy { withhold: true, ..DeletionPolicy::default() },
            checksum: false,
            retry_failed: false,
            after_back_off: true,
            keep_originals: false,
        };
        let job = IngestJob { roots: vec![root.to_owned()], options };
        Source { name: name.to_owned(), job, every: None, watch: None }
    }

    fn sources(all: Vec<Source>) -> Sources {
        Sources { retry_first: Duration::from_millis(10), ..Sources::new(all, || 7) }
    }

    /// Ingests that wait to be let through, and say how many there are at once.
    #[derive(Default)]
    struct Gate {
        begun: AtomicUsize,
        running: AtomicUsize,
        most: AtomicUsize,
        confirmed: AtomicUsize,
        failing: AtomicBool,
        open: Notify,
    }

    impl Gate {
        fn ingest(self: &Arc<Self>) -> SourceIngest {
            let gate = Arc::clone(self);
            Arc::new(move |job, listener| {
                let gate = Arc::clone(&gate);
                Box::pin(async move {
                    listener(&MirrorEvent::Started { ingest: IngestId::new() });
                    gate.confirmed.fetch_add(usize::from(job.options.deletion.confirmed), Ordering::SeqCst);
                    gate.begun.fetch_add(1, Ordering::SeqCst);
                    let running = gate.running.fetch_add(1, Ordering::SeqCst) + 1;
                    gate.most.fetch_max(running, Ordering::SeqCst);
                    gate.open.notified().await;
                    gate.running.fetch_sub(1, Ordering::SeqCst);
                    match gate.failing.load(Ordering::SeqCst) {
                        true => Err(IndexingError::Root("docs".into(), "it is gone".to_owned())),
                        false => Ok(MirrorSummary::default()),
                    }
                })
            })
        }

        async fn until_begun(&self, times: usize) {
            until(|| self.begun.load(Ordering::SeqCst) >= times).await;
            assert_eq!(self.begun.load(Ordering::SeqCst), times);
        }
    }

    async fn until(is_so: impl Fn() -> bool) {
        let reached = async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), reached).await.unwrap();
    }

    /// Runs sources beside a test, and stops them.
    async fn beside(sources: &Sources, gate: &Arc<Gate>, test: impl Future<Output = ()>) {
        let (stop, stopped) = watch::channel(false);
        let run = sources.run(gate.ingest(), 1, stopped);
        let test = async {
            test.await;
            stop.send_replace(true);
            Instant::now()
        };
        let ((), told) = tokio::join!(run, test);
        assert!(told.elapsed() < Duration::from_secs(1));
    }

    #[tokio::test]
    async fn what_is_asked_for_meanwhile_leads_to_one_more_and_never_two_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (sources, gate) = (sources(vec![source("docs", folder.path())]), Arc::<Gate>::default());
        beside(&sources, &gate, async {
            gate.until_begun(1).await;
            assert_eq!(sources.list()[0].state, SourceState::Ingesting);
            assert!(sources.list()[0].last_ingest.is_some());
            for _ in 0..5 {
                assert!(sources.sync("docs", false).is_some());
            }
            assert!(sources.sync("other", false).is_none());
            gate.open.notify_one();
            gate.until_begun(2).await;
            assert!(sources.sync("docs", true).is_some());
            gate.open.notify_one();
            gate.until_begun(3).await;
            gate.open.notify_one();
            until(|| sources.list()[0].state == SourceState::Idle).await;
            gate.until_begun(3).await;
        })
        .await;
        assert_eq!((gate.most.load(Ordering::SeqCst), gate.confirmed.load(Ordering::SeqCst)), (1, 1));
        let status = &sources.list()[0];
        assert_eq!(
            (status.succeeded_at_ms, status.next_run_at_ms, &status.watch),
            (Some(7), None, &vec![WatchState::Off])
        );
    }

    #[tokio::test]
    async fn sources_take_turns_and_a_schedule_comes_round() {
        let folder = tempfile::tempdir().unwrap();
        let every = |source: Source| Source { every: Some(Duration::from_millis(5)), ..source };
        let two = vec![every(source("a", folder.path())), every(source("b", folder.path()))];
        let (sources, gate) = (sources(two), Arc::<Gate>::default());
        beside(&sources, &gate, async {
            for round in 1..=6 {
                gate.until_begun(round).await;
                assert!(round > 1 || sources.list().iter().any(|source| source.state == SourceState::Waiting));
                gate.open.notify_one();
            }
        })
        .await;
        assert_eq!(gate.most.load(Ordering::SeqCst), 1);
        assert!(sources.list().iter().all(|source| source.succeeded_at_ms.is_some()));
    }

    #[tokio::test]
    async fn a_failure_is_kept_shown_and_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let (sources, gate) = (sources(vec![source("docs", folder.path())]), Arc::<Gate>::default());
        gate.failing.store(true, Ordering::SeqCst);
        beside(&sources, &gate, async {
            for round in 1..=3 {
                gate.until_begun(round).await;
                gate.open.notify_one();
            }
            gate.until_begun(4).await;
            let status = &sources.list()[0];
            assert_eq!(status.failures, 3);
            assert!(status.last_error.as_ref().is_some_and(|error| error.contains("it is gone")));
            gate.failing.store(false, Ordering::SeqCst);
            gate.open.notify_one();
            until(|| sources.list()[0].state == SourceState::Idle).await;
        })
        .await;
        let status = &sources.list()[0];
        assert_eq!((status.failures, status.last_error.as_ref()), (0, None));
    }

    #[tokio::test]
    async fn a_change_in_the_folder_is_ingested_and_an_ingest_that_hangs_does_not_hold_the_stop() {
        let folder = tempfile::tempdir().unwrap();
        let options =
            WatchOptions { quiet: Duration::from_millis(20), ..WatchOptions::without(folder.path().join("data")) };
        let watched = Source { watch: Some(options), ..source("docs", folder.path()) };
        let (sources, gate) = (sources(vec![watched]), Arc::<Gate>::default());
        beside(&sources, &gate, async {
            until(|| sources.list()[0].watch == [WatchState::Watching]).await;
            gate.until_begun(1).await;
            gate.open.notify_one();
            until(|| sources.list()[0].state == SourceState::Idle).await;
            std::fs::write(folder.path().join("a.md"), "new").unwrap();
            gate.until_begun(2).await;
        })
        .await;
    }
}
