//! What a mirror did, file by file and in all.

use serde::Serialize;

use super::contained::{FileRead, MirrorListener};
use crate::types::{Failure, IngestId, IngestState};

/// What happened to one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum FileOutcome {
    /// It was not known before.
    Added {
        /// Its chunks, and those of documents inside it.
        chunks: usize,
    },
    /// Its bytes are others than before.
    Changed {
        /// Its chunks, and those of documents inside it.
        chunks: usize,
    },
    /// It was touched and holds the same bytes.
    Same,
    /// It was gone before it could be read.
    Vanished,
    /// It could not be read.
    Failed {
        /// Why.
        failure: Failure,
    },
}

/// What a mirror tells while it works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum MirrorEvent {
    /// It begins.
    Started {
        /// Which ingest it is.
        ingest: IngestId,
    },
    /// The work below one root is known.
    Planned {
        /// Files to read.
        read: usize,
        /// Their bytes.
        bytes: u64,
        /// Files that have another name.
        moved: usize,
        /// Files that look as they did.
        unchanged: usize,
        /// Documents to remove.
        remove: usize,
    },
    /// A file has another name; its text, chunks and vectors stay.
    Moved {
        /// Its URI of before.
        from: String,
        /// Its URI now.
        uri: String,
    },
    /// A file could not be read, and is tried again.
    Retrying {
        /// Its URI.
        uri: String,
        /// How often it was tried.
        attempt: u32,
        /// When it is tried again, in milliseconds from now.
        after_ms: u64,
        /// Why.
        failure: Failure,
    },
    /// A file is done.
    File {
        /// Its URI.
        uri: String,
        /// Its length.
        bytes: u64,
        /// What happened.
        #[serde(flatten)]
        outcome: FileOutcome,
    },
    /// A document inside a file could not be read; the file itself, and what else is inside, is not touched by that.
    Inside {
        /// Its URI.
        uri: String,
        /// Its length.
        bytes: u64,
        /// Why.
        failure: Failure,
    },
    /// A document is removed because its file is gone.
    Removed {
        /// Its URI.
        uri: String,
    },
    /// Documents whose files are gone stay, because there are more of them than may be deleted without being asked for.
    Withheld {
        /// How many.
        documents: usize,
        /// Of how many that are known below the root.
        of: usize,
    },
    /// It has ended.
    Ended {
        /// How.
        state: IngestState,
        /// What it did.
        #[serde(skip_serializing_if = "Option::is_none")]
        summary: Option<MirrorSummary>,
        /// Why it failed or was refused.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
}

/// What a mirror did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MirrorSummary {
    /// New documents.
    pub added: usize,
    /// Documents whose file changed.
    pub changed: usize,
    /// Documents whose file has another name now.
    pub moved: usize,
    /// Documents whose file did not change.
    pub unchanged: usize,
    /// Documents whose file is gone.
    pub removed: usize,
    /// Documents whose file is gone and that stay, because too many would go at once.
    pub withheld: usize,
    /// Files that could not be read, those of an earlier time included that did not change since, and documents inside files.
    pub failed: usize,
    /// Documents that were read inside archives and mails.
    pub contained: usize,
    /// Documents of which a part could not be read; their warnings say which.
    pub partial: usize,
    /// Pages that seem to be scanned, and were not read.
    pub pages_need_ocr: usize,
    /// Pictures, sound, video and fonts, which were passed over.
    pub media_files: usize,
    /// Chunks that were written.
    pub chunks: usize,
    /// Bytes that were read.
    pub bytes: u64,
}

impl std::ops::AddAssign for MirrorSummary {
    fn add_assign(&mut self, other: Self) {
        self.added += other.added;
        self.changed += other.changed;
        self.moved += other.moved;
        self.unchanged += other.unchanged;
        self.removed += other.removed;
        self.withheld += other.withheld;
        self.failed += other.failed;
        self.contained += other.contained;
        self.partial += other.partial;
        self.pages_need_ocr += other.pages_need_ocr;
        self.media_files += other.media_files;
        self.chunks += other.chunks;
        self.bytes += other.bytes;
    }
}

/// Counts what happened to a file and what it holds, and tells the listener.
pub(super) fn account(
    summary: &mut MirrorSummary,
    listener: MirrorListener<'_>,
    uri: &str,
    bytes: u64,
    read: FileRead,
) {
    let FileRead { outcome, inside } = read;
    summary.bytes += bytes;
    summary.contained += inside.documents;
    summary.partial += inside.partial;
    summary.pages_need_ocr += inside.pages_need_ocr;
    summary.failed += inside.failed.len();
    for (path, length, failure) in inside.failed {
        listener(&MirrorEvent::Inside { uri: path, bytes: length, failure });
    }
    match &outcome {
        FileOutcome::Added { chunks } => {
            summary.added += 1;
            summary.chunks += chunks;
        }
        FileOutcome::Changed { chunks } => {
            summary.changed += 1;
            summary.chunks += chunks;
        }
        FileOutcome::Same => summary.unchanged += 1,
        FileOutcome::Vanished => {}
        FileOutcome::Failed { .. } => summary.failed += 1,
    }
    listener(&MirrorEvent::File { uri: uri.to_owned(), bytes, outcome });
}
