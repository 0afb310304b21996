//! Chunks: how a document's text is cut for a generation, when it comes in and when a generation is built behind it.

use std::sync::Arc;
use std::time::Duration;

use ibid_ingest::{ChunkOptions, MediaType, Page, TokenCounter};

use super::IndexingError;
use crate::analysis::simhash;
use crate::faults;
use crate::generations::OpenedGeneration;
use crate::store::{ChunkSource, Store};
use crate::types::{Chunk, PageSpan, Structure, TextHash, below_header, embedding_input};

/// Documents that one round cuts before the followers get a turn.
const DOCUMENTS_PER_ROUND: u32 = 64;
/// How long a process that stops answering keeps the others from cutting for a generation.
const CHUNKING_LEASE: Duration = Duration::from_secs(60);

/// How chunks are cut, and what counts their tokens.
#[derive(Clone)]
pub(super) struct Cutter {
    pub(super) options: ChunkOptions,
    pub(super) counter: Arc<dyn TokenCounter>,
}

impl Cutter {
    pub(super) fn of(views: &OpenedGeneration) -> Self {
        Self { options: views.chunking.clone(), counter: Arc::clone(&views.counter) }
    }

    /// The document and its chunks, made away from the threads that serve connections. What is embedded begins with `title`.
    pub(super) async fn cut(
        &self,
        document: ibid_ingest::Document,
        title: String,
    ) -> Result<(ibid_ingest::Document, Vec<Chunk>), IndexingError> {
        let cutter = self.clone();
        aside(document, move |document| cutter.chunks_of(document, &title)).await
    }

    /// The chunks of a document, whose embedded text begins with `title`.
    pub(super) fn chunks_of(&self, document: &ibid_ingest::Document, title: &str) -> Vec<Chunk> {
        let chunks = ibid_ingest::chunk(document, &self.options, self.counter.as_ref());
        chunks.into_iter().map(|chunk| row_of(chunk, title, &document.text)).collect()
    }
}

/// Looks at a document away from the threads that serve connections, unless it is so short that going there takes longer.
pub(super) async fn aside<T: Send + 'static>(
    document: ibid_ingest::Document,
    look: impl FnOnce(&ibid_ingest::Document) -> T + Send + 'static,
) -> Result<(ibid_ingest::Document, T), IndexingError> {
    const SHORT_BYTES: usize = 1_024;
    let is_short = document.text.len() <= SHORT_BYTES;
    let work = move || {
        let seen = look(&document);
        (document, seen)
    };
    if is_short {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| IndexingError::Cancelled)
}

/// Cuts some of the documents that a generation lacks; says whether there were any. One process at a time does it.
pub(super) async fn chunk_round(store: &dyn Store, views: &OpenedGeneration) -> Result<bool, IndexingError> {
    let lease = format!("chunk:{}", views.id);
    let waiting = store.documents_to_chunk(views.id, DOCUMENTS_PER_ROUND).await?;
    if waiting.is_empty() || !store.acquire_lease(&lease, CHUNKING_LEASE).await? {
        return Ok(false);
    }
    let cutter = Cutter::of(views);
    for id in waiting {
        let Some(mut source) = store.chunk_source(id).await? else { continue };
        let title = source.title.clone();
        let (document, chunks) = cutter.cut(extracted(&mut source), title).await?;
        source.text = document.text;
        store.put_chunks(&source, views.id, &chunks).await?;
        faults::point();
        store.acquire_lease(&lease, CHUNKING_LEASE).await?;
    }
    Ok(true)
}

/// The document as extraction gave it, as far as chunking looks at it. Takes the text out of `source`.
fn extracted(source: &mut ChunkSource) -> ibid_ingest::Document {
    let page =
        |page: &PageSpan| Page { number: page.number, span: page.span, needs_ocr: false, unmapped: 0, images: 0 };
    let media_type = MediaType::from_mime(&source.media_type).unwrap_or(MediaType::PlainText);
    let text = std::mem::take(&mut source.text);
    ibid_ingest::Document {
        body: source.structure.body,
        pages: source.structure.pages.iter().map(page).collect(),
        headings: source.structure.headings.clone(),
        blocks: source.structure.blocks.clone(),
        places: source.structure.places.clone(),
        ..ibid_ingest::Document::of_text(media_type, text, Vec::new())
    }
}

/// What of an extracted document is kept beside its text.
pub(super) fn structure_of(document: &ibid_ingest::Document) -> Structure {
    Structure {
        body: document.body,
        pages: document.pages.iter().map(|page| PageSpan { number: page.number, span: page.span }).collect(),
        headings: document.headings.clone(),
        blocks: document.blocks.clone(),
        places: document.places.clone(),
    }
}

fn row_of(chunk: ibid_ingest::Chunk, title: &str, text: &str) -> Chunk {
    let words = chunk.span.slice(text);
    let read = below_header(chunk.header.and_then(|header| header.get(text)), words);
    let text_hash = TextHash::of(&embedding_input(title, &chunk.heading_path, &read));
    Chunk {
        span: chunk.span,
        page_first: chunk.page_first,
        page_last: chunk.page_last,
        heading_path: chunk.heading_path,
        kind: Some(chunk.kind),
        location: chunk.location,
        header: chunk.header,
        text_hash,
        simhash: Some(simhash(words)),
    }
}
