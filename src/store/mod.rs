//! TRUTH: collections, documents, their text, chunks, embeddings, the change log and the journal of runs.
//!
//! What is promised here:
//! - A method that writes is one transaction: all of it happened, or none of it.
//! - Every write that an index must hear of adds a row to the change log in the same transaction. Sequence numbers
//!   only grow and are never used twice.
//! - A chunk's text is cut from its document's text when it is read, and the cut is checked.
//! - Any method may be called again after a crash; writing the same thing twice leaves it once.
//! - The store knows no index. Followers (in `indexing`) read the change log and keep their own checkpoints.

mod error;
mod sqlite;

pub use error::StoreError;
pub use sqlite::{
    Change, ChangeKind, ChunkInTruth, CollectionSummary, DocumentPage, DocumentQuery, EmbeddingStatus, IndexedDocument,
    KnownSource, MissingText, NewDocument, RunEnd, RunRow, Store, TextSlice,
};
