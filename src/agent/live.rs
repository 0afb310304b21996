//! Runs that are going on in this process: each can be followed by several, left and followed again, and stopped.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::watch;

use super::{AgentEvent, RunError};

/// How long a run that nobody follows any more goes on, so that a follower whose connection broke can come back.
const DISCONNECT_GRACE: Duration = Duration::from_millis(500);

/// The runs of this process, by their ids.
#[derive(Debug, Clone, Default)]
pub struct LiveRuns {
    runs: Arc<Mutex<BTreeMap<String, Arc<LiveRun>>>>,
}

/// Who a run is for, and whether it needs somebody who follows it.
#[derive(Debug, Clone)]
pub(super) struct LiveRunKey {
    pub(super) run_id: String,
    pub(super) thread_id: String,
    pub(super) account: String,
    /// Whether it goes on when nobody follows it.
    pub(super) keeps_on: bool,
}

/// A run that is going on.
#[derive(Debug)]
pub(super) struct LiveRun {
    key: LiveRunKey,
    events: Mutex<Vec<Arc<AgentEvent>>>,
    grown: watch::Sender<usize>,
    stop: watch::Sender<Option<String>>,
    followers: AtomicUsize,
    /// Whether the truth has a row of it that is its own.
    pub(super) begun: AtomicBool,
}

impl LiveRuns {
    /// Takes a run in.
    ///
    /// # Errors
    /// [`RunError::Conflict`] when a run of that id or on that thread is going on, [`RunError::Busy`] when there are
    /// `runs_max`.
    pub(super) fn take(&self, key: LiveRunKey, runs_max: usize) -> Result<Arc<LiveRun>, RunError> {
        let mut runs = locked(&self.runs);
        if runs.contains_key(&key.run_id) {
            return Err(RunError::Conflict(format!("the run {:?} is going on", key.run_id)));
        }
        let is_same = |run: &Arc<LiveRun>| run.key.thread_id == key.thread_id && run.key.account == key.account;
        if runs.values().any(is_same) {
            let message =
                format!("another run is going on in the thread {:?}; wait for its end or cancel it", key.thread_id);
            return Err(RunError::Conflict(message));
        }
        if runs.len() >= runs_max {
            return Err(RunError::Busy);
        }
        let run = Arc::new(LiveRun {
            key,
            events: Mutex::default(),
            grown: watch::Sender::new(0),
            stop: watch::Sender::new(None),
            followers: AtomicUsize::new(0),
            begun: AtomicBool::new(false),
        });
        runs.insert(run.key.run_id.clone(), Arc::clone(&run));
        Ok(run)
    }

    pub(super) fn release(&self, run: &LiveRun) {
        locked(&self.runs).remove(&run.key.run_id);
    }

    /// Follows a run from its first event on, if it is going on and is the account's.
    pub fn follow(&self, run_id: &str, account: &str) -> Option<Following> {
        self.of(run_id, account).map(Following::new)
    }

    /// Stops a run. Says whether there was one.
    pub fn cancel(&self, run_id: &str, account: &str) -> bool {
        let run = self.of(run_id, account);
        run.is_some_and(|run| {
            run.cancel("it was cancelled");
            true
        })
    }

    /// Whether a run is going on in the account's thread.
    pub fn is_busy(&self, thread_id: &str, account: &str) -> bool {
        locked(&self.runs).values().any(|run| run.key.thread_id == thread_id && run.key.account == account)
    }

    /// Stops every run and waits until all have ended, or until `patience` is over.
    pub async fn cancel_all(&self, reason: &str, patience: Duration) {
        let going: Vec<Arc<LiveRun>> = locked(&self.runs).values().cloned().collect();
        going.iter().for_each(|run| run.cancel(reason));
        let ended = async {
            for run in going {
                let mut grown = run.grown.subscribe();
                // An error means that the run is gone, which is its end, too.
                drop(grown.wait_for(|_| run.has_ended()).await);
            }
        };
        drop(tokio::time::timeout(patience, ended).await);
    }

    fn of(&self, run_id: &str, account: &str) -> Option<Arc<LiveRun>> {
        locked(&self.runs).get(run_id).filter(|run| run.key.account == account).cloned()
    }
}

impl LiveRun {
    /// Adds an event and tells the followers.
    pub(super) fn push(&self, event: AgentEvent) {
        let mut events = locked(&self.events);
        events.push(Arc::new(event));
        self.grown.send_replace(events.len());
    }

    /// The events from `first` on, counted from 0.
    pub(super) fn since(&self, first: usize) -> Vec<Arc<AgentEvent>> {
        locked(&self.events).get(first..).unwrap_or_default().to_vec()
    }

    /// Ends when the run shall stop, with the reason.
    pub(super) async fn stopped(&self) -> String {
        let mut stop = self.stop.subscribe();
        // The sender is this run's own, so waiting ends with a reason or not at all.
        let reason = stop.wait_for(Option::is_some).await.map(|reason| reason.clone());
        reason.ok().flatten().unwrap_or_default()
    }

    fn cancel(&self, reason: &str) {
        self.stop.send_replace(Some(reason.to_owned()));
    }

    fn has_ended(&self) -> bool {
        locked(&self.events).last().is_some_and(|event| event.is_last())
    }
}

/// A run as one follower sees it, from its first event on. When the last follower goes, the run stops, unless it keeps on.
#[derive(Debug)]
pub struct Following {
    run: Arc<LiveRun>,
    grown: watch::Receiver<usize>,
    next: usize,
}

impl Following {
    pub(super) fn new(run: Arc<LiveRun>) -> Self {
        run.followers.fetch_add(1, Ordering::SeqCst);
        let grown = run.grown.subscribe();
        Self { run, grown, next: 0 }
    }

    /// The run's thread.
    pub fn thread_id(&self) -> &str {
        &self.run.key.thread_id
    }

    /// The events that are there and were not given yet, at least one; `None` after the last one.
    pub async fn next(&mut self) -> Option<Vec<Arc<AgentEvent>>> {
        if self.next > 0 && self.run.since(self.next - 1).first().is_some_and(|event| event.is_last()) {
            return None;
        }
        let next = self.next;
        self.grown.wait_for(|length| *length > next).await.ok()?;
        let events = self.run.since(self.next);
        self.next += events.len();
        Some(events)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let left = self.run.followers.fetch_sub(1, Ordering::SeqCst) - 1;
        if left > 0 || self.run.key.keeps_on || self.run.has_ended() {
            return;
        }
        let run = Arc::clone(&self.run);
        // Outside of a runtime, as at the end of the program, nothing runs that could be stopped.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep(DISCONNECT_GRACE).await;
                if run.followers.load(Ordering::SeqCst) == 0 {
                    run.cancel("nobody listens any more");
                }
            });
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics with it")
}
