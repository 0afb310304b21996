//! A document as the store knows it: where it came from, what state it is in, and never its text.

use std::collections::{BTreeMap, BTreeSet};

use ibid_ingest::{Block, Heading, Place, Span};
use serde::{Deserialize, Serialize};

use super::{CalendarDate, CollectionName, DocumentId, Principal};

/// A document's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Document {
    /// Identity, a function of collection and URI.
    pub id: DocumentId,
    /// The collection that holds it.
    pub collection: CollectionName,
    /// Where it came from: the path relative to the ingested folder's parent, with `/` between parts.
    pub uri: String,
    /// The document that it came inside of: an archive, or a mail with attachments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<DocumentId>,
    /// MIME type of the source.
    pub media_type: String,
    /// The title that the source gives itself, or the file name.
    pub title: String,
    /// Metadata that the source carries, as text.
    pub metadata: BTreeMap<String, String>,
    /// The language of its text as an ISO 639-1 code: the one that the source names, or else the one that was detected;
    /// absent when it is unsure, or when the document was last read by a version that did not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
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

/// Metadata fields that may hold a document's date, the most telling first.
const DATE_FIELDS: [&str; 4] = ["date", "created", "modified", "updated"];

impl Document {
    /// The date that filters know it by: the first that its metadata has in `date`, `created`, `modified` or `updated`, or
    /// else the day (UTC) on which its source was modified.
    pub fn date(&self) -> Option<CalendarDate> {
        self.date_of_its_own().or_else(|| self.source.date())
    }

    /// Whether it would have another date if its source were `source`.
    pub fn is_redated_by(&self, source: &SourceStamp) -> bool {
        self.date_of_its_own().is_none() && self.source.date() != source.date()
    }

    fn date_of_its_own(&self) -> Option<CalendarDate> {
        let written = DATE_FIELDS.into_iter().filter_map(|field| self.metadata.get(field));
        written.filter_map(|value| CalendarDate::of_metadata(value)).next()
    }
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
    /// SHA-256 of the bytes as 64 hexadecimal digits; empty when the source could not be read, and for what came inside of
    /// another document, whose own hash tells of changes.
    pub sha256: String,
}

impl SourceStamp {
    fn date(&self) -> Option<CalendarDate> {
        CalendarDate::of_unix_ns(self.modified_ns).filter(|_| self.modified_ns > 0)
    }
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
    /// Tables, code and lists that the text does not show by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<Block>,
    /// Where its parts stand in a source without pages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
}
