//! The change log, how far its followers are, and leases on work that only one process may do.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::types::{DocumentId, GenerationId, Seq};

/// One row of the change log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Its place.
    pub seq: Seq,
    /// The document.
    pub document: DocumentId,
    /// What happened.
    pub kind: ChangeKind,
}

/// What happened to a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// Its text and chunks were written, or who may read it changed.
    Put,
    /// The vectors of all its chunks are there.
    Embedded,
    /// It is gone, or could not be read any more.
    Delete,
}

impl ChangeKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Embedded => "embedded",
            Self::Delete => "delete",
        }
    }

    pub(super) fn of(kind: &str) -> Self {
        match kind {
            "put" => Self::Put,
            "embedded" => Self::Embedded,
            _ => Self::Delete,
        }
    }
}

/// The change log.
#[async_trait]
pub trait ChangeLog {
    /// At most `limit` changes after `seq` that concern a generation, oldest first.
    ///
    /// # Errors
    /// Database errors.
    async fn changes_after(&self, generation: GenerationId, seq: Seq, limit: u32) -> Result<Vec<Change>, StoreError>;

    /// The newest place in the change log that concerns a generation.
    ///
    /// # Errors
    /// Database errors.
    async fn last_seq(&self, generation: GenerationId) -> Result<Seq, StoreError>;

    /// How far a view has followed, for views that cannot say it themselves.
    ///
    /// # Errors
    /// Database errors.
    async fn checkpoint(&self, view: &str) -> Result<Seq, StoreError>;

    /// Notes that a view has followed from one place to another; called after the view has made it durable. `false`, and
    /// nothing noted, when the checkpoint is not at `from` any more: somebody else moved it meanwhile.
    ///
    /// # Errors
    /// Database errors.
    async fn advance_checkpoint(&self, view: &str, from: Seq, to: Seq) -> Result<bool, StoreError>;

    /// Lets a view follow again from `seq`, unless it is behind that already.
    ///
    /// # Errors
    /// Database errors.
    async fn rewind_checkpoint(&self, view: &str, seq: Seq) -> Result<(), StoreError>;

    /// Takes the lease of this name for this process, or extends it. Says whether it is held now; while another process
    /// holds it, it is not.
    ///
    /// # Errors
    /// Database errors.
    async fn acquire_lease(&self, name: &str, time_to_live: Duration) -> Result<bool, StoreError>;

    /// Gives a lease of this process up; one of another process stays.
    ///
    /// # Errors
    /// Database errors.
    async fn release_lease(&self, name: &str) -> Result<(), StoreError>;
}
