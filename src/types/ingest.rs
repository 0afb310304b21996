//! An ingest: the application of a plan to a collection, the work on each document, and what was removed by it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{CollectionName, DocumentId, InvalidName, Seq};

/// The identity of an ingest; later ones sort after earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
pub struct IngestId(uuid::Uuid);

impl IngestId {
    /// A new one.
    pub fn new() -> Self {
        Self(uuid::Uuid::now_v7())
    }
}

impl Default for IngestId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for IngestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for IngestId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidName::Ingest(text.chars().take(80).collect());
        text.parse().map(Self).map_err(|_| invalid())
    }
}

/// Declares an enum whose members have a name that is stored and shown.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$member_doc])* $member,)* }

        impl $name {
            /// Its name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$member => $text,)* }
            }

            /// The member of that name.
            pub fn named(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$member),)* _ => None }
            }
        }
    };
}

named! {
    /// How far an ingest is.
    IngestState {
        /// It works.
        Running = "running",
        /// It did all that was planned; documents that could not be read are no failure of the ingest.
        Finished = "finished",
        /// It stopped for a reason that concerns the whole. What it did stays.
        Failed = "failed",
        /// Somebody stopped it. What it did stays.
        Cancelled = "cancelled",
        /// It did nothing, because it would have deleted more than it may.
        Refused = "refused",
        /// Its process ended before it did. The next ingest of the same folder does what was left.
        Interrupted = "interrupted",
    }
}

named! {
    /// What is to be done with a document.
    TaskAction {
        /// It comes in.
        Add = "add",
        /// It is read again, because its file changed or what reads it did.
        Change = "change",
        /// It is tried again, because it failed.
        Retry = "retry",
    }
}

named! {
    /// How far the work on a document is.
    TaskState {
        /// It waits for its turn, or for another try.
        Waiting = "waiting",
        /// Somebody reads it.
        Working = "working",
        /// It was read, or turned out to be the same.
        Done = "done",
        /// It could not be read, and another try would not help or was made often enough.
        Failed = "failed",
    }
}

named! {
    /// Why something was removed.
    RemovalCause {
        /// Its file is gone, or somebody asked for it.
        Deleted = "deleted",
        /// Another text is in its place.
        Replaced = "replaced",
        /// Its file could not be read any more.
        Unreadable = "unreadable",
        /// Its file moved; the same text is there under another name.
        Moved = "moved",
    }
}

/// An ingest as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct IngestRecord {
    /// Its identity.
    pub id: IngestId,
    /// The collection that it writes to.
    pub collection: CollectionName,
    /// The folders and files that it mirrors, by the first part of their URIs.
    pub roots: Vec<String>,
    /// How far it is.
    pub state: IngestState,
    /// When it began, in milliseconds since 1970 (UTC).
    pub started_at_ms: i64,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at_ms: Option<i64>,
    /// What it did, in numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub summary: Option<serde_json::Value>,
    /// Why it failed or was refused, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The work on one document: its latest, by whichever ingest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Task {
    /// The document, which may not be there yet.
    pub document: DocumentId,
    /// The ingest.
    pub ingest: IngestId,
    /// Its URI.
    pub uri: String,
    /// Length of its file in bytes.
    pub bytes: u64,
    /// What is to be done.
    pub action: TaskAction,
    /// How far it is.
    pub state: TaskState,
    /// How often it was tried since it was last read.
    pub attempt: u32,
    /// Until when whoever works on it has it for itself, in milliseconds since 1970 (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_until_ms: Option<i64>,
    /// Not tried again before, in milliseconds since 1970 (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at_ms: Option<i64>,
    /// Why the last try failed, as a stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_code: Option<String>,
    /// Why the last try failed, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_message: Option<String>,
}

/// A range of chunk numbers, both ends included.
pub type ChunkRange = (u64, u64);

/// What was removed of a document, from the truth and so from both views.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Removal {
    /// Its place among all removals.
    pub number: u64,
    /// The change that told the views of it.
    #[schema(value_type = u64)]
    pub seq: Seq,
    /// The ingest that removed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingest: Option<IngestId>,
    /// The document.
    pub document: DocumentId,
    /// Its URI.
    pub uri: String,
    /// Why.
    pub cause: RemovalCause,
    /// The document that has its text now, when it moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<DocumentId>,
    /// SHA-256 of the extracted text that was removed, as 64 hexadecimal digits.
    pub text_sha256: String,
    /// Its length in bytes.
    pub text_bytes: u64,
    /// How many chunks were removed, in all generations.
    pub chunk_count: u64,
    /// Their numbers, as ranges with both ends included. A number is never used again.
    #[schema(value_type = Vec<Vec<u64>>)]
    pub chunks: Vec<ChunkRange>,
    /// When, in milliseconds since 1970 (UTC).
    pub removed_at_ms: i64,
    /// What was found when all of it was looked for after the views had followed; absent until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<RemovalProof>,
}

/// What was left of a removed text when truth and views were read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RemovalProof {
    /// When it was looked for, in milliseconds since 1970 (UTC).
    pub verified_at_ms: i64,
    /// Of its chunks, how many the truth still had.
    pub truth_left: u64,
    /// Of its chunks, how many the keyword index still gave.
    pub keyword_left: u64,
    /// Of its chunks, how many the vector index still had.
    pub vector_left: u64,
}

impl RemovalProof {
    /// Whether nothing was left anywhere.
    pub fn is_clean(&self) -> bool {
        self.truth_left == 0 && self.keyword_left == 0 && self.vector_left == 0
    }
}

/// Numbers, ascending, as ranges with both ends included.
pub fn chunk_ranges(numbers: impl IntoIterator<Item = u64>) -> Vec<ChunkRange> {
    let mut ranges: Vec<ChunkRange> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_ranges() {
        assert_eq!(chunk_ranges([1, 2, 3, 7, 9, 10]), [(1, 3), (7, 7), (9, 10)]);
        assert_eq!(chunk_ranges([]), []);
    }

    #[test]
    fn ids_are_read_back_and_ordered_by_time() {
        let (first, second) = (IngestId::new(), IngestId::new());
        assert!(first < second);
        assert_eq!(first.to_string().parse::<IngestId>().unwrap(), first);
        assert!("x".parse::<IngestId>().is_err());
    }
}
