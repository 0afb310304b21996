//! Chunks read back: always cut from the stored text, always with the document as it is now.

use async_trait::async_trait;
use ibid_ingest::LineBox;
use serde::Serialize;

use super::StoreError;
use crate::types::{ChunkId, ChunkRow, Document, DocumentId};

/// A chunk as the truth has it at this moment, with its document.
#[derive(Debug, Clone)]
pub struct ChunkInTruth {
    /// The chunk with its words.
    pub row: ChunkRow,
    /// The document, which is ready.
    pub document: Document,
}

/// A piece of a document's extracted text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TextSlice {
    /// First byte, moved to a character boundary.
    pub start: usize,
    /// One past the last byte, moved to a character boundary.
    pub end: usize,
    /// Length of the whole text in bytes.
    pub total_bytes: usize,
    /// The words.
    pub text: String,
}

/// Chunks and pieces of text.
#[async_trait]
pub trait Chunks {
    /// The chunks that exist, of documents that are ready, in the order asked for. A chunk that is gone is left out.
    ///
    /// # Errors
    /// Database errors.
    async fn chunks(&self, ids: &[ChunkId]) -> Result<Vec<ChunkInTruth>, StoreError>;

    /// Where the lines of a document stand on their pages, in the order of its text; none when it has no pages.
    ///
    /// # Errors
    /// Database errors.
    async fn boxes(&self, id: DocumentId) -> Result<Vec<LineBox>, StoreError>;

    /// A piece of a document's text; the ends move outwards to character boundaries and inwards to the text's length.
    ///
    /// # Errors
    /// Database errors.
    async fn text_slice(&self, id: DocumentId, start: usize, end: usize) -> Result<Option<TextSlice>, StoreError>;
}

/// Bytes of a text to read, so that the ends of `start..end` can be moved to character boundaries: first and length.
pub(super) fn bytes_around(start: usize, end: usize) -> (usize, usize) {
    // A character has at most 4 bytes, so 3 more on each side are enough to find its boundary.
    let from = start.saturating_sub(3);
    (from, end.max(start).saturating_add(3) - from)
}

/// The piece `start..end` out of what [`bytes_around`] asked for; `None` when it is not text.
pub(super) fn slice_of(part: &[u8], total_bytes: usize, start: usize, end: usize) -> Option<TextSlice> {
    let from = bytes_around(start, end).0.min(total_bytes);
    let boundary = |at: usize| at >= part.len() || (part[at] & 0b1100_0000) != 0b1000_0000;
    let mut first = start.min(total_bytes).saturating_sub(from).min(part.len());
    while first > 0 && !boundary(first) {
        first -= 1;
    }
    let mut last = end.max(start).min(total_bytes).saturating_sub(from).clamp(first, part.len());
    while !boundary(last) {
        last += 1;
    }
    let text = std::str::from_utf8(&part[first..last]).ok()?;
    Some(TextSlice { start: from + first, end: from + last, total_bytes, text: text.to_owned() })
}
