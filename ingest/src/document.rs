//! A document is the extracted text of one file with its pages, headings, tables, places and what went wrong on the way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Block, ExtractError, LineBox, MediaType, Place, Span, Warning};

/// What extraction gives. It crosses a process boundary as JSON.
///
/// `text` is what is stored, searched and cited: every span in this crate is a byte range into it. Pages, headings, blocks,
/// places and boxes are in text order, and their spans do not overlap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// What the file was read as.
    pub media_type: MediaType,
    /// The text, in NFC, with `\n` line ends and no control character but `\n` and `\t`.
    pub text: String,
    /// The part of `text` that is chunked. Front matter lies before it; an archive's list of entries lies outside.
    pub body: Span,
    /// The title that the document gives itself.
    pub title: Option<String>,
    /// The pages, for formats that have them. Between two pages the text has a blank line.
    pub pages: Vec<Page>,
    /// The headings, outermost level 1.
    pub headings: Vec<Heading>,
    /// Tables, code and lists that the text alone does not show. Where the text is Markdown, its own markup says the rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<Block>,
    /// Where in the source its parts stand, for formats without pages: rows, cells, slides, times, chapters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// Where its lines stand on their pages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boxes: Vec<LineBox>,
    /// What else the document says of itself: front matter, author, dates. Keys are lower case.
    pub metadata: BTreeMap<String, String>,
    /// What was lost or changed.
    pub warnings: Vec<Warning>,
    /// The documents inside: entries of an archive, attachments of a mail. Those inside of them are here, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Child>,
}

/// A document that came inside another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Child {
    /// Its path inside, with `/` between parts, without `.`, `..` or a leading `/`. No two children have the same.
    pub path: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// What was read, or why nothing was.
    pub outcome: Result<Document, ExtractError>,
}

/// One page of a paged document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Position in the file, from 1.
    pub number: u32,
    /// Where its text lies. Empty for a page without text.
    pub span: Span,
    /// Whether the page seems to hold text that only character recognition can read.
    pub needs_ocr: bool,
    /// Characters of which the font does not say what they are.
    #[serde(default)]
    pub unmapped: u32,
    /// Pictures that are drawn on it.
    #[serde(default)]
    pub images: u32,
}

/// One heading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    /// Depth from 1, the outermost.
    pub level: u8,
    /// Where the heading stands, its markup included.
    pub span: Span,
    /// Its words without markup.
    pub title: String,
}

impl Document {
    /// A document of nothing but text: the whole of it is body.
    #[must_use]
    pub fn of_text(media_type: MediaType, text: String, warnings: Vec<Warning>) -> Self {
        let body = Span::new(0, text.len());
        Self {
            media_type,
            text,
            body,
            title: None,
            pages: Vec::new(),
            headings: Vec::new(),
            blocks: Vec::new(),
            places: Vec::new(),
            boxes: Vec::new(),
            metadata: BTreeMap::new(),
            warnings,
            children: Vec::new(),
        }
    }
}
