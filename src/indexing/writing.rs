//! The writing stage: files that were read wait here, and as many as wait are written in one transaction while the lanes read
//! on. A transaction costs the same pages for one document as for many.

use std::time::{Duration, Instant};

use tokio::sync::mpsc::Receiver;

use super::IndexingError;
use super::contained::FileRead;
use super::lanes::Stages;
use super::mirror::Mirror;
use super::outcome::FileOutcome;
use super::plan::PlannedRead;
use super::progress::Stage;
use crate::generations::OpenedGeneration;
use crate::memory::InFlight;
use crate::store::NewDocument;

/// Documents of one transaction. Others want to write, too.
pub(super) const WRITTEN_AT_ONCE: usize = 64;

/// A file whose own row is to be written.
pub(super) struct Filled {
    pub(super) read: PlannedRead,
    pub(super) attempt: u32,
    /// How long its lane had it.
    pub(super) took: Duration,
    pub(super) row: NewDocument,
    pub(super) done: FileRead,
    pub(super) held: Option<InFlight>,
}

impl Mirror {
    /// Writes documents in one transaction.
    pub(super) async fn write_rows(&self, rows: &[NewDocument], views: &OpenedGeneration) -> Result<(), IndexingError> {
        let began = Instant::now();
        self.store.put_documents(rows, views.id, (self.clock)()).await?;
        self.wake.notify_waiters();
        if let Some(live) = &self.live {
            live.spent(Stage::Write, began.elapsed());
        }
        Ok(())
    }

    /// Writes what lanes send, until the last of them has ended.
    pub(super) async fn write_filled(
        &self,
        mut filled: Receiver<Filled>,
        stages: &Stages<'_>,
    ) -> Result<(), IndexingError> {
        let mut batch = Vec::with_capacity(WRITTEN_AT_ONCE);
        while filled.recv_many(&mut batch, WRITTEN_AT_ONCE).await > 0 {
            let (mut rows, mut files) = (Vec::new(), Vec::new());
            for Filled { read, attempt, took, row, done, held } in batch.drain(..) {
                rows.push(row);
                files.push((read, attempt, took, done, held));
            }
            let began = Instant::now();
            self.write_rows(&rows, stages.views).await?;
            let each = began.elapsed() / u32::try_from(rows.len()).unwrap_or(u32::MAX).max(1);
            for (read, attempt, took, mut done, _held) in files {
                if let FileOutcome::Added { chunks } = done.outcome {
                    stages.live.learn(&read.file.uri, read.file.bytes, took + each, (done.inside.pages, chunks));
                    if read.known.is_some() {
                        done.outcome = FileOutcome::Changed { chunks };
                    }
                }
                self.ended(stages, &read, done, attempt).await?;
            }
        }
        Ok(())
    }
}
