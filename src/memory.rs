//! What this process may hold in memory: what it holds is asked of the kernel, and what is about to be read is counted
//! before it is.
//!
//! A ceiling cannot be had by counting alone, because allocators and indexes keep more than they are given. So there are
//! two: documents in flight share a budget of bytes, and while the kernel says that the ceiling is near, nothing new begins.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// The unit in which bytes in flight are counted.
const UNIT_BYTES: u64 = 4 << 10;
/// What the model, the indexes and the program take themselves: 180 MiB with the default model, and what they grow by.
const OWN_BYTES: u64 = 224 << 20;
/// The share of a low ceiling that documents in flight may have in any case.
const IN_FLIGHT_SHARE: u64 = 4;
/// Above this share of the ceiling nothing new begins.
const NEAR: f64 = 0.88;
/// How long something waits for what else is in flight to give memory back. Alone it goes on at once: what it would wait for
/// may be kept for good.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// A cgroup's limit ends the process, so the ceiling stays below it.
const CGROUP_SHARE: f64 = 0.9;

/// The ceiling, or that of the cgroup if it is lower; 0 is none.
fn ceiling(limit_bytes: u64) -> u64 {
    let cgroup = cgroup_limit().map_or(0, |limit| (limit as f64 * CGROUP_SHARE) as u64);
    [limit_bytes, cgroup].into_iter().filter(|limit| *limit > 0).min().unwrap_or(0)
}

/// What documents in flight may hold together under a ceiling, and so each of the processes that read them.
pub fn in_flight_bytes(limit_bytes: u64) -> u64 {
    match ceiling(limit_bytes) {
        0 => u64::MAX,
        limit => limit.saturating_sub(OWN_BYTES).max(limit / IN_FLIGHT_SHARE),
    }
}

/// Begins this program anew with the settings that glibc's allocator needs to give memory back: it reads them only at the start
/// of a process. Left alone it keeps a heap for each of many threads, and takes texts of megabytes from those heaps: a log of
/// 324 MB then ends at 636 MiB instead of 278. Does nothing where somebody has settings of their own, and goes on as it is where
/// the program cannot be started.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn settle_allocator() {
    use std::os::unix::process::CommandExt;
    const ALLOCATOR: &str = "MALLOC_";
    let mut own = std::env::vars_os();
    if own.any(|(name, _)| name.as_encoded_bytes().starts_with(ALLOCATOR.as_bytes())) {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut args = std::env::args_os();
    let mut anew = std::process::Command::new(program);
    if let Some(name) = args.next() {
        anew.arg0(name);
    }
    let failed = anew.args(args).env("MALLOC_ARENA_MAX", "2").env("MALLOC_MMAP_THRESHOLD_", "1048576").exec();
    tracing::debug!(%failed, "the allocator stays as it is");
}

/// Other allocators have other settings.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn settle_allocator() {}

/// What is held, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MemoryUse {
    /// What this process holds at the moment.
    pub resident_bytes: u64,
    /// What the processes hold that read documents for it.
    pub children_bytes: u64,
    /// The most that all of them held together since this was first asked.
    pub peak_bytes: u64,
    /// What they may hold; 0 is no limit.
    pub limit_bytes: u64,
}

/// A ceiling, and how near it is.
pub struct Memory {
    limit: u64,
    in_flight: Arc<Semaphore>,
    units: u32,
    /// How many of those in flight have begun.
    begun: Arc<AtomicUsize>,
    /// Held by who begins next.
    turn: tokio::sync::Mutex<()>,
    children: Children,
    peak: AtomicU64,
    /// What the process held at the last look, and when that was.
    seen: Mutex<Option<(Instant, u64)>>,
}

/// Asks what the processes hold that work for this one.
pub type Children = Box<dyn Fn() -> u64 + Send + Sync>;

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// Bytes that are counted as in flight until this is dropped.
#[derive(Debug)]
pub struct InFlight {
    _permit: OwnedSemaphorePermit,
    begun: Arc<AtomicUsize>,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.begun.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Memory {
    /// A ceiling of so many bytes, or that of the cgroup if it is lower; 0 is none. `children` says what the processes hold that
    /// work for this one.
    pub fn new(limit_bytes: u64, children: Children) -> Self {
        let limit = ceiling(limit_bytes);
        let units = u32::try_from(in_flight_bytes(limit_bytes) / UNIT_BYTES).unwrap_or(1 << 20).clamp(1, 1 << 20);
        let in_flight = Arc::new(Semaphore::new(units as usize));
        Self {
            limit,
            in_flight,
            units,
            begun: Arc::default(),
            turn: tokio::sync::Mutex::default(),
            children,
            peak: AtomicU64::new(0),
            seen: Mutex::new(None),
        }
    }

    /// The ceiling; 0 is none.
    pub fn limit_bytes(&self) -> u64 {
        self.limit
    }

    /// Waits until so many bytes may be held: until there is room in the budget, and then until the ceiling is not near or
    /// nothing else is in flight. What is larger than the budget gets all of it.
    pub async fn take(&self, bytes: u64) -> InFlight {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX).clamp(1, self.units);
        let permit = Arc::clone(&self.in_flight).acquire_many_owned(units).await;
        let permit = permit.expect("nobody closes the budget");
        // One at a time, so that the next one sees this one.
        let _turn = self.turn.lock().await;
        let began = Instant::now();
        while self.begun.load(Ordering::Relaxed) > 0 && self.is_near() && began.elapsed() < PATIENCE {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        self.begun.fetch_add(1, Ordering::Relaxed);
        InFlight { _permit: permit, begun: Arc::clone(&self.begun) }
    }

    /// Whether so much is held that batches should be small.
    pub fn is_near(&self) -> bool {
        let held = self.look();
        self.limit > 0 && (held.resident_bytes + held.children_bytes) as f64 > self.limit as f64 * NEAR
    }

    /// What is held now, and the most so far.
    pub fn look(&self) -> MemoryUse {
        let resident = self.resident();
        let children = (self.children)();
        let now = resident + children;
        let peak = self.peak.fetch_max(now, Ordering::Relaxed).max(now);
        MemoryUse { resident_bytes: resident, children_bytes: children, peak_bytes: peak, limit_bytes: self.limit }
    }
}

impl Memory {
    /// What this process holds, as of a moment ago: the kernel takes its time to say so.
    fn resident(&self) -> u64 {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, resident)) = seen.filter(|(when, _)| when.elapsed() < LOOK_INTERVAL) {
            return resident;
        }
        let (resident, highest) = status_bytes().unwrap_or_default();
        self.peak.fetch_max(highest, Ordering::Relaxed);
        *seen = Some((Instant::now(), resident));
        resident
    }
}

/// What this process holds, and the most that it held.
fn status_bytes() -> Option<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    Some((field_bytes(&status, "VmRSS:")?, field_bytes(&status, "VmHWM:")?))
}

/// A field of `/proc/PID/status` that counts kibibytes.
fn field_bytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kibibytes| kibibytes << 10)
}

/// What the cgroup of this process may hold, where it has a limit.
pub fn cgroup_limit() -> Option<u64> {
    /// The first version has a number for no limit.
    const NONE: u64 = 1 << 60;
    let limit = |file: PathBuf| std::fs::read_to_string(file).ok()?.trim().parse::<u64>().ok();
    cgroup_files("memory.max", "memory.limit_in_bytes")
        .into_iter()
        .filter_map(limit)
        .filter(|limit| *limit < NONE)
        .min()
}

/// The most that the cgroup of this process held, where it counts.
pub fn cgroup_peak() -> Option<u64> {
    let own = cgroup_files("memory.peak", "memory.max_usage_in_bytes").into_iter().next()?;
    std::fs::read_to_string(own).ok()?.trim().parse().ok()
}

/// A file of this process's cgroup and of those above it, itself first; it has another name in each version of cgroups.
fn cgroup_files(second: &str, first: &str) -> Vec<PathBuf> {
    let listed = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let place = |line: &str| {
        let (controllers, own) = line.split_once(':')?.1.split_once(":/")?;
        let root = Path::new("/sys/fs/cgroup");
        match controllers {
            "" => Some((root.to_owned(), own.to_owned(), second)),
            _ if controllers.split(',').any(|controller| controller == "memory") => {
                Some((root.join("memory"), own.to_owned(), first))
            }
            _ => None,
        }
    };
    let above = |(root, own, name): (PathBuf, String, &str)| {
        let folder = root.join(own);
        let folders = folder.ancestors().take_while(|folder| folder.starts_with(&root));
        folders.map(|each| each.join(name)).collect::<Vec<_>>()
    };
    listed.lines().filter_map(place).flat_map(above).filter(|file| file.exists()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_in_flight_waits_for_room_and_nothing_waits_for_ever() {
        let memory = Memory::new(64 << 20, Box::new(|| 0));
        let all = memory.take(u64::MAX).await;
        let second = tokio::time::timeout(Duration::from_millis(50), memory.take(1)).await;
        assert!(second.is_err(), "the budget is spent");
        drop(all);
        // This test holds more than a tiny ceiling, and still one goes on, and the next one when it has ended.
        let tiny = Memory::new(1 << 20, Box::new(|| 0));
        assert!(tiny.is_near());
        let first = tiny.take(1).await;
        let beside = tokio::time::timeout(Duration::from_millis(50), tiny.take(1)).await;
        assert!(beside.is_err(), "near the ceiling they go one by one");
        drop(first);
        let (one, other) = tokio::join!(tiny.take(1), async {
            tokio::time::sleep(Duration::from_millis(60)).await;
            tiny.begun.load(Ordering::Relaxed)
        });
        assert_eq!(other, 1);
        drop(one);
    }

    #[test]
    fn what_is_held_is_seen_with_its_peak() {
        let memory = Memory::new(0, Box::new(|| 5));
        let held = vec![1_u8; 64 << 20];
        let first = memory.look();
        assert!(first.resident_bytes > 32 << 20 && held[held.len() / 2] == 1);
        drop(held);
        let later = memory.look();
        assert!(later.peak_bytes >= first.resident_bytes && later.children_bytes == 5);
        assert_eq!(field_bytes("Name: x\nVmRSS:\t   12 kB\n", "VmRSS:"), Some(12 << 10));
    }
}
