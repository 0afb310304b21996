//! A folder that says when something below it may have changed.
//!
//! Events are triggers and never truth: file systems drop, merge and misname them, so each leads to a full plan, and a plan
//! on a schedule finds what no event told of. One thread a root does all of it, because looking at a folder may block for as
//! long as a server far away takes, and nobody should wait for that.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{ErrorKind, Event, RecursiveMode, Watcher};
use serde::Serialize;
use tokio::sync::Notify;

/// How long a root is watched, and what counts.
#[derive(Debug, Clone)]
pub struct WatchOptions {
    /// A folder whose events do not count: our own data.
    pub excluded: PathBuf,
    /// How long nothing must happen before something is said. 1 s: an editor or a copy is done with a file by then.
    pub quiet: Duration,
    /// The longest wait after the first event. 10 s: a folder that is written to without end is read all the same.
    pub wait_max: Duration,
    /// How often it is looked whether the root is still the same: a disk that is taken away sends no event.
    pub look_every: Duration,
    /// The first wait before watching is tried again; it doubles.
    pub retry_first: Duration,
}

/// Whether changes are reported at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum WatchState {
    /// Not asked for: only plans find changes.
    Off,
    /// It begins: the folders below the root are counted in.
    Starting,
    /// Changes are reported.
    Watching,
    /// The root is not there; it is watched again when it comes back.
    Away,
    /// The system does not let us; only plans find changes.
    Unavailable {
        /// Why, for a person.
        reason: String,
    },
}

/// A root that is being watched, until this is dropped.
#[derive(Debug)]
pub struct FolderWatch {
    changed: Arc<Notify>,
    state: Arc<Mutex<WatchState>>,
    signals: Sender<Signal>,
}

/// The longest wait for a root that is not there: a look costs nothing.
const AWAY_MAX: Duration = Duration::from_secs(10);
/// The longest wait after the system refused: every try counts in all folders again.
const REFUSED_MAX: Duration = Duration::from_secs(300);

impl WatchOptions {
    /// As it is meant to be, with our own data left out.
    pub fn without(excluded: PathBuf) -> Self {
        Self {
            excluded,
            quiet: Duration::from_secs(1),
            wait_max: Duration::from_secs(10),
            look_every: Duration::from_secs(2),
            retry_first: Duration::from_secs(1),
        }
    }
}

impl FolderWatch {
    /// Watches everything below `root`, a folder or a single file that may be missing at first.
    pub fn start(root: PathBuf, options: WatchOptions) -> Self {
        Self::start_with(root, options, Box::new(watch_with_notify))
    }

    fn start_with(root: PathBuf, options: WatchOptions, arm: Arm) -> Self {
        let (signals, received) = channel();
        let watch = Self { changed: Arc::default(), state: Arc::new(Mutex::new(WatchState::Starting)), signals };
        let (changed, state) = (Arc::clone(&watch.changed), Arc::clone(&watch.state));
        let thread = WatchThread { root, options, arm, changed, state, signals: watch.signals.clone(), received };
        let started = std::thread::Builder::new().name("ibid-watch".to_owned()).spawn(move || thread.run());
        if let Err(error) = started {
            watch.set(WatchState::Unavailable { reason: error.to_string() });
        }
        watch
    }

    /// Waits until something may have changed since the last call. What happened while nobody waited is told at once.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Whether changes are reported at the moment.
    pub fn state(&self) -> WatchState {
        self.state.lock().expect("nobody panics with the state of a watch").clone()
    }

    fn set(&self, state: WatchState) {
        *self.state.lock().expect("nobody panics with the state of a watch") = state;
    }
}

impl Drop for FolderWatch {
    fn drop(&mut self) {
        drop(self.signals.send(Signal::Stop));
    }
}

/// What the thread hears.
#[derive(Debug)]
enum Signal {
    /// Something below the root may have changed.
    Changed,
    /// The watch does not see everything any more.
    Broken(String),
    /// The root itself went, or events were dropped.
    Again,
    /// Nobody listens any more.
    Stop,
}

/// Why watching could not begin.
#[derive(Debug)]
enum Refusal {
    /// The root is not there.
    Away,
    /// The system does not let us, for this reason.
    Refused(String),
}

/// What watches, for as long as it is held.
type Armed = Box<dyn std::any::Any>;
/// Begins to watch a root.
type Arm = Box<dyn Fn(&Path, &Path, Sender<Signal>) -> Result<Armed, Refusal> + Send>;

struct WatchThread {
    root: PathBuf,
    options: WatchOptions,
    arm: Arm,
    changed: Arc<Notify>,
    state: Arc<Mutex<WatchState>>,
    signals: Sender<Signal>,
    received: Receiver<Signal>,
}

/// Why following ended.
enum End {
    Again,
    Broken(String),
    Stop,
}

impl WatchThread {
    fn run(self) {
        let mut wait = self.options.retry_first;
        let mut is_first = true;
        loop {
            let identity = identity(&self.root);
            let (problem, longest) = match (self.arm)(&self.root, &self.options.excluded, self.signals.clone()) {
                Ok(armed) => {
                    self.enter(WatchState::Watching);
                    if !std::mem::take(&mut is_first) {
                        // Nobody saw what happened meanwhile.
                        self.changed.notify_one();
                    }
                    let end = self.follow(identity);
                    drop(armed);
                    match end {
                        End::Stop => return,
                        End::Broken(reason) => (WatchState::Unavailable { reason }, REFUSED_MAX),
                        End::Again => {
                            wait = self.options.retry_first;
                            self.changed.notify_one();
                            continue;
                        }
                    }
                }
                Err(Refusal::Away) => (WatchState::Away, AWAY_MAX),
                Err(Refusal::Refused(reason)) => (WatchState::Unavailable { reason }, REFUSED_MAX),
            };
            is_first = false;
            self.enter(problem);
            if self.rest(wait.min(longest)) {
                return;
            }
            wait = (wait * 2).min(longest);
        }
    }

    /// Passes on what happens below the root, until it is watched no more.
    fn follow(&self, identity: Option<Identity>) -> End {
        // When the first event came that nobody was told of, and the last.
        let mut pending: Option<(Instant, Instant)> = None;
        let mut looked = Instant::now();
        loop {
            let now = Instant::now();
            let due = pending.map(|(first, last)| (first + self.options.wait_max).min(last + self.options.quiet));
            if due.is_some_and(|due| due <= now) {
                pending = None;
                self.changed.notify_one();
                continue;
            }
            let look = looked + self.options.look_every;
            if look <= now {
                if self::identity(&self.root) != identity {
                    return End::Again;
                }
                looked = Instant::now();
                continue;
            }
            let until = due.map_or(look, |due| due.min(look));
            match self.received.recv_timeout(until - now) {
                Ok(Signal::Changed) => {
                    let last = Instant::now();
                    pending = Some((pending.map_or(last, |(first, _)| first), last));
                }
                Ok(Signal::Again) => return End::Again,
                Ok(Signal::Broken(reason)) => {
                    self.changed.notify_one();
                    return End::Broken(reason);
                }
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return End::Stop,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Waits before the next try; says whether it was told to stop.
    fn rest(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.received.recv_timeout(left) {
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return true,
                Ok(_) if !left.is_zero() => {}
                Ok(_) | Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }

    /// Notes the state, and says once when watching cannot be had.
    fn enter(&self, state: WatchState) {
        let mut before = self.state.lock().expect("nobody panics with the state of a watch");
        if *before == state {
            return;
        }
        match &state {
            WatchState::Unavailable { reason } => {
                tracing::warn!(root = %self.root.display(), %reason, "a folder cannot be watched; its schedule finds changes");
            }
            WatchState::Away => tracing::warn!(root = %self.root.display(), "a watched folder is not there"),
            WatchState::Watching if *before != WatchState::Starting => {
                tracing::info!(root = %self.root.display(), "a folder is watched again");
            }
            WatchState::Off | WatchState::Starting | WatchState::Watching => {}
        }
        *before = state;
    }
}

/// What tells a root from another one at the same path.
type Identity = (u64, u64);

/// The identity of what is at a path; `None` when nothing is.
fn identity(root: &Path) -> Option<Identity> {
    let metadata = std::fs::metadata(root).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Some((metadata.dev(), metadata.ino()))
    }
    #[cfg(not(unix))]
    {
        let made = metadata.created().ok().and_then(|made| made.duration_since(std::time::UNIX_EPOCH).ok());
        Some((0, made.map_or(0, |made| u64::try_from(made.as_nanos()).unwrap_or(0))))
    }
}

/// Watches a root with what the system has for it.
fn watch_with_notify(root: &Path, excluded: &Path, signals: Sender<Signal>) -> Result<Armed, Refusal> {
    let canonical = std::fs::canonicalize(root).map_err(|_| Refusal::Away)?;
    let excluded = std::fs::canonicalize(excluded).unwrap_or_else(|_| excluded.to_owned());
    let place = canonical.clone();
    let handler = move |event: notify::Result<Event>| {
        let signal = match event {
            Ok(event) => meaning(&event, &place, &excluded),
            Err(error) => Some(Signal::Broken(reason(&error))),
        };
        if let Some(signal) = signal {
            // Nobody hears it when the watch has just ended.
            drop(signals.send(signal));
        }
    };
    let refused = |error: notify::Error| match error.kind {
        ErrorKind::PathNotFound => Refusal::Away,
        ErrorKind::Io(ref io) if io.kind() == std::io::ErrorKind::NotFound => Refusal::Away,
        _ => Refusal::Refused(reason(&error)),
    };
    let mut watcher = notify::recommended_watcher(handler).map_err(refused)?;
    watcher.watch(&canonical, RecursiveMode::Recursive).map_err(refused)?;
    Ok(Box::new(watcher))
}

/// What an event means for a root; `None` when it means nothing.
fn meaning(event: &Event, root: &Path, excluded: &Path) -> Option<Signal> {
    if event.need_rescan() {
        return Some(Signal::Again);
    }
    match event.kind {
        // Whoever reads, ourselves first of all, changes nothing.
        EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write) => return None,
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From))
            if event.paths.iter().any(|path| path == root) =>
        {
            return Some(Signal::Again);
        }
        _ => {}
    }
    let counts = |path: &PathBuf| !path.starts_with(excluded) && !is_hidden(path, root);
    (event.paths.is_empty() || event.paths.iter().any(counts)).then_some(Signal::Changed)
}

/// Whether no scan looks at a path: it is hidden, or in a hidden folder, and does not say what is ignored. A repository writes
/// to its own folder whenever somebody asks how it is.
fn is_hidden(path: &Path, root: &Path) -> bool {
    let Ok(below) = path.strip_prefix(root) else { return false };
    let mut names = below.components().map(|part| part.as_os_str().to_string_lossy()).peekable();
    while let Some(name) = names.next() {
        let says_what_is_ignored = names.peek().is_none() && name.ends_with("ignore");
        if name.starts_with('.') && !says_what_is_ignored {
            return true;
        }
    }
    false
}

/// Why the system refuses, and what to do where something can be done.
fn reason(error: &notify::Error) -> String {
    match &error.kind {
        ErrorKind::MaxFilesWatch => "there are more folders than the system watches for one user; the sysctl \
                                     fs.inotify.max_user_watches sets how many"
            .to_owned(),
        // EMFILE, which inotify gives for its own count of watchers as well.
        ErrorKind::Io(io) if io.raw_os_error() == Some(24) => "there are too many watchers or open files; the sysctl \
                                                               fs.inotify.max_user_instances sets how many"
            .to_owned(),
        ErrorKind::Io(io) => io.to_string(),
        ErrorKind::Generic(said) => said.clone(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it is meant to be, twenty times as fast.
    fn fast(excluded: &Path) -> WatchOptions {
        WatchOptions {
            excluded: excluded.to_owned(),
            quiet: Duration::from_millis(50),
            wait_max: Duration::from_millis(500),
            look_every: Duration::from_millis(50),
            retry_first: Duration::from_millis(20),
        }
    }

    async fn is_told(watch: &FolderWatch) -> bool {
        tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.is_ok()
    }

    /// Whether nothing is said for as long as several triggers would take.
    async fn is_silent(watch: &FolderWatch) -> bool {
        tokio::time::timeout(Duration::from_millis(400), watch.changed()).await.is_err()
    }

    async fn until_it_is(watch: &FolderWatch, state: WatchState) {
        let reached = async {
            while watch.state() != state {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(10), reached).await.is_ok(), "{:?}", watch.state());
    }

    #[tokio::test]
    async fn a_burst_of_changes_is_told_once_and_reading_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let (root, data) = (folder.path().join("docs"), folder.path().join("docs/ibid-data"));
        std::fs::create_dir_all(&data).unwrap();
        std::fs::write(root.join("a.md"), "one").unwrap();
        let watch = FolderWatch::start(root.clone(), fast(&data));
        until_it_is(&watch, WatchState::Watching).await;
        assert!(is_silent(&watch).await, "beginning is no change");
        for number in 0..50 {
            std::fs::write(root.join(format!("{number}.md")), "two").unwrap();
        }
        assert!(is_told(&watch).await);
        assert!(is_silent(&watch).await, "once");
        for _ in 0..3 {
            assert_eq!(std::fs::read_dir(&root).unwrap().count(), 52);
            assert_eq!(std::fs::read_to_string(root.join("a.md")).unwrap(), "one");
        }
        std::fs::write(data.join("ibid.db"), "our own").unwrap();
        std::fs::create_dir(root.join(".git")).unwrap();
        std::fs::write(root.join(".git/index"), "theirs").unwrap();
        assert!(is_silent(&watch).await, "looking, our own data and hidden files are no changes");
        std::fs::write(root.join(".ibidignore"), "*.log").unwrap();
        assert!(is_told(&watch).await, "what is ignored is another question then");
    }

    #[tokio::test]
    async fn what_comes_moves_and_goes_below_new_folders_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("docs");
        std::fs::create_dir(&root).unwrap();
        let watch = FolderWatch::start(root.clone(), fast(&folder.path().join("data")));
        until_it_is(&watch, WatchState::Watching).await;
        std::fs::create_dir_all(root.join("a/b/c")).unwrap();
        assert!(is_told(&watch).await);
        std::fs::write(root.join("a/b/c/deep.md"), "deep").unwrap();
        assert!(is_told(&watch).await);
        std::fs::rename(root.join("a/b/c/deep.md"), root.join("up.md")).unwrap();
        assert!(is_told(&watch).await);
        std::fs::remove_file(root.join("up.md")).unwrap();
        assert!(is_told(&watch).await);
        std::fs::write(folder.path().join("beside.md"), "no business of ours").unwrap();
        assert!(is_silent(&watch).await);
    }

    #[tokio::test]
    async fn changes_without_end_are_told_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let options = WatchOptions { quiet: Duration::from_secs(60), ..fast(&folder.path().join("data")) };
        let watch = FolderWatch::start(folder.path().to_owned(), options);
        until_it_is(&watch, WatchState::Watching).await;
        std::fs::write(folder.path().join("log.txt"), "a line").unwrap();
        assert!(is_told(&watch).await, "after the longest wait, though it was never quiet for long enough");
    }

    #[tokio::test]
    async fn a_root_that_goes_and_comes_back_is_watched_again() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("docs");
        let watch = FolderWatch::start(root.clone(), fast(&folder.path().join("data")));
        until_it_is(&watch, WatchState::Away).await;
        for comes_back in ["made", "moved", "replaced"] {
            match comes_back {
                "moved" => std::fs::rename(folder.path().join("elsewhere"), &root).unwrap(),
                _ => std::fs::create_dir(&root).unwrap(),
            }
            until_it_is(&watch, WatchState::Watching).await;
            assert!(is_told(&watch).await, "that it came back is a change");
            std::fs::write(root.join("a.md"), comes_back).unwrap();
            assert!(is_told(&watch).await, "{comes_back}");
            match comes_back {
                "made" => std::fs::rename(&root, folder.path().join("elsewhere")).unwrap(),
                _ => std::fs::remove_dir_all(&root).unwrap(),
            }
            until_it_is(&watch, WatchState::Away).await;
        }
    }

    #[tokio::test]
    async fn a_link_that_points_elsewhere_is_another_root() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two, root) = (folder.path().join("1"), folder.path().join("2"), folder.path().join("current"));
        for release in [&one, &two] {
            std::fs::create_dir(release).unwrap();
        }
        std::os::unix::fs::symlink(&one, &root).unwrap();
        let watch = FolderWatch::start(root.clone(), fast(&folder.path().join("data")));
        until_it_is(&watch, WatchState::Watching).await;
        std::os::unix::fs::symlink(&two, folder.path().join("next")).unwrap();
        std::fs::rename(folder.path().join("next"), &root).unwrap();
        assert!(is_told(&watch).await);
        until_it_is(&watch, WatchState::Watching).await;
        while is_told_soon(&watch).await {}
        std::fs::write(two.join("a.md"), "new").unwrap();
        assert!(is_told(&watch).await);
    }

    async fn is_told_soon(watch: &FolderWatch) -> bool {
        !is_silent(watch).await
    }

    #[tokio::test]
    async fn without_watching_there_is_a_reason_and_another_try() {
        let folder = tempfile::tempdir().unwrap();
        let tries = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&tries);
        let arm: Arm = Box::new(move |root, excluded, signals| {
            *counted.lock().unwrap() += 1;
            match *counted.lock().unwrap() {
                1..=3 => Err(Refusal::Refused(reason(&notify::Error::new(ErrorKind::MaxFilesWatch)))),
                _ => watch_with_notify(root, excluded, signals),
            }
        });
        let watch = FolderWatch::start_with(folder.path().to_owned(), fast(&folder.path().join("data")), arm);
        let said = async {
            loop {
                if let WatchState::Unavailable { reason } = watch.state() {
                    break reason;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let said = tokio::time::timeout(Duration::from_secs(10), said).await.unwrap();
        assert!(said.contains("max_user_watches"), "{said}");
        until_it_is(&watch, WatchState::Watching).await;
        assert!(is_told(&watch).await, "nobody saw what happened until then");
        assert_eq!(*tries.lock().unwrap(), 4);
    }

    #[test]
    fn an_overflow_and_a_full_table_are_not_taken_for_silence() {
        let (root, data) = (Path::new("/docs"), Path::new("/docs/data"));
        let overflow = Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
        assert!(matches!(meaning(&overflow, root, data), Some(Signal::Again)));
        let unknown = Event::new(EventKind::Any);
        assert!(matches!(meaning(&unknown, root, data), Some(Signal::Changed)));
        let written = Event::new(EventKind::Access(AccessKind::Close(AccessMode::Write))).add_path("/docs/a".into());
        assert!(matches!(meaning(&written, root, data), Some(Signal::Changed)));
    }
}
