//! Bytes in, chunks with spans out: the part of ibid that reads documents.
//!
//! [`extract`] turns one file into a [`Document`]: text, pages, headings, metadata and warnings. [`chunk`] cuts the document
//! into [`Chunk`]s, and a chunk is a byte range into that text, never a copy. What holds:
//!
//! - every span lies on grapheme cluster boundaries of [`Document::text`], so it can be opened, highlighted and checked;
//! - chunks are ordered, do not overlap (unless asked to) and cover every visible character of [`Document::body`];
//! - the same bytes give the same document and the same chunks, on any machine;
//! - work is near linear in the size of the text, whatever the text is, and bounded by [`Limits`].
//!
//! Never here: a network, a database, a clock, randomness, a started process, `async`, a log line, an executed script.
//! Parsers of hostile formats can still exhaust memory or the stack, so a service runs [`extract`] in a process of its own
//! with limits on both; [`Document`] and [`ExtractError`] are serialisable for that.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that unwraps fails as it should"))]

mod block;
mod chunk;
mod detect;
mod document;
mod error;
mod extract;
mod limits;
mod line_box;
mod media_type;
mod place;
mod recognized;
mod span;
mod warning;

pub use block::Block;
pub use chunk::{Chunk, ChunkKind, ChunkOptions, TokenCounter, chunk};
pub use detect::detect;
pub use document::{Child, Document, Heading, Page};
pub use error::ExtractError;
pub use extract::{
    ExtractOptions, MEDIA_EXTENSIONS, Observer, PagePicture, PdfBackend, TakenPaths, extract, extract_observed,
    extract_shared, page_pictures, table_head,
};
pub use limits::Limits;
pub use line_box::{LineBox, boxes_under};
pub use media_type::{Language, MediaType, UnknownMediaType};
pub use place::{Place, Position, joined_location, location};
pub use span::Span;
pub use warning::Warning;
