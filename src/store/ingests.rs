//! Ingests, the work on each document, and what was removed.

use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use super::StoreError;
use crate::types::{
    CollectionName, DocumentId, Failure, IngestId, IngestRecord, IngestState, Removal, RemovalProof, Seq, Task,
    TaskAction, TaskState,
};

/// An ingest that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewIngest {
    /// Its identity.
    pub id: IngestId,
    /// The collection that it writes to.
    pub collection: CollectionName,
    /// What it mirrors, by the first part of their URIs.
    pub roots: Vec<String>,
}

/// How an ingest ended.
#[derive(Debug, Clone, PartialEq)]
pub struct IngestEnd {
    /// The state that it has from now on.
    pub state: IngestState,
    /// What it did, in numbers.
    pub summary: Option<serde_json::Value>,
    /// Why it failed or was refused.
    pub error: Option<String>,
}

/// Which ingests to list, the newest first.
#[derive(Debug, Clone, Default)]
pub struct IngestQuery {
    /// Only of this collection.
    pub collection: Option<CollectionName>,
    /// Only older ones than this.
    pub before: Option<IngestId>,
    /// At most this many.
    pub limit: u32,
}

/// A page of ingests.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct IngestPage {
    /// The ingests, the newest first.
    pub ingests: Vec<IngestRecord>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<IngestId>,
}

impl IngestPage {
    /// The page out of one row more than it may have.
    pub(super) fn of(mut ingests: Vec<IngestRecord>, limit: u32) -> Self {
        let more = ingests.len() > limit as usize;
        ingests.truncate(limit as usize);
        let next_cursor = ingests.last().filter(|_| more).map(|last| last.id);
        Self { ingests, next_cursor }
    }
}

/// Work that is planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTask {
    /// The document.
    pub document: DocumentId,
    /// Its URI.
    pub uri: String,
    /// Length of its file in bytes.
    pub bytes: u64,
    /// What is to be done.
    pub action: TaskAction,
}

/// What became of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskEnd {
    /// The document.
    pub document: DocumentId,
    /// How far it is now.
    pub state: TaskState,
    /// Why it could not be read.
    pub failure: Option<Failure>,
    /// When it may be tried again.
    pub retry_at_ms: Option<i64>,
}

/// Which work to list.
#[derive(Debug, Clone, Default)]
pub struct TaskQuery {
    /// Only in this state.
    pub state: Option<TaskState>,
    /// Only of this ingest.
    pub ingest: Option<IngestId>,
    /// Only after this document, in the order of their ids.
    pub after: Option<DocumentId>,
    /// At most this many.
    pub limit: u32,
}

/// Ingests.
#[async_trait]
pub trait Ingests {
    /// Begins an ingest, which holds its lease for as long. What another of the same collection and roots left running
    /// without a lease is interrupted from now on.
    ///
    /// # Errors
    /// Database errors.
    async fn begin_ingest(&self, new: &NewIngest, lease: Duration, now_ms: i64) -> Result<(), StoreError>;

    /// Extends the lease of an ingest that still runs.
    ///
    /// # Errors
    /// Database errors.
    async fn renew_ingest(&self, id: IngestId, lease: Duration) -> Result<(), StoreError>;

    /// Ends an ingest. Work that it left is nobody's.
    ///
    /// # Errors
    /// Database errors.
    async fn end_ingest(&self, id: IngestId, end: &IngestEnd, now_ms: i64) -> Result<(), StoreError>;

    /// An ingest.
    ///
    /// # Errors
    /// Database errors.
    async fn ingest(&self, id: IngestId) -> Result<Option<IngestRecord>, StoreError>;

    /// Ingests, the newest first.
    ///
    /// # Errors
    /// Database errors.
    async fn ingests(&self, query: &IngestQuery) -> Result<IngestPage, StoreError>;

    /// Notes work that is to be done; a document that failed before keeps the number of its tries. What somebody else works on
    /// at this moment is done twice: that is harmless, and waiting for the lease of one that died is not.
    ///
    /// # Errors
    /// Database errors.
    async fn plan_tasks(&self, ingest: IngestId, tasks: &[NewTask], now_ms: i64) -> Result<(), StoreError>;

    /// Takes work for an ingest of this process, for the time of a lease, and counts the try. Says which was planned, and
    /// which try it is.
    ///
    /// # Errors
    /// Database errors.
    async fn claim_tasks(
        &self,
        ingest: IngestId,
        documents: &[DocumentId],
        lease: Duration,
        now_ms: i64,
    ) -> Result<Vec<(DocumentId, u32)>, StoreError>;

    /// Notes what became of work. Work that is done has no tries behind it any more.
    ///
    /// # Errors
    /// Database errors.
    async fn settle_tasks(&self, ends: &[TaskEnd], now_ms: i64) -> Result<(), StoreError>;

    /// Work, in the order of the documents' ids.
    ///
    /// # Errors
    /// Database errors.
    async fn tasks(&self, query: &TaskQuery) -> Result<Vec<Task>, StoreError>;

    /// At most `limit` removals of an ingest after a number, in their order.
    ///
    /// # Errors
    /// Database errors.
    async fn removals(&self, ingest: IngestId, after: u64, limit: u32) -> Result<Vec<Removal>, StoreError>;

    /// At most `limit` removals without a proof that the views have followed up to `seq`, after a number, in their order.
    ///
    /// # Errors
    /// Database errors.
    async fn unproven_removals(&self, seq: Seq, after: u64, limit: u32) -> Result<Vec<Removal>, StoreError>;

    /// Of the chunks that were removed, how many are there; and one for the text, when the document has it still though it
    /// was not put there again.
    ///
    /// # Errors
    /// Database errors.
    async fn left_of(&self, removal: &Removal) -> Result<u64, StoreError>;

    /// Keeps what was found when removals were looked for.
    ///
    /// # Errors
    /// Database errors.
    async fn prove_removals(&self, proofs: &[(u64, RemovalProof)]) -> Result<(), StoreError>;
}
