//! A citation: the place in an answer that says in which place its source stands.

use serde::{Deserialize, Serialize};

use super::{ChunkId, CollectionName, DocumentId, Utf16Offset};

/// One source of an answer, in the shape that AG-UI clients find under `metadata.citations`.
///
/// Offsets into the answer are UTF-16 code units; offsets into the source are bytes of its extracted text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Citation {
    /// The number in the marker `[n]`.
    pub n: usize,
    /// The passage that was retrieved.
    pub id: ChunkId,
    /// Its document.
    pub document_id: DocumentId,
    /// Its collection.
    pub collection: CollectionName,
    /// The document's title.
    pub title: String,
    /// The document's URI.
    pub source: String,
    /// A path on this server that opens the quoted text.
    pub url: String,
    /// The quoted text, exactly as it stands at `location`.
    pub source_content: Vec<CitedText>,
    /// Where the quoted text stands.
    pub location: Location,
    /// Start of the sentence in the answer that carries the marker.
    pub start: Utf16Offset,
    /// End of that sentence.
    pub end: Utf16Offset,
    /// Where the first marker of this source stands in the answer.
    pub text_offset: Utf16Offset,
    /// The passage's retrieval score.
    pub score: f32,
}

/// A piece of quoted text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CitedText {
    /// The words.
    pub text: String,
}

/// Where quoted text stands in its document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// Always `span`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Always `bytes`.
    pub unit: String,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// First page, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_first: Option<u32>,
    /// Last page, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_last: Option<u32>,
    /// Where it stands in a source without pages: `Budget!A2:F40`, `rows 12-40`, `slide 3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Titles of the headings above it, outermost first.
    pub heading_path: Vec<String>,
}
