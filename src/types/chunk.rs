//! A chunk is a span into its document's text; its words are cut from there and never stored again.

use ibid_ingest::Span;
use serde::{Deserialize, Serialize};

use super::{ChunkId, DocumentId, TextHash};

/// A chunk as extraction gives it, before the store hands out an id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Bytes of the document's extracted text.
    pub span: Span,
    /// First page, from 1, where the format has pages.
    pub page_first: Option<u32>,
    /// Last page, from 1, where the format has pages.
    pub page_last: Option<u32>,
    /// Titles of the headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// The hash of [`embedding_input`], the key of its vector.
    pub text_hash: TextHash,
}

/// A chunk with its identity and its words, cut from the document's text when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkRow {
    /// Identity.
    pub id: ChunkId,
    /// The document that it is a part of.
    pub document: DocumentId,
    /// Where it is and under which headings.
    pub chunk: Chunk,
    /// `text[span]`.
    pub text: String,
}

/// What the embedder reads for a chunk: its headings, then its words. The headings say what the words are about when
/// the words alone do not.
pub fn embedding_input(heading_path: &[String], text: &str) -> String {
    if heading_path.is_empty() {
        return text.to_owned();
    }
    format!("{}\n{text}", heading_path.join(" > "))
}

impl Serialize for TextHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TextHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <[u8; 32]>::deserialize(deserializer).map(Self)
    }
}
