//! Chunking cuts a document into spans that fit a model's window: by structure first, then by size.
//!
//! Headings divide the body into sections, and no section shares a chunk with another unless both are tiny; blocks
//! (paragraphs, lists, tables, code) are packed into the window whole; what exceeds the window is split.

mod block;
mod grapheme;
mod indent;
mod overlap;
mod pack;
mod ruler;
mod section;
mod split;

use serde::{Deserialize, Serialize};

use crate::{Document, Page, Span, location};
use ruler::Ruler;
use section::Placed;

/// Counts tokens as the embedding model does.
pub trait TokenCounter: Send + Sync {
    /// The number of tokens of `text`, special tokens included if the window must hold them.
    fn count(&self, text: &str) -> usize;
}

/// How to chunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkOptions {
    /// Most tokens of a chunk.
    pub tokens_max: usize,
    /// Tokens that a chunk repeats from the one before it.
    pub overlap_tokens: usize,
}

impl Default for ChunkOptions {
    fn default() -> Self {
        Self { tokens_max: 256, overlap_tokens: 0 }
    }
}

/// A piece of a document that is indexed and cited as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Where it lies in the document's text.
    pub span: Span,
    /// The first page that it touches, from 1.
    pub page_first: Option<u32>,
    /// The last page that it touches.
    pub page_last: Option<u32>,
    /// Titles of the headings that enclose all of it, outermost first.
    pub heading_path: Vec<String>,
    /// What most of it is.
    pub kind: ChunkKind,
    /// Where it stands in a source without pages, as a person would look for it: `Budget!A2:F40`, `rows 12-40`, `slide 3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The header of the table that it begins inside of. It lies before the chunk and is read with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Span>,
}

/// What a chunk is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChunkKind {
    /// Sentences.
    Prose,
    /// Source code.
    Code,
    /// Rows and columns.
    Table,
    /// A list.
    List,
}

/// Cuts `document` into chunks of at most `options.tokens_max` tokens.
///
/// The chunks are in text order, do not overlap unless `options.overlap_tokens` asks for it, begin and end on grapheme
/// clusters and on visible characters, and cover every visible character of the body. Only a single cluster that exceeds the
/// window by itself gives a chunk above it.
#[must_use]
pub fn chunk(document: &Document, options: &ChunkOptions, counter: &dyn TokenCounter) -> Vec<Chunk> {
    let overlap_tokens = options.overlap_tokens.min(options.tokens_max / 2);
    let ruler = Ruler::new(counter, options.tokens_max - overlap_tokens);
    let blocks = block::blocks(document);
    let placed = section::pack_sections(document, &blocks, &ruler);
    let mut chunks: Vec<Chunk> = placed.into_iter().filter_map(|placed| placed_chunk(document, placed)).collect();
    if overlap_tokens > 0 {
        overlap::extend_back(document, &mut chunks, overlap_tokens, &Ruler::new(counter, options.tokens_max));
    }
    for chunk in &mut chunks {
        assert!(chunk.span.get(&document.text).is_some(), "a chunk lies on character boundaries of its document");
        (chunk.page_first, chunk.page_last) = pages_under(&document.pages, chunk.span);
        chunk.location = location(&document.places, chunk.span);
    }
    chunks
}

/// Longer titles are cut in paths. A paragraph that is marked as a heading would otherwise stand in each of its own chunks.
const TITLE_BYTES_MAX: usize = 200;

fn placed_chunk(document: &Document, placed: Placed) -> Option<Chunk> {
    let span = grapheme::trimmed(&document.text, placed.piece.span);
    let title = |heading: usize| {
        let words = document.headings[heading].title.as_str();
        words[..words.floor_char_boundary(TITLE_BYTES_MAX)].to_owned()
    };
    (!span.is_empty()).then(|| Chunk {
        span,
        page_first: None,
        page_last: None,
        heading_path: placed.path.iter().copied().map(title).collect(),
        kind: placed.piece.kind(),
        location: None,
        header: placed.piece.header,
    })
}

/// The first and the last page that `span` touches.
fn pages_under(pages: &[Page], span: Span) -> (Option<u32>, Option<u32>) {
    let first = pages.partition_point(|page| page.span.end <= span.start);
    let after = pages.partition_point(|page| page.span.start < span.end);
    let touched = pages.get(first..after).unwrap_or_default();
    let mut numbers = touched.iter().filter(|page| !page.span.is_empty()).map(|page| page.number);
    let page_first = numbers.next();
    (page_first, numbers.next_back().or(page_first))
}
