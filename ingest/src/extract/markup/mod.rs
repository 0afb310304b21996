//! Lightweight markup is kept as it is written, and its outline is read: headings, code, tables and what it says of itself.

mod asciidoc;
mod latex;
mod org;
mod rst;

use std::collections::BTreeMap;

use super::clean::clean;
use super::decode::decode;
use super::markdown::first_title;
use super::source::Source;
use crate::{Block, ChunkKind, Document, ExtractError, Heading, MediaType, Span};

/// Reads reStructuredText, AsciiDoc, Org and LaTeX.
pub(crate) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    let mut decoded = decode(source.bytes, None)?;
    let text = clean(decoded.text, &mut decoded.warnings);
    let mut document = Document::of_text(source.media_type, text, decoded.warnings);
    let outline = match source.media_type {
        MediaType::ReStructuredText => rst::outline(&document.text),
        MediaType::AsciiDoc => asciidoc::outline(&document.text),
        MediaType::Org => org::outline(&document.text),
        _ => latex::outline(&document.text),
    };
    document.body = outline.body.unwrap_or(document.body);
    document.headings = outline.headings;
    document.blocks = outline.blocks;
    document.metadata = outline.metadata;
    document.title = document.metadata.get("title").cloned().or_else(|| first_title(&document.headings));
    Ok(document)
}

/// What is read of a document besides its text.
#[derive(Debug, Default, PartialEq)]
struct Outline {
    /// The part that is chunked, when it is not all of the text.
    body: Option<Span>,
    headings: Vec<Heading>,
    blocks: Vec<Block>,
    metadata: BTreeMap<String, String>,
}

/// Deeper headings are siblings. No document that people write is deeper, and the path of a chunk names them all.
const LEVELS_MAX: u8 = 12;

/// Longer values are no metadata but text.
const VALUE_BYTES_MAX: usize = 1_000;

/// More entries are a table of something else.
const ENTRIES_MAX: usize = 100;

impl Outline {
    fn heading(&mut self, level: usize, span: Span, title: &str) {
        let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        if !title.is_empty() {
            let level = u8::try_from(level).map_or(LEVELS_MAX, |level| level.clamp(1, LEVELS_MAX));
            self.headings.push(Heading { level, span, title });
        }
    }

    fn block(&mut self, span: Span, kind: ChunkKind, header: Option<Span>) {
        if !span.is_empty() {
            self.blocks.push(Block { span, kind, header });
        }
    }

    /// Keeps what the document says of itself; the first word on a matter counts.
    fn entry(&mut self, key: &str, value: &str) {
        let (key, value) = (key.trim().to_lowercase(), value.trim());
        let small = key.len() <= 100 && value.len() <= VALUE_BYTES_MAX && self.metadata.len() < ENTRIES_MAX;
        if small && !key.is_empty() && !value.is_empty() {
            self.metadata.entry(key).or_insert_with(|| value.to_owned());
        }
    }
}

/// One line, without its end.
#[derive(Debug, Clone, Copy)]
struct Line<'t> {
    start: usize,
    words: &'t str,
}

impl<'t> Line<'t> {
    fn end(&self) -> usize {
        self.start + self.words.len()
    }

    fn is_blank(&self) -> bool {
        self.words.trim().is_empty()
    }

    /// Characters of white space that it begins with.
    fn indent(&self) -> usize {
        self.words.len() - self.words.trim_start().len()
    }

    /// The mark that the whole line is a run of, and how often it stands there.
    fn run(&self) -> Option<(char, usize)> {
        let words = self.words.trim_end();
        let mark = words.chars().next().filter(char::is_ascii_punctuation)?;
        words.chars().all(|c| c == mark).then_some((mark, words.len()))
    }
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    text.split_inclusive('\n')
        .map(|whole| {
            let line = Line { start, words: whole.trim_end_matches('\n') };
            start += whole.len();
            line
        })
        .collect()
}

/// The whole lines from `first` to `last`.
fn span_of(lines: &[Line<'_>], first: usize, last: usize) -> Span {
    Span::new(lines[first].start, lines[last].end())
}

/// `key` and `value` of a line of the form `:key: value`.
fn field(words: &str) -> Option<(&str, &str)> {
    let (key, value) = words.strip_prefix(':')?.split_once(':')?;
    let plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.'));
    let apart = value.is_empty() || value.starts_with([' ', '\t']);
    (plain && apart && !key.starts_with(' ')).then_some((key, value.trim()))
}

#[cfg(test)]
fn titles(outline: &Outline) -> Vec<(u8, &str)> {
    outline.headings.iter().map(|heading| (heading.level, heading.title.as_str())).collect()
}

#[cfg(test)]
fn blocks<'t>(outline: &Outline, text: &'t str) -> Vec<(ChunkKind, &'t str, Option<&'t str>)> {
    let parts = outline.blocks.iter();
    parts.map(|block| (block.kind, block.span.slice(text), block.header.map(|header| header.slice(text)))).collect()
}
