//! Chunks, and what cuts them from their documents' texts.

use ibid_ingest::Span;

use super::{DocumentRow, document_id, from_json, offset};
use crate::store::{IndexedDocument, StoreError};
use crate::types::{Chunk, ChunkId, ChunkRow, Document, TextHash};

/// The columns of [`ChunkColumns`].
pub(in crate::store) const CHUNK_COLUMNS: &str =
    "c.id as chunk, c.document_id, c.span_start, c.span_end, c.page_first, c.page_last, c.heading_path, c.text_hash,
    c.simhash, c.kind, c.location, c.header_start, c.header_end";

/// A chunk whose words are still to be cut from its document's text.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::store) struct ChunkColumns {
    chunk: i64,
    document_id: Vec<u8>,
    span_start: i64,
    span_end: i64,
    page_first: Option<i64>,
    page_last: Option<i64>,
    heading_path: String,
    text_hash: Vec<u8>,
    simhash: Option<i64>,
    kind: Option<String>,
    location: Option<String>,
    header_start: Option<i64>,
    header_end: Option<i64>,
}

impl ChunkColumns {
    /// The document's stored id, to find the document by.
    pub(in crate::store) fn document(&self) -> &[u8] {
        &self.document_id
    }

    /// Where its table's header stands.
    fn header(&self) -> Option<Span> {
        self.header_start.zip(self.header_end).map(|(start, end)| Span::new(offset(start), offset(end)))
    }

    /// The chunk with `words`, which have to fill its span, and with those of its table's header.
    pub(in crate::store) fn with_words(
        self,
        words: Option<&[u8]>,
        header: Option<&[u8]>,
    ) -> Result<ChunkRow, StoreError> {
        let id = ChunkId(self.chunk.unsigned_abs());
        let corrupt = |what: &'static str| StoreError::Corrupt { what, key: id.to_string() };
        let page = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok());
        let span = Span { start: offset(self.span_start), end: offset(self.span_end) };
        let words = words.filter(|words| words.len() == span.end.saturating_sub(span.start));
        let text = words.and_then(|words| std::str::from_utf8(words).ok()).ok_or_else(|| corrupt("span"))?;
        let header_span = self.header();
        let header = header.filter(|row| header_span.is_some_and(|place| place.len() == row.len()));
        let header = header.and_then(|row| std::str::from_utf8(row).ok()).map(str::to_owned);
        if header.is_none() && header_span.is_some() {
            return Err(corrupt("header"));
        }
        let chunk = Chunk {
            span,
            page_first: page(self.page_first),
            page_last: page(self.page_last),
            heading_path: from_json(&self.heading_path).ok_or_else(|| corrupt("heading path"))?,
            kind: self.kind.and_then(|name| serde_json::from_value(serde_json::Value::String(name)).ok()),
            location: self.location,
            header: header_span,
            text_hash: TextHash::from_bytes(&self.text_hash).ok_or_else(|| corrupt("text hash"))?,
            simhash: self.simhash.map(i64::cast_unsigned),
        };
        Ok(ChunkRow { id, document: document_id(&self.document_id)?, chunk, text: text.to_owned(), header })
    }

    /// The chunk with its words out of the whole text.
    pub(in crate::store) fn cut_from(self, body: &[u8]) -> Result<ChunkRow, StoreError> {
        let words = body.get(offset(self.span_start)..offset(self.span_end).max(offset(self.span_start)));
        let header = self.header().and_then(|span| body.get(span.start..span.end));
        self.with_words(words, header)
    }
}

/// Documents with their chunks, which are cut from the texts. All three come in the order of their documents, chunks in that of
/// their text.
pub(in crate::store) fn with_chunks(
    documents: Vec<DocumentRow>,
    texts: Vec<(Vec<u8>, Vec<u8>)>,
    chunks: Vec<ChunkColumns>,
) -> Result<Vec<IndexedDocument>, StoreError> {
    let (mut texts, mut chunks) = (texts.into_iter().peekable(), chunks.into_iter().peekable());
    let with_its_own = |row: DocumentRow| {
        let document = Document::try_from(row)?;
        let (id, mut own) = (document.id.as_bytes(), Vec::new());
        while texts.next_if(|(of, _)| of.as_slice() < id).is_some() {}
        while chunks.next_if(|chunk| chunk.document() < id).is_some() {}
        if let Some((_, body)) = texts.next_if(|(of, _)| of == id) {
            while let Some(chunk) = chunks.next_if(|chunk| chunk.document() == id) {
                own.push(chunk.cut_from(&body)?);
            }
        }
        Ok(IndexedDocument { document, chunks: own })
    };
    documents.into_iter().map(with_its_own).collect()
}
