//! A source is what every format's reader is given: the bytes, what they are, and what they may cost.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::options::ExtractOptions;
use super::read;
use crate::{Child, ExtractError, Limits, MediaType};

/// Hears which part of a document is about to be read. When the process dies, the last part heard of is what killed it;
/// [`ExtractOptions::skip`] leaves it out of the next try.
pub trait Observer {
    /// A part begins: `page 7`, `report.pdf`, `letters.zip/report.pdf/page 7`.
    fn begins(&self, part: &str);

    /// A document inside begins, at this path. It is a part like any other, and has the limits of a document again.
    fn begins_child(&self, path: &str) {
        self.begins(path);
    }

    /// The part that began last was read, and is not to blame for what happens from here on.
    fn ends(&self) {}

    /// A document inside was read, or was not, for a reason. What comes back stays in the document that holds it; an observer
    /// that keeps it holds one document at a time, however many there are.
    ///
    /// Documents that lie deeper come before the one that they lie in. The child's path begins outside and two may have the
    /// same; `key` is another for each, and the same in every try, for [`ExtractOptions::given`].
    fn child_read(&self, key: &str, child: Child) -> Option<Child> {
        let _ = key;
        Some(child)
    }
}

impl Observer for () {
    fn begins(&self, _: &str) {}
}

/// The input of one extraction.
pub(crate) struct Source<'a> {
    /// The file's name, for what its content does not tell.
    pub(crate) name: &'a str,
    pub(crate) bytes: &'a [u8],
    pub(crate) media_type: MediaType,
    pub(crate) options: &'a ExtractOptions,
    pub(super) inside: &'a Inside<'a>,
    /// The bytes again, when they are shared, for a reader that wants to hold them.
    pub(super) shared: Option<&'a Arc<Vec<u8>>>,
}

/// Where a source stands among those that contain it, and what is left for all of them together.
pub(super) struct Inside<'a> {
    pub(super) observer: &'a dyn Observer,
    /// The path inside the outermost file, with a `/` at its end; empty for the outermost file itself.
    pub(super) path: &'a str,
    /// The key of the document, with a `.` at its end; empty for the outermost file itself.
    pub(super) key: &'a str,
    pub(super) depth: usize,
    /// Documents found inside so far.
    pub(super) children: Cell<usize>,
    pub(super) budget: &'a Budget,
}

impl<'a> Inside<'a> {
    /// The place of the outermost file.
    pub(super) fn outermost(observer: &'a dyn Observer, budget: &'a Budget) -> Self {
        Self { observer, path: "", key: "", depth: 0, children: Cell::new(0), budget }
    }
}

/// What all documents inside one file may still cost together.
pub(super) struct Budget {
    entries_left: Cell<usize>,
    bytes_left: Cell<u64>,
    text_left: Cell<usize>,
    pub(super) marks_left: Cell<usize>,
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            entries_left: Cell::new(limits.entries_max),
            bytes_left: Cell::new(limits.inflated_bytes_max),
            text_left: Cell::new(limits.text_bytes_max),
            marks_left: Cell::new(limits.marks_max),
        }
    }
}

impl Source<'_> {
    /// Says that a part begins. `false` when it has to be left out, because it ended the process before.
    pub(crate) fn begins(&self, part: &str) -> bool {
        let path = format!("{}{part}", self.inside.path);
        if self.options.skip.contains(&path) {
            return false;
        }
        self.inside.observer.begins(&path);
        true
    }

    /// Says that the part that began last was read.
    pub(crate) fn ends(&self) {
        self.inside.observer.ends();
    }

    /// Whether another entry of an archive may be unpacked.
    pub(crate) fn spend_entry(&self) -> Result<(), ExtractError> {
        let left = &self.inside.budget.entries_left;
        let limit = self.options.limits.entries_max;
        let one_less = left.get().checked_sub(1).ok_or(ExtractError::TooManyEntries { limit })?;
        left.set(one_less);
        Ok(())
    }

    /// Bytes that may still be unpacked from archives.
    pub(crate) fn inflatable_bytes(&self) -> u64 {
        self.inside.budget.bytes_left.get()
    }

    /// Counts bytes that were unpacked from an archive.
    pub(crate) fn spend_inflated(&self, bytes: u64) -> Result<(), ExtractError> {
        let left = &self.inside.budget.bytes_left;
        let limit = self.options.limits.inflated_bytes_max;
        let too_large = ExtractError::TooLarge { what: "unpacked archive".into(), value: limit + 1, limit };
        left.set(left.get().checked_sub(bytes).ok_or(too_large)?);
        Ok(())
    }

    /// The key of the next document inside: its number, below that of the document that it lies in.
    pub(crate) fn next_key(&self) -> String {
        let number = self.inside.children.get();
        self.inside.children.set(number + 1);
        format!("{}{number}", self.inside.key)
    }

    /// Hands a document inside to the observer, and gives it back when it stays.
    pub(crate) fn hand_over(&self, key: &str, child: Child) -> Option<Child> {
        let path = child.path;
        let from_outside = Child { path: format!("{}{path}", self.inside.path), ..child };
        let kept = self.inside.observer.child_read(key, from_outside)?;
        Some(Child { path, ..kept })
    }

    /// Reads a document inside this one, and those inside of it: first itself, then they. `path` is relative to this one.
    ///
    /// Nothing that happens in there ends the outer document: what cannot be read comes back with the reason.
    pub(crate) fn child(&self, key: &str, path: &str, bytes: &[u8]) -> Vec<Child> {
        let outcome = self.child_outcome(key, path, bytes);
        let mut own = Child { path: path.to_owned(), bytes: bytes.len() as u64, outcome };
        let Ok(document) = &mut own.outcome else { return vec![own] };
        let inner = std::mem::take(&mut document.children);
        let within = inner.into_iter().map(|child| Child { path: format!("{path}/{}", child.path), ..child });
        std::iter::once(own).chain(within.collect::<Vec<_>>()).collect()
    }

    fn child_outcome(&self, key: &str, path: &str, bytes: &[u8]) -> Result<crate::Document, ExtractError> {
        let limit = self.options.limits.depth_max;
        if self.inside.depth >= limit {
            return Err(ExtractError::TooDeep { limit });
        }
        let from_outside = format!("{}{path}", self.inside.path);
        if self.options.skip.contains(&from_outside) {
            return Err(ExtractError::Quarantined);
        }
        self.inside.observer.begins_child(&from_outside);
        let inside = Inside {
            observer: self.inside.observer,
            path: &format!("{from_outside}/"),
            key: &format!("{key}."),
            depth: self.inside.depth + 1,
            children: Cell::new(0),
            budget: self.inside.budget,
        };
        let reading = AssertUnwindSafe(|| read(path, (bytes, None), self.options, &inside));
        let outcome = catch_unwind(reading).unwrap_or_else(|_| {
            Err(ExtractError::Damaged { format: "document".into(), reason: "its reader gave up on it".into() })
        });
        self.ends();
        let document = outcome?;
        let (left, most) = (&inside.budget.text_left, self.options.limits.text_bytes_max as u64);
        let too_large = ExtractError::TooLarge { what: "text of all entries".into(), value: most + 1, limit: most };
        left.set(left.get().checked_sub(document.text.len()).ok_or(too_large)?);
        Ok(document)
    }
}
