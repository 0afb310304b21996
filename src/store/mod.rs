//! TRUTH: collections, documents, their text, chunks, embeddings, generations, the change log, threads, the journal of
//! runs and measurements that were kept.
//!
//! [`Store`] is the seam, made of one small trait a topic; SQLite and Postgres are behind it, file by file alike. What every
//! member promises, and `conformance` checks:
//! - A method that writes is one transaction: all of it happened, or none of it. No transaction leaves the store.
//! - Every write that an index must hear of adds a row to the change log in the same transaction. Sequence numbers
//!   only grow, are never used twice, and become visible in their order: who has read up to one misses none before it.
//! - A chunk's text is cut from its document's text when it is read, and the cut is checked.
//! - Any method may be called again after a crash; writing the same thing twice leaves it once.
//! - What waits for work is claimed with a lease: two processes do not do the same work, and what a dead one held is free
//!   when its lease ends.
//! - The store knows no index. Followers (in `indexing`) read the change log and keep their own checkpoints.

mod changes;
mod chunks;
mod citations;
mod collections;
mod documents;
mod embeddings;
mod error;
mod evaluations;
mod generations;
mod ingests;
mod postgres;
mod removed;
mod rows;
mod runs;
mod settings;
mod sqlite;
mod threads;
mod views;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;

use async_trait::async_trait;

pub use changes::{Change, ChangeKind, ChangeLog};
pub use chunks::{ChunkInTruth, Chunks, TextSlice};
pub use citations::{CitationLog, LoggedCitation};
pub use collections::{CollectionSummary, Collections};
pub use documents::{DocumentMove, DocumentPage, DocumentQuery, Documents, KnownSource, NewDocument};
pub use embeddings::{EmbeddingStatus, Embeddings, MissingText};
pub use error::StoreError;
pub use evaluations::{Evaluation, Evaluations, NewEvaluation};
pub use generations::{ChunkSource, Generations, GoldQuery, Served};
pub use ingests::{IngestEnd, IngestPage, IngestQuery, Ingests, NewIngest, NewTask, TaskEnd, TaskQuery};
pub use postgres::{PostgresOptions, PostgresStore};
pub use runs::{ANSWERED_STEP, Begun, NewRun, RunEnd, RunOutcome, Runs};
pub use settings::Settings;
pub use sqlite::SqliteStore;
pub use threads::{ThreadQuery, Threads};
pub use views::{Follows, IndexedDocument};

/// The truth. See the room's door for what is promised.
#[async_trait]
pub trait Store:
    Collections
    + Documents
    + Chunks
    + Embeddings
    + Generations
    + ChangeLog
    + Follows
    + Threads
    + Runs
    + CitationLog
    + Ingests
    + Settings
    + Evaluations
    + std::fmt::Debug
    + Send
    + Sync
{
    /// Where it is, for a person, without a password.
    fn place(&self) -> String;

    /// Whether other processes may write to it, so that this one has to look for what they did.
    fn is_shared(&self) -> bool;

    /// Ends when another process may have changed something. May end for no reason, and may miss a change: who waits looks
    /// by itself from time to time.
    async fn changed(&self);

    /// Asks the database to check itself; `ok`, or what is wrong.
    ///
    /// # Errors
    /// Database errors; what the check finds is the value.
    async fn integrity_check(&self) -> Result<String, StoreError>;

    /// Writes back what is held, gives up what is leased, and closes.
    async fn close(&self);
}
