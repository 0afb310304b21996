//! What a transaction is about to remove of a document: looked at before, written down behind the change that tells of it.

use sha2::{Digest, Sha256};

use crate::types::{ChunkRange, DocumentId, IngestId, RemovalCause};

/// Why a transaction removes, and for whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Removing {
    pub(super) ingest: Option<IngestId>,
    pub(super) cause: RemovalCause,
    pub(super) now_ms: i64,
}

/// A text with its chunks that goes away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RemovedText {
    pub(super) document: DocumentId,
    pub(super) uri: String,
    pub(super) moved_to: Option<DocumentId>,
    pub(super) text_sha256: String,
    pub(super) text_bytes: u64,
    pub(super) chunks: Vec<ChunkRange>,
}

impl RemovedText {
    pub(super) fn chunk_count(&self) -> u64 {
        self.chunks.iter().map(|(first, last)| last - first + 1).sum()
    }
}

/// A hash as hexadecimal digits.
pub(super) fn sha256_of(text: &[u8]) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
