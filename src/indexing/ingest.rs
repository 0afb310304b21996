//! An ingest from its first row to its last: it is planned, applied, seen while it works, stopped when somebody asks, and
//! leaves a record in every case that a process survives.

use std::path::PathBuf;
use std::sync::Arc;

use super::contained::MirrorListener;
use super::mirror::{Mirror, MirrorOptions, canonical};
use super::outcome::{MirrorEvent, MirrorSummary};
use super::progress::LiveIngest;
use super::{Indexer, IndexingError};
use crate::store::{IngestEnd, NewIngest};
use crate::types::{IngestId, IngestState};

/// What an ingest is to do.
#[derive(Debug, Clone)]
pub struct IngestJob {
    /// Folders, or single files.
    pub roots: Vec<PathBuf>,
    /// How, and into which collection.
    pub options: MirrorOptions,
}

impl Indexer {
    /// Makes a collection equal to the folders of a job. The views follow elsewhere. `listener` hears what happens, first of
    /// all the ingest's identity.
    ///
    /// # Errors
    /// Only what concerns the whole: an unreadable root, too many deletions, a full disk, or that it was cancelled. A document
    /// that cannot be read is an outcome.
    pub async fn ingest(&self, job: IngestJob, listener: MirrorListener<'_>) -> Result<MirrorSummary, IndexingError> {
        self.mirror(job.options).ingest(job.roots, listener).await
    }
}

impl Mirror {
    /// See [`Indexer::ingest`].
    ///
    /// # Errors
    /// As there.
    pub async fn ingest(
        &mut self,
        roots: Vec<PathBuf>,
        listener: MirrorListener<'_>,
    ) -> Result<MirrorSummary, IndexingError> {
        let mut named = Vec::with_capacity(roots.len());
        for root in roots {
            named.push((canonical(&root)?, String::new()));
        }
        self.store.ensure_collection(&self.options.collection, (self.clock)()).await?;
        for (path, name) in &mut named {
            *name = self.root_name(path, true).await?;
        }
        let (id, collection) = (IngestId::new(), self.options.collection.clone());
        let new = NewIngest {
            id,
            collection: collection.clone(),
            roots: named.iter().map(|(_, name)| name.clone()).collect(),
        };
        self.store.begin_ingest(&new, self.lease, (self.clock)()).await?;
        let live = Arc::new(LiveIngest::new(id, collection, Arc::clone(&self.memory)));
        self.ingests.add(Arc::clone(&live));
        (self.ingest, self.live) = (Some(id), Some(Arc::clone(&live)));
        let both = |event: &MirrorEvent| {
            live.tell(event);
            listener(event);
        };
        both(&MirrorEvent::Started { ingest: id });
        // Dropped midway, it is shown as cancelled to those who look; the truth calls it interrupted when its lease ends.
        let mut unended = Unended(Some(&live));
        let store = Arc::clone(&self.store);
        let lease = self.lease;
        let renewing = async {
            loop {
                tokio::time::sleep(lease / 3).await;
                // One that fails is tried again; without a lease it looks interrupted and nothing worse.
                drop(store.renew_ingest(id, lease).await);
            }
        };
        let outcome = tokio::select! {
            outcome = self.apply(named, &live, &both) => outcome,
            () = live.until_cancelled() => Err(IndexingError::Cancelled),
            never = renewing => match never {},
        };
        (self.ingest, self.live) = (None, None);
        // An estimate is worth no failure.
        drop(live.learned().keep(self.store.as_ref()).await);
        let end = ended(&outcome);
        let noted = self.store.end_ingest(id, &end, (self.clock)()).await;
        unended.0 = None;
        live.end(end.state);
        let summary = outcome.as_ref().ok().copied();
        both(&MirrorEvent::Ended { state: end.state, summary, error: end.error });
        // What went wrong first is what counts.
        outcome.and_then(|done| noted.map(|()| done).map_err(Into::into))
    }
}

/// Marks an ingest as cancelled when it is dropped before it has ended.
struct Unended<'a>(Option<&'a LiveIngest>);

impl Drop for Unended<'_> {
    fn drop(&mut self) {
        if let Some(live) = self.0 {
            live.end(IngestState::Cancelled);
        }
    }
}

fn ended(outcome: &Result<MirrorSummary, IndexingError>) -> IngestEnd {
    let (state, summary, error) = match outcome {
        Ok(summary) => (IngestState::Finished, serde_json::to_value(summary).ok(), None),
        Err(IndexingError::Cancelled) => (IngestState::Cancelled, None, None),
        Err(refused @ IndexingError::TooManyDeletions { .. }) => {
            (IngestState::Refused, None, Some(refused.to_string()))
        }
        Err(error) => (IngestState::Failed, None, Some(error.to_string())),
    };
    IngestEnd { state, summary, error }
}
