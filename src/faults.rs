//! Places between two writes where a test stops the process, to see that the next start repairs everything.
//!
//! In a build with debug assertions, `IBID_FAULT_AT=n` aborts the process at the n-th such place, and
//! `IBID_FAULT_COUNT=FILE` appends a byte to FILE at each, so that a test knows how many there are. A release build
//! holds no trace of it.

/// Marks a place between two writes.
#[inline]
pub fn point() {
    #[cfg(debug_assertions)]
    armed::point();
}

/// Marks the beginning of a part of a document: `IBID_FAULT_PART=NAME` aborts the process that reads it.
#[inline]
pub fn part(name: &str) {
    #[cfg(debug_assertions)]
    if std::env::var("IBID_FAULT_PART").is_ok_and(|fatal| fatal == name) {
        std::process::abort();
    }
    #[cfg(not(debug_assertions))]
    let _ = name;
}

/// The setting of [`part`], for a process that is given no environment.
pub fn part_setting() -> Option<(&'static str, String)> {
    if !cfg!(debug_assertions) {
        return None;
    }
    let name = "IBID_FAULT_PART";
    std::env::var(name).ok().map(|part| (name, part))
}

#[cfg(debug_assertions)]
mod armed {
    use std::io::Write;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static STOP_AT: LazyLock<Option<u64>> =
        LazyLock::new(|| std::env::var("IBID_FAULT_AT").ok().and_then(|number| number.parse().ok()));
    static COUNT_FILE: LazyLock<Option<std::ffi::OsString>> = LazyLock::new(|| std::env::var_os("IBID_FAULT_COUNT"));
    static PASSED: AtomicU64 = AtomicU64::new(0);

    pub(super) fn point() {
        if let Some(path) = COUNT_FILE.as_ref() {
            let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
            if let Ok(mut file) = file {
                drop(file.write_all(b"."));
            }
        }
        let place = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
        if *STOP_AT == Some(place) {
            std::process::abort();
        }
    }
}
