//! The mirror: makes a collection equal to folders. What has to be done is planned for all of them before anything is
//! written; `lanes` reads what has to be read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::IndexingError;
use super::contained::MirrorListener;
use super::estimate::{Estimate, Rates};
use super::ignored::{Ignored, ignored};
use super::lanes::Reading;
use super::outcome::{FileOutcome, MirrorEvent, MirrorSummary, account};
use super::plan::{Plan, PlanRules, compare};
use super::progress::{LiveIngest, LiveIngests, Stage};
use super::scan::{Scan, ScanRules, scan};
use super::source::hash_file;
use super::upload::Desks;
use crate::extraction::Extractor;
use crate::generations::LiveGenerations;
use crate::memory::Memory;
use crate::originals::Originals;
use crate::store::{DocumentMove, Store, StoreError};
use crate::types::{CollectionName, DocumentId, DocumentState, Failure, IngestId, Principal, SourceStamp};
use futures::StreamExt;

/// What a mirror needs to know.
#[derive(Debug, Clone)]
pub struct MirrorOptions {
    /// The collection that becomes equal to the folders.
    pub collection: CollectionName,
    /// Largest file that is read.
    pub file_bytes_max: u64,
    /// Who may read what is under the folders; `None` leaves it as it is.
    pub readers: Option<BTreeSet<Principal>>,
    /// A folder that is never entered: our own data.
    pub excluded: PathBuf,
    /// Which files are taken.
    pub rules: ScanRules,
    /// How much may go.
    pub deletion: DeletionPolicy,
    /// Whether files are hashed although length and date are those of before.
    pub checksum: bool,
    /// Whether everything that failed is tried again.
    pub retry_failed: bool,
    /// Whether what failed for a reason that may pass waits for the time that was set for it.
    pub after_back_off: bool,
    /// Whether files are kept as they were read, where there is a place for that.
    pub keep_originals: bool,
}

/// How much a mirror may delete without being asked for: a folder that was emptied by mistake, or is not mounted, looks like
/// one whose files are all gone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeletionPolicy {
    /// The largest share of the documents that are known below a root, from 0 to 1.
    pub share_max: f64,
    /// Whether more was confirmed.
    pub confirmed: bool,
    /// Whether the rest is done when more would go, and these stay; otherwise nothing is done.
    pub withhold: bool,
}

impl Default for DeletionPolicy {
    fn default() -> Self {
        Self { share_max: 0.5, confirmed: false, withhold: false }
    }
}

impl DeletionPolicy {
    fn allows(&self, plan: &Plan) -> bool {
        self.confirmed || plan.remove.len() as f64 <= plan.known as f64 * self.share_max
    }
}

/// A root with what has to be done below it.
pub struct PlannedRoot {
    /// The folder or file.
    pub path: PathBuf,
    /// The first part of the URIs.
    pub name: String,
    /// What was found.
    pub scan: Scan,
    /// What has to be done.
    pub plan: Plan,
}

impl PlannedRoot {
    /// What was left out, and why.
    pub fn ignored(&self, options: &MirrorOptions) -> Vec<Ignored> {
        ignored(&self.path, &self.name, &options.excluded, &options.rules, &self.scan)
    }
}

/// Makes a collection equal to folders.
pub struct Mirror {
    pub(super) store: Arc<dyn Store>,
    pub(super) generations: Arc<LiveGenerations>,
    pub(super) extractors: Vec<Extractor>,
    pub(super) options: MirrorOptions,
    /// What reads the files, in words that change when it can do more.
    pub(super) reader: String,
    pub(super) clock: fn() -> i64,
    /// How long work that was taken is kept from other processes.
    pub(super) lease: std::time::Duration,
    /// Where files that are handed over wait for each other.
    pub(super) desks: Arc<Desks>,
    /// Called after each write, so that followers need not poll.
    pub(super) wake: Arc<tokio::sync::Notify>,
    pub(super) memory: Arc<Memory>,
    pub(super) originals: Option<Originals>,
    /// Whether what comes in is embedded.
    pub(super) embeds: bool,
    pub(super) ingests: LiveIngests,
    /// The ingest that runs.
    pub(super) live: Option<Arc<LiveIngest>>,
    /// For which ingest it writes.
    pub(super) ingest: Option<IngestId>,
}

impl Mirror {
    /// Says what mirroring `root` would do, and does nothing.
    ///
    /// # Errors
    /// When the root cannot be read, or the truth cannot.
    pub async fn plan(&self, root: &Path) -> Result<PlannedRoot, IndexingError> {
        let path = canonical(root)?;
        let name = self.root_name(&path, false).await?;
        self.plan_under(path, name).await
    }

    /// What a plan will take on this machine, by what earlier ingests took.
    ///
    /// # Errors
    /// When the truth cannot be read.
    pub async fn estimate(&self, plan: &Plan) -> Result<Estimate, IndexingError> {
        let embeds = self.embeds && self.generations.serving().embedder.is_some();
        Ok(Rates::known(self.store.as_ref()).await?.estimate(plan, self.extractors.len(), embeds))
    }

    pub(super) async fn plan_under(&self, path: PathBuf, name: String) -> Result<PlannedRoot, IndexingError> {
        let (from, uri) = (path.clone(), name.clone());
        let (excluded, rules) = (self.options.excluded.clone(), self.options.rules.clone());
        let found = tokio::task::spawn_blocking(move || scan(&from, &uri, &excluded, &rules)).await;
        let found = found.map_err(|_| IndexingError::Cancelled)?;
        let found = found.map_err(|error| IndexingError::Root(path.clone(), error.to_string()))?;
        let known = self.store.known_sources(&self.options.collection, std::slice::from_ref(&name)).await?;
        let read_by = self.store.setting(&self.reader_setting(&name)).await?;
        let judging = PlanRules {
            reads_more: read_by.as_deref() != Some(self.reader.as_str()),
            checksum: self.options.checksum,
            retry_failed: self.options.retry_failed,
            after_back_off: self.options.after_back_off,
            now_ms: (self.clock)(),
        };
        let draft = compare(&found, known, &judging);
        let doubts: Vec<_> = draft.doubts().map(|file| (file.uri.clone(), file.path.clone())).collect();
        let stamps = self.hashed(doubts).await;
        Ok(PlannedRoot { path, name, plan: draft.settle(&stamps), scan: found })
    }

    /// What files hold, as many at a time as documents are read. Those that cannot be read are left out.
    async fn hashed(&self, files: Vec<(String, PathBuf)>) -> BTreeMap<String, SourceStamp> {
        let lanes = self.extractors.len().max(1);
        let hashed = futures::stream::iter(files)
            .map(|(uri, path)| async move { Some((uri, settled(hash_file(&path).await.ok()?, (self.clock)()))) });
        hashed.buffer_unordered(lanes).filter_map(|hashed| async { hashed }).collect().await
    }

    /// Does what was planned for every root, or nothing where more would go than may.
    pub(super) async fn apply(
        &mut self,
        roots: Vec<(PathBuf, String)>,
        live: &Arc<LiveIngest>,
        listener: MirrorListener<'_>,
    ) -> Result<MirrorSummary, IndexingError> {
        let began = Instant::now();
        let mut planned = Vec::with_capacity(roots.len());
        for (path, name) in roots {
            planned.push(self.plan_under(path, name).await?);
        }
        live.spent(Stage::Plan, began.elapsed());
        let deletion = self.options.deletion;
        if let Some(root) = planned.iter().find(|root| !deletion.allows(&root.plan) && !deletion.withhold) {
            return Err(IndexingError::TooManyDeletions {
                root: root.path.clone(),
                deleted: root.plan.remove.len(),
                known: root.plan.known,
            });
        }
        let mut total = MirrorSummary::default();
        for mut root in planned {
            if !deletion.allows(&root.plan) {
                let documents = std::mem::take(&mut root.plan.remove).len();
                total.withheld += documents;
                listener(&MirrorEvent::Withheld { documents, of: root.plan.known });
            }
            total += self.apply_to(root, live, listener).await?;
        }
        Ok(total)
    }

    async fn apply_to(
        &mut self,
        root: PlannedRoot,
        live: &Arc<LiveIngest>,
        listener: MirrorListener<'_>,
    ) -> Result<MirrorSummary, IndexingError> {
        let PlannedRoot { name, scan: found, plan, .. } = root;
        listener(&MirrorEvent::Planned {
            read: plan.read.len() + found.problems.len(),
            bytes: plan.read.iter().map(|read| read.file.bytes).sum(),
            moved: plan.moved.len(),
            unchanged: plan.unchanged,
            remove: plan.remove.len(),
        });
        let mut summary = MirrorSummary {
            unchanged: plan.unchanged - plan.unchanged_failed,
            failed: plan.unchanged_failed,
            media_files: found.media_files,
            ..MirrorSummary::default()
        };
        let (mut read, mut remove) = (plan.read, plan.remove);
        for moved in plan.moved {
            let change = DocumentMove { from: moved.from, uri: moved.file.uri.clone(), source: moved.stamp };
            if self.store.move_document(&change, self.ingest, (self.clock)()).await? {
                summary.moved += 1;
                listener(&MirrorEvent::Moved { from: moved.from_uri, uri: moved.file.uri });
            } else {
                // Somebody else moved or removed it meanwhile, or something else is at the new name still.
                read.push(super::plan::PlannedRead { file: moved.file, known: None, anew: false });
                remove.push((moved.from_uri, moved.from));
            }
        }
        for (id, stamp) in &plan.touched {
            self.touch(*id, stamp).await?;
        }
        self.remove(&remove, &mut summary, listener).await?;
        self.record_problems(&found, &mut summary, listener).await?;
        let summary = self.read_all(Reading { reads: read, live, listener }, summary).await?;
        self.apply_readers(&name).await?;
        if found.problems.is_empty() {
            self.store.set_setting(&self.reader_setting(&name), &self.reader).await?;
        }
        Ok(summary)
    }

    async fn remove(
        &self,
        gone: &[(String, DocumentId)],
        summary: &mut MirrorSummary,
        listener: MirrorListener<'_>,
    ) -> Result<(), IndexingError> {
        /// Documents of one transaction: others want to write, too.
        const AT_ONCE: usize = 256;
        for part in gone.chunks(AT_ONCE) {
            let ids: Vec<_> = part.iter().map(|(_, id)| *id).collect();
            self.store.delete_documents(&ids, self.ingest, (self.clock)()).await?;
            self.wake.notify_waiters();
            summary.removed += ids.len();
            part.iter().for_each(|(uri, _)| listener(&MirrorEvent::Removed { uri: uri.clone() }));
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
            let id = DocumentId::of(&self.options.collection, &problem.uri);
            let known = self.store.document(id).await?;
            // What could not be looked at may well be what it was, so it goes on answering.
            let outcome = match known.filter(|document| matches!(document.state, DocumentState::Ready { .. })) {
                Some(_) => FileOutcome::Failed { failure }.into(),
                None => self.fail(self.new_document(&problem.uri, source), failure).await?,
            };
            account(summary, listener, &problem.uri, 0, outcome);
        }
        Ok(())
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
    pub(super) async fn root_name(&self, root: &Path, claim: bool) -> Result<String, StoreError> {
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

pub(super) fn canonical(root: &Path) -> Result<PathBuf, IndexingError> {
    std::fs::canonicalize(root).map_err(|error| IndexingError::Root(root.to_owned(), error.to_string()))
}

/// A file that was modified just now may be modified once more without another date, so it is noted with one that it does
/// not have: the next look hashes it.
pub(super) fn settled(stamp: SourceStamp, now_ms: i64) -> SourceStamp {
    const GRAIN_MS: i64 = 2_000;
    let age_ms = now_ms - stamp.modified_ns / 1_000_000;
    if age_ms.abs() < GRAIN_MS { SourceStamp { modified_ns: stamp.modified_ns - 1, ..stamp } } else { stamp }
}

/// What became of a file that was gone before it could be read.
pub(super) fn vanished(failure: &Failure) -> Option<FileOutcome> {
    (failure.code == "vanished").then_some(FileOutcome::Vanished)
}
