//! The mirror: makes a collection equal to a folder, document by document.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::IndexingError;
use super::contained::{FileRead, Incoming, MirrorListener};
use super::outcome::{FileOutcome, MirrorEvent, MirrorSummary, account};
use super::plan::{Plan, PlannedRead, plan};
use super::scan::{Scan, scan};
use super::source::{FileLimits, OpenedFile};
use super::upload::Desks;
use crate::extraction::Extractor;
use crate::generations::{LiveGenerations, OpenedGeneration};
use crate::store::{Store, StoreError};
use crate::types::{CollectionName, DocumentId, Failure, Principal, SourceStamp};
use futures::future::try_join_all;

/// What a mirror needs to know.
#[derive(Clone)]
pub struct MirrorOptions {
    /// The collection that becomes equal to the folder.
    pub collection: CollectionName,
    /// Largest file that is read.
    pub file_bytes_max: u64,
    /// Who may read what is under the folder; `None` leaves it as it is.
    pub readers: Option<BTreeSet<Principal>>,
    /// A folder that is never entered: our own data.
    pub excluded: PathBuf,
}

/// Makes a collection equal to a folder.
pub struct Mirror {
    pub(super) store: Arc<dyn Store>,
    pub(super) generations: Arc<LiveGenerations>,
    pub(super) extractors: Vec<Extractor>,
    pub(super) options: MirrorOptions,
    /// What reads the files, in words that change when it can do more.
    pub(super) reader: String,
    pub(super) clock: fn() -> i64,
    /// Where files that are handed over wait for each other.
    pub(super) desks: Arc<Desks>,
    /// Called after each write, so that followers need not poll.
    pub(super) wake: Arc<tokio::sync::Notify>,
}

impl Mirror {
    /// Says what mirroring `root` would do, and does nothing.
    ///
    /// # Errors
    /// When the root cannot be read, or the truth cannot.
    pub async fn plan(&self, root: &std::path::Path) -> Result<(Scan, Plan), IndexingError> {
        let root = canonical(root)?;
        let name = self.root_name(&root, false).await?;
        self.plan_under(&root, &name).await
    }

    async fn plan_under(&self, root: &std::path::Path, name: &str) -> Result<(Scan, Plan), IndexingError> {
        let (from, uri, excluded) = (root.to_owned(), name.to_owned(), self.options.excluded.clone());
        let found = tokio::task::spawn_blocking(move || scan(&from, &uri, &excluded)).await;
        let found = found.map_err(|_| IndexingError::Cancelled)?;
        let found = found.map_err(|error| IndexingError::Root(root.to_owned(), error.to_string()))?;
        let known = self.store.known_sources(&self.options.collection, &[name.to_owned()]).await?;
        let setting = self.reader_setting(name);
        let reads_more = self.store.setting(&setting).await?.as_deref() != Some(self.reader.as_str());
        let planned = plan(&found, &known, reads_more);
        Ok((found, planned))
    }

    /// Mirrors `root`, a folder or a single file. What is stopped midway is continued by the next call.
    ///
    /// # Errors
    /// Only what concerns the whole: an unreadable root, a full disk. A document that cannot be read is an outcome.
    pub async fn mirror(
        &mut self,
        root: &std::path::Path,
        listener: MirrorListener<'_>,
    ) -> Result<MirrorSummary, IndexingError> {
        let root = canonical(root)?;
        self.store.ensure_collection(&self.options.collection, (self.clock)()).await?;
        let name = self.root_name(&root, true).await?;
        let (found, planned) = self.plan_under(&root, &name).await?;
        listener(&MirrorEvent::Planned {
            read: planned.read.len() + found.problems.len(),
            bytes: planned.read.iter().map(|read| read.file.bytes).sum(),
            unchanged: planned.unchanged,
            remove: planned.remove.len(),
        });
        let mut summary = MirrorSummary {
            unchanged: planned.unchanged - planned.unchanged_failed,
            failed: planned.unchanged_failed,
            media_files: found.media_files,
            ..MirrorSummary::default()
        };
        self.remove(&planned, &mut summary, listener).await?;
        self.record_problems(&found, &mut summary, listener).await?;
        self.read_all(planned.read, &mut summary, listener).await?;
        self.apply_readers(&name).await?;
        self.store.set_setting(&self.reader_setting(&name), &self.reader).await?;
        Ok(summary)
    }

    async fn remove(
        &self,
        planned: &Plan,
        summary: &mut MirrorSummary,
        listener: MirrorListener<'_>,
    ) -> Result<(), IndexingError> {
        let ids: Vec<_> = planned.remove.iter().map(|(_, id)| *id).collect();
        self.store.delete_documents(&ids).await?;
        self.wake.notify_waiters();
        summary.removed = ids.len();
        for (uri, _) in &planned.remove {
            listener(&MirrorEvent::Removed { uri: uri.clone() });
        }
        Ok(())
    }

    async fn record_problems(
        &self,
        found: &Scan,
        summary: &mut MirrorSummary,
        listener: MirrorListener<'_>,
    ) -> Result<(), IndexingError> {
        for problem in &found.problems {
            let failure = Failure { code: "unreadable".to_owned(), message: problem.reason.clone() };
            let source = SourceStamp { bytes: 0, modified_ns: 0, sha256: String::new() };
            let outcome = self.fail(self.new_document(&problem.uri, source), failure).await?;
            account(summary, listener, &problem.uri, 0, outcome);
        }
        Ok(())
    }

    async fn read_all(
        &mut self,
        reads: Vec<PlannedRead>,
        summary: &mut MirrorSummary,
        listener: MirrorListener<'_>,
    ) -> Result<(), IndexingError> {
        let mut extractors = std::mem::take(&mut self.extractors);
        let queue = std::sync::Mutex::new(reads.into_iter());
        let totals = std::sync::Mutex::new(summary);
        // What begins to serve while this goes on is chunked behind it, as every generation is.
        let views = self.generations.serving();
        let lanes = extractors.iter_mut().map(|extractor| async {
            loop {
                let next = queue.lock().expect("no lane panics while it holds the queue").next();
                let Some(read) = next else { return Ok::<(), IndexingError>(()) };
                let outcome = self.read_one(extractor, &read, &views).await?;
                self.wake.notify_waiters();
                let mut totals = totals.lock().expect("no lane panics while it holds the totals");
                account(&mut totals, listener, &read.file.uri, read.file.bytes, outcome);
            }
        });
        let outcome = try_join_all(lanes).await;
        self.extractors = extractors;
        outcome.map(drop)
    }

    async fn read_one(
        &self,
        extractor: &mut Extractor,
        read: &PlannedRead,
        views: &OpenedGeneration,
    ) -> Result<FileRead, IndexingError> {
        let unread = SourceStamp { bytes: read.file.bytes, modified_ns: read.file.modified_ns, sha256: String::new() };
        let limits = FileLimits::of(self.options.file_bytes_max);
        let file = match OpenedFile::open(&read.file.path, limits).await {
            Ok(file) => file,
            Err(failure) => return self.fail(self.new_document(&read.file.uri, unread), failure).await,
        };
        let known = read.known.as_ref().filter(|known| !read.anew && known.failure_code.is_none());
        if let Some(known) = known.filter(|known| !known.stamp.sha256.is_empty()) {
            // One that changes at this moment is not the same.
            let same = file.hashed().await.ok().filter(|stamp| stamp.sha256 == known.stamp.sha256);
            if let Some(stamp) = same {
                self.touch(known.id, &stamp).await?;
                return Ok(FileOutcome::Same.into());
            }
        }
        let name = read.file.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let incoming = Incoming { uri: &read.file.uri, read_as: &name, title: None, modified_ns: None };
        let mut done = self.take_in(extractor, &incoming, file, views).await?;
        if let (FileOutcome::Added { chunks }, true) = (&done.outcome, read.known.is_some()) {
            done.outcome = FileOutcome::Changed { chunks: *chunks };
        }
        Ok(done)
    }

    /// Files that did not change are not read again, and may have other readers all the same.
    async fn apply_readers(&self, root: &str) -> Result<(), IndexingError> {
        let Some(readers) = &self.options.readers else { return Ok(()) };
        let known = self.store.known_sources(&self.options.collection, &[root.to_owned()]).await?;
        let ids: Vec<DocumentId> = known.values().map(|source| source.id).collect();
        self.store.set_readers(&ids, Some(readers)).await?;
        self.wake.notify_waiters();
        Ok(())
    }

    /// The first part of the URIs below `root`: its own name, or with a number when another root of the collection has
    /// that name already. Two folders of one name must not look like one folder whose files come and go.
    async fn root_name(&self, root: &std::path::Path, claim: bool) -> Result<String, StoreError> {
        let base = root.file_name().map_or_else(|| "root".to_owned(), |name| name.to_string_lossy().into_owned());
        self.named_root(&base, &root.to_string_lossy(), claim).await
    }

    /// The name `base`, or with a number when another than `wanted` holds it.
    pub(super) async fn named_root(&self, base: &str, wanted: &str, claim: bool) -> Result<String, StoreError> {
        let mut name = base.to_owned();
        for number in 2.. {
            let setting = self.root_setting(&name);
            let holder = match claim {
                // Whoever claims it first has it, though another process may want it at the same moment.
                true => Some(self.store.setting_or(&setting, wanted).await?),
                false => self.store.setting(&setting).await?,
            };
            match holder {
                Some(known) if known != wanted => name = format!("{base}-{number}"),
                _ => break,
            }
        }
        Ok(name)
    }

    /// Where it is kept which reader read the files below a root.
    fn reader_setting(&self, name: &str) -> String {
        format!("reader:{}:{name}", self.options.collection)
    }

    fn root_setting(&self, name: &str) -> String {
        format!("root:{}:{name}", self.options.collection)
    }
}

fn canonical(root: &std::path::Path) -> Result<PathBuf, IndexingError> {
    std::fs::canonicalize(root).map_err(|error| IndexingError::Root(root.to_owned(), error.to_string()))
}
