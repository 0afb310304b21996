//! What the tests of this room share: passages.

use ibid_ingest::Span;

use crate::types::{ChunkId, CollectionName, DocumentId, Hit};

/// A passage with these words, at byte 100 of its document.
pub(super) fn hit(n: u64, text: &str) -> Hit {
    Hit {
        chunk_id: ChunkId(n),
        document_id: DocumentId::of(&CollectionName::default_name(), "a.md"),
        collection: CollectionName::default_name(),
        uri: "a.md".to_owned(),
        title: "A".to_owned(),
        media_type: "text/markdown".to_owned(),
        heading_path: Vec::new(),
        location: None,
        kind: None,
        header: None,
        page_first: None,
        page_last: None,
        span: Span { start: 100, end: 100 + text.len() },
        text: text.to_owned(),
        highlights: Vec::new(),
        merged_chunk_ids: Vec::new(),
        section: None,
        score: 1.0,
        legs: None,
        matched_terms: None,
    }
}
