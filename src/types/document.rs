//! A document as the store knows it: where it came from, what state it is in, and never its text.

use std::collections::{BTreeMap, BTreeSet};

use ibid_ingest::{Heading, Span};
use serde::{Deserialize, Serialize};

use super::{CollectionName, DocumentId, Principal};

/// A document's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Document {
    /// Identity, a function of collection and URI.
    pub id: DocumentId,
    /// The collection that holds it.
    pub collection: CollectionName,
    /// Where it came from: the path relative to the ingested folder's parent, with `/` between parts.
    pub uri: String,
    /// MIME type of the source.
    pub media_type: String,
    /// The title that the source gives itself, or the file name.
    pub title: String,
    /// Metadata that the source carries, as text.
    pub metadata: BTreeMap<String, String>,
    /// Who may read it: its own readers, or those of its collection.
    pub readers: BTreeSet<Principal>,
    /// Whether it can be searched.
    #[serde(flatten)]
    pub state: DocumentState,
    /// Size and hash of the source when it was read.
    pub source: SourceStamp,
    /// How many chunks it has in the generation that serves.
    pub chunks: u64,
    /// Length of the stored extracted text in bytes.
    pub text_bytes: u64,
    /// What extraction had to leave out or repair.
    pub warnings: Vec<String>,
    /// When this row was last written, in milliseconds since 1970 (UTC).
    pub updated_at_ms: i64,
}

/// Whether a document can be searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DocumentState {
    /// Its words can be found; `embedded` says whether its meaning can be, too.
    Ready {
        /// Whether every chunk has its vector.
        embedded: bool,
    },
    /// It could not be read; nothing of it is indexed.
    Failed {
        /// Why.
        failure: Failure,
    },
}

/// Why a document could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Failure {
    /// A stable code, such as `encrypted` or `too_large`.
    pub code: String,
    /// One sentence for a person.
    pub message: String,
}

/// What the source looked like when it was read, to see later whether it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SourceStamp {
    /// Length in bytes.
    pub bytes: u64,
    /// Modification time in nanoseconds since 1970 (UTC), 0 where there is none.
    pub modified_ns: i64,
    /// SHA-256 of the bytes as 64 hexadecimal digits; empty when the source could not be read.
    pub sha256: String,
}

/// A page of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageSpan {
    /// Page number, from 1.
    pub number: u32,
    /// Bytes of the extracted text.
    pub span: Span,
}

/// What chunking needs beside the text, kept so that another generation can cut the same text anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Structure {
    /// The part of the text that is chunked.
    pub body: Span,
    /// The pages, for formats that have them.
    pub pages: Vec<PageSpan>,
    /// The headings, in the order of the text.
    pub headings: Vec<Heading>,
}
