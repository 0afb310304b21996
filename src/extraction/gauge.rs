//! How much memory the children hold together, as the kernel counts it.

use std::fs::File;
use std::io::{Read, Seek};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The memory of all children of this process, in bytes. Pages of the program itself, which they share with their parent, do
/// not count. Zero where the kernel does not say.
#[derive(Debug, Default)]
pub struct ChildGauge {
    current: AtomicU64,
    peak: AtomicU64,
    largest: AtomicU64,
}

impl ChildGauge {
    /// What they hold together, as of the last look: some 50 ms ago while a document is read.
    pub fn current(&self) -> u64 {
        self.current.load(Ordering::Relaxed)
    }

    /// The most that they held together so far.
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// The most that one of them held so far.
    pub fn largest(&self) -> u64 {
        self.largest.load(Ordering::Relaxed)
    }

    /// One child holds `after` where it held `before`, and held `most` at some moment in between.
    fn moved(&self, before: u64, after: u64, most: u64) {
        // The sum goes up first, so that it is never below zero.
        let others = self.current.fetch_add(after, Ordering::Relaxed).saturating_sub(before);
        self.current.fetch_sub(before, Ordering::Relaxed);
        self.peak.fetch_max(others + after.max(most), Ordering::Relaxed);
        self.largest.fetch_max(after.max(most), Ordering::Relaxed);
    }
}

/// Looks at one child. The file stays open, because opening one costs more than reading it.
pub(super) struct Meter {
    gauge: Arc<ChildGauge>,
    status: Option<File>,
    held: u64,
    most: u64,
}

impl Meter {
    pub(super) fn of(process: Option<u32>, gauge: Arc<ChildGauge>) -> Self {
        let status = process.and_then(|id| File::open(format!("/proc/{id}/status")).ok());
        Self { gauge, status, held: 0, most: 0 }
    }

    /// What the child holds, which is noted with the most that it ever held.
    pub(super) fn look(&mut self) -> u64 {
        let (held, most) = self.status.as_mut().and_then(held_by).unwrap_or_default();
        // What it held before the last look was counted then.
        let most_since = if most > self.most { most } else { 0 };
        self.most = self.most.max(most);
        self.gauge.moved(std::mem::replace(&mut self.held, held), held, most_since);
        held
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.gauge.moved(self.held, 0, 0);
    }
}

/// What a process holds and the most that it held, without the pages of its program.
fn held_by(status: &mut File) -> Option<(u64, u64)> {
    let mut text = String::new();
    status.rewind().ok()?;
    status.read_to_string(&mut text).ok()?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
    };
    let shared = field("RssFile:")? + field("RssShmem:")?;
    Some((field("RssAnon:")?, field("VmHWM:")?.saturating_sub(shared)))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_gauge_sums_what_processes_hold_and_forgets_those_that_are_gone() {
        let gauge = Arc::new(ChildGauge::default());
        let mut one = Meter::of(Some(std::process::id()), Arc::clone(&gauge));
        let mut other = Meter::of(Some(std::process::id()), Arc::clone(&gauge));
        let held = one.look() + other.look();
        assert!(held > 0 && gauge.current() == held && gauge.peak() >= held, "{gauge:?}");
        drop(one);
        assert!(gauge.current() < held && gauge.largest() >= gauge.current(), "{gauge:?}");
        drop(other);
        assert_eq!(gauge.current(), 0);
        assert!(gauge.peak() >= held);
    }

    #[test]
    fn a_process_that_is_not_there_holds_nothing() {
        let gauge = Arc::new(ChildGauge::default());
        assert_eq!(Meter::of(None, Arc::clone(&gauge)).look(), 0);
        assert_eq!(gauge.peak(), 0);
    }
}
