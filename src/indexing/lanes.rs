//! The lanes: files are read side by side, each extracted and cut before its lane takes the next one, and then left to be
//! written. What fails for a reason that may pass is tried again in a while, behind the others.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use tokio::sync::mpsc;

use super::IndexingError;
use super::contained::{FileRead, Incoming, MirrorListener, Taken};
use super::cut_text::{Shape, shape_of};
use super::mirror::{Mirror, vanished};
use super::outcome::{FileOutcome, MirrorEvent, MirrorSummary, account};
use super::plan::{PASSING_FAILURES, PlannedRead};
use super::progress::LiveIngest;
use super::source::{FileLimits, OpenedFile};
use super::writing::{Filled, WRITTEN_AT_ONCE};
use crate::extraction::Extractor;
use crate::generations::OpenedGeneration;
use crate::memory::InFlight;
use crate::store::{NewTask, TaskEnd};
use crate::types::{DocumentId, Failure, SourceStamp, TaskState};

/// Files that a lane takes at once, so that taking them costs little.
const TAKEN_AT_ONCE: usize = 16;
/// Work that is planned in one transaction.
const PLANNED_AT_ONCE: usize = 1_000;
/// Ends of work that are written in one transaction.
const SETTLED_AT_ONCE: usize = 64;
/// What a text takes while it is read, in times of its length: its bytes and what is made of them.
const TEXT_FACTOR: u64 = 4;
/// And any other file: a web page takes eight times its bytes in the process that reads it.
const WHOLE_FACTOR: u64 = 8;
/// And what the smallest takes.
const BYTES_LEAST: u64 = 1 << 20;
/// Tries within one ingest. A process that died may have been unlucky, a device that did not answer may come back.
const TRIES_MAX: u32 = 3;
/// The wait before the second try; each further one is four times as long.
const RETRY_FIRST: Duration = Duration::from_millis(250);
/// The wait of a document that failed in an ingest, doubled with each of its tries up to the last.
const BACK_OFF_FIRST_MS: i64 = 60_000;
const BACK_OFF_LAST_MS: i64 = 6 * 3_600_000;

/// What is to be read, and who hears of it.
pub(super) struct Reading<'a> {
    pub(super) reads: Vec<PlannedRead>,
    pub(super) live: &'a Arc<LiveIngest>,
    pub(super) listener: MirrorListener<'a>,
}

/// What the lanes and the writing stage share.
pub(super) struct Stages<'a> {
    lanes: usize,
    pub(super) views: &'a OpenedGeneration,
    queue: &'a Queue,
    totals: Mutex<&'a mut MirrorSummary>,
    pub(super) live: &'a LiveIngest,
    listener: MirrorListener<'a>,
}

/// What is to be read, and what became of it.
struct Queue {
    waiting: Mutex<VecDeque<PlannedRead>>,
    /// What failed and is tried again: not before this time, for which time.
    later: Mutex<Vec<(Instant, u32, PlannedRead)>>,
    ended: Mutex<Vec<TaskEnd>>,
    /// How often each was tried, in earlier ingests as well.
    tries: Mutex<BTreeMap<DocumentId, u32>>,
}

fn locked<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Mirror {
    /// Reads everything, and gives back the summary with what happened.
    pub(super) async fn read_all(
        &mut self,
        reading: Reading<'_>,
        summary: MirrorSummary,
    ) -> Result<MirrorSummary, IndexingError> {
        let mut extractors = std::mem::take(&mut self.extractors);
        let outcome = self.read_with(&mut extractors, reading, summary).await;
        self.extractors = extractors;
        outcome
    }

    async fn read_with(
        &self,
        extractors: &mut [Extractor],
        reading: Reading<'_>,
        mut summary: MirrorSummary,
    ) -> Result<MirrorSummary, IndexingError> {
        self.plan_work(&reading.reads).await?;
        let queue = Queue {
            waiting: Mutex::new(reading.reads.into()),
            later: Mutex::default(),
            ended: Mutex::default(),
            tries: Mutex::default(),
        };
        // What begins to serve while this goes on is chunked behind it, as every generation is.
        let views = self.generations.serving();
        let stages = Stages {
            lanes: extractors.len(),
            views: &views,
            queue: &queue,
            totals: Mutex::new(&mut summary),
            live: reading.live,
            listener: reading.listener,
        };
        let (filled, waiting) = mpsc::channel(WRITTEN_AT_ONCE);
        let lanes: Vec<_> =
            extractors.iter_mut().map(|extractor| self.read_in_turn(extractor, &stages, filled.clone())).collect();
        drop(filled);
        // What was read is written, and what ended is noted, whatever stopped the others.
        let (read, written) = tokio::join!(try_join_all(lanes), self.write_filled(waiting, &stages));
        self.write_ends(&queue, 1).await?;
        written?;
        read?;
        Ok(summary)
    }

    /// One lane, until nothing is left to read.
    async fn read_in_turn(
        &self,
        extractor: &mut Extractor,
        stages: &Stages<'_>,
        filled: mpsc::Sender<Filled>,
    ) -> Result<(), IndexingError> {
        while let Some(taken) = self.next_files(stages.queue, stages.lanes).await? {
            for (read, attempt) in taken {
                let began = Instant::now();
                stages.live.file_begins(&read.file.uri);
                let taken_in = self.read_one(extractor, (&read, attempt), stages.views).await;
                stages.live.file_ends(&read.file.uri);
                match taken_in? {
                    (Taken::Row(row, done), held) => {
                        let took = began.elapsed();
                        let sent = filled.send(Filled { read, attempt, took, row: *row, done, held }).await;
                        sent.map_err(|_| IndexingError::Cancelled)?;
                    }
                    (Taken::Done(outcome), _) => {
                        self.wake.notify_waiters();
                        if let Some((after, failure)) = try_again(&outcome, attempt) {
                            let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
                            let uri = read.file.uri.clone();
                            (stages.listener)(&MirrorEvent::Retrying { uri, attempt, after_ms, failure });
                            locked(&stages.queue.later).push((Instant::now() + after, attempt, read));
                            continue;
                        }
                        self.ended(stages, &read, outcome, attempt).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Notes and tells what became of a file.
    pub(super) async fn ended(
        &self,
        stages: &Stages<'_>,
        read: &PlannedRead,
        outcome: FileRead,
        attempt: u32,
    ) -> Result<(), IndexingError> {
        self.settle(stages.queue, read, &outcome, attempt).await?;
        let mut totals = locked(&stages.totals);
        account(&mut totals, stages.listener, &read.file.uri, read.file.bytes, outcome);
        Ok(())
    }

    fn task_id(&self, uri: &str) -> DocumentId {
        DocumentId::of(&self.options.collection, uri)
    }

    async fn plan_work(&self, reads: &[PlannedRead]) -> Result<(), IndexingError> {
        let Some(ingest) = self.ingest else { return Ok(()) };
        let task = |read: &PlannedRead| NewTask {
            document: self.task_id(&read.file.uri),
            uri: read.file.uri.clone(),
            bytes: read.file.bytes,
            action: read.action(),
        };
        for part in reads.chunks(PLANNED_AT_ONCE) {
            let tasks: Vec<_> = part.iter().map(task).collect();
            self.store.plan_tasks(ingest, &tasks, (self.clock)()).await?;
        }
        Ok(())
    }

    /// The next files with the number of the try, or `None` when nothing is left.
    async fn next_files(&self, queue: &Queue, lanes: usize) -> Result<Option<Vec<(PlannedRead, u32)>>, IndexingError> {
        let reads: Vec<PlannedRead> = {
            let mut waiting = locked(&queue.waiting);
            let fair = (waiting.len() / (lanes * 4)).clamp(1, TAKEN_AT_ONCE).min(waiting.len());
            waiting.drain(..fair).collect()
        };
        if !reads.is_empty() {
            return self.claim(queue, reads).await.map(Some);
        }
        let due = {
            let mut later = locked(&queue.later);
            let next = (0..later.len()).min_by_key(|place| later[*place].0);
            next.map(|place| later.swap_remove(place))
        };
        let Some((at, attempt, read)) = due else { return Ok(None) };
        tokio::time::sleep_until(at.into()).await;
        Ok(Some(vec![(read, attempt + 1)]))
    }

    /// Notes that this process has them now, and which try it is.
    async fn claim(&self, queue: &Queue, reads: Vec<PlannedRead>) -> Result<Vec<(PlannedRead, u32)>, IndexingError> {
        if let Some(ingest) = self.ingest {
            let ids: Vec<_> = reads.iter().map(|read| self.task_id(&read.file.uri)).collect();
            let claimed = self.store.claim_tasks(ingest, &ids, self.lease, (self.clock)()).await?;
            locked(&queue.tries).extend(claimed);
        }
        Ok(reads.into_iter().map(|read| (read, 1)).collect())
    }

    async fn settle(
        &self,
        queue: &Queue,
        read: &PlannedRead,
        outcome: &FileRead,
        attempt: u32,
    ) -> Result<(), IndexingError> {
        let document = self.task_id(&read.file.uri);
        let tries = locked(&queue.tries).remove(&document).unwrap_or(0).max(attempt);
        let end = match &outcome.outcome {
            FileOutcome::Failed { failure } => {
                let passes = PASSING_FAILURES.contains(&failure.code.as_str());
                let wait = BACK_OFF_FIRST_MS.saturating_mul(1 << tries.min(12)).min(BACK_OFF_LAST_MS);
                let retry_at_ms = passes.then(|| (self.clock)() + wait);
                TaskEnd { document, state: TaskState::Failed, failure: Some(failure.clone()), retry_at_ms }
            }
            _ => TaskEnd { document, state: TaskState::Done, failure: None, retry_at_ms: None },
        };
        locked(&queue.ended).push(end);
        self.write_ends(queue, SETTLED_AT_ONCE).await
    }

    /// Writes how work ended, when there is enough of it.
    async fn write_ends(&self, queue: &Queue, least: usize) -> Result<(), IndexingError> {
        let ends = {
            let mut ended = locked(&queue.ended);
            if ended.len() < least {
                return Ok(());
            }
            std::mem::take(&mut *ended)
        };
        if self.ingest.is_some() {
            self.store.settle_tasks(&ends, (self.clock)()).await?;
        }
        Ok(())
    }

    async fn read_one(
        &self,
        extractor: &mut Extractor,
        (read, attempt): (&PlannedRead, u32),
        views: &OpenedGeneration,
    ) -> Result<(Taken, Option<InFlight>), IndexingError> {
        let unread = SourceStamp { bytes: read.file.bytes, modified_ns: read.file.modified_ns, sha256: String::new() };
        let limits = FileLimits::of(self.options.file_bytes_max);
        let file = match OpenedFile::open(&read.file.path, limits).await {
            Ok(file) => file,
            Err(failure) => {
                let done = self.unread((read, attempt), unread, failure).await?;
                return Ok((Taken::Done(done), None));
            }
        };
        let name = read.file.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let held = self.memory.take(needed_bytes(&name, &file, limits)).await;
        let incoming = Incoming {
            uri: &read.file.uri,
            read_as: &name,
            title: None,
            modified_ns: None,
            may_retry: attempt < TRIES_MAX,
        };
        Ok((self.take_in(extractor, &incoming, file, views).await?, Some(held)))
    }

    /// What could not be read is a document that failed. What is gone is left to the next plan, which sees whether it is the
    /// file that went or the whole disk; and what may pass is tried again before anything is given up.
    async fn unread(
        &self,
        (read, attempt): (&PlannedRead, u32),
        stamp: SourceStamp,
        failure: Failure,
    ) -> Result<FileRead, IndexingError> {
        if let Some(outcome) = vanished(&failure) {
            return Ok(outcome.into());
        }
        if failure.code == "unreadable" && attempt < TRIES_MAX {
            return Ok(FileOutcome::Failed { failure }.into());
        }
        self.fail(self.new_document(&read.file.uri, stamp), failure).await
    }
}

/// What reading a file called `name` takes of memory.
pub(super) fn needed_bytes(name: &str, file: &OpenedFile, limits: FileLimits) -> u64 {
    let needed = match shape_of(name, file, limits) {
        Ok(Shape::Parts(linear)) => linear.part_bytes.saturating_mul(TEXT_FACTOR),
        _ => file.bytes().saturating_mul(WHOLE_FACTOR),
    };
    needed.max(BYTES_LEAST)
}

/// How long a file that could not be read waits for its next try in this ingest, and why it could not; `None` when the next
/// would tell the same, or take as long as this one.
fn try_again(read: &FileRead, attempt: u32) -> Option<(Duration, Failure)> {
    let FileOutcome::Failed { failure } = &read.outcome else { return None };
    let may_pass = matches!(failure.code.as_str(), "unreadable" | "crashed");
    (may_pass && attempt < TRIES_MAX).then(|| (RETRY_FIRST * 4_u32.pow(attempt - 1), failure.clone()))
}
