//! An assembly puts the parts of a document into one text, and keeps where each of them lies.

use super::clean::clean;
use super::markdown;
use crate::{Block, ChunkKind, Document, Heading, MediaType, Place, Position, Span, Warning};

/// A document that is being put together, part by part.
///
/// Each part is cleaned before it is placed, so that no offset moves afterwards. Between two parts stands a blank line.
#[derive(Default)]
pub(super) struct Assembly {
    text: String,
    pub(super) headings: Vec<Heading>,
    pub(super) blocks: Vec<Block>,
    pub(super) places: Vec<Place>,
    pub(super) warnings: Vec<Warning>,
}

impl Assembly {
    /// An empty document, of which something is to be said already.
    pub(super) fn with_warnings(warnings: Vec<Warning>) -> Self {
        Self { warnings, ..Self::default() }
    }

    /// The length of the text so far.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Adds a part after a blank line and says where it lies. White space at its ends goes, and a part of nothing else leaves
    /// no trace.
    pub(super) fn part(&mut self, words: &str) -> Span {
        self.add(words, "\n\n")
    }

    /// Adds a line under the last one.
    pub(super) fn line(&mut self, words: &str) -> Span {
        self.add(words, "\n")
    }

    /// Adds a part that stands at `position` in the source.
    pub(super) fn placed_part(&mut self, words: &str, position: Position) -> Span {
        let span = self.part(words);
        self.place(span, position);
        span
    }

    /// Adds a heading, written as Markdown when `marked`, otherwise as a line of its own.
    pub(super) fn heading(&mut self, level: u8, title: &str, marked: bool) -> Span {
        let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        if title.is_empty() {
            return Span::new(self.text.len(), self.text.len());
        }
        let level = level.clamp(1, 6);
        let span = match marked {
            true => self.part(&format!("{} {title}", "#".repeat(usize::from(level)))),
            false => self.part(&title),
        };
        self.headings.push(Heading { level, span, title });
        span
    }

    /// Says where a part stands in the source.
    pub(super) fn place(&mut self, span: Span, position: Position) {
        if !span.is_empty() {
            self.places.push(Place { span, position });
        }
    }

    /// Says what a part is.
    pub(super) fn block(&mut self, span: Span, kind: ChunkKind, header: Option<Span>) {
        if !span.is_empty() {
            self.blocks.push(Block { span, kind, header });
        }
    }

    /// The document. Its headings are those that were added, or with none, those of its Markdown.
    pub(super) fn finish(self, media_type: MediaType) -> Document {
        let mut document = Document::of_text(media_type, self.text, self.warnings);
        document.headings = self.headings;
        if document.headings.is_empty() && media_type.is_markdown_text() {
            document.headings = markdown::headings(document.body, &document.text);
        }
        document.blocks = self.blocks;
        document.places = self.places;
        document
    }

    fn add(&mut self, words: &str, separator: &str) -> Span {
        let cleaned = clean(words.to_owned(), &mut self.warnings);
        let kept = cleaned.trim_matches('\n').trim_end();
        if kept.trim().is_empty() {
            return Span::new(self.text.len(), self.text.len());
        }
        if !self.text.is_empty() {
            self.text.push_str(separator);
        }
        let start = self.text.len();
        self.text.push_str(kept);
        Span::new(start, self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_apart_and_know_their_places() {
        let mut assembly = Assembly::default();
        assembly.heading(1, "Sheet\n one", false);
        assembly.placed_part("a,b\r\n", Position::Row { number: 1 });
        let empty = assembly.part(" \n ");
        let row = assembly.line("1,2");
        assembly.place(row, Position::Row { number: 2 });
        let document = assembly.finish(MediaType::Csv);
        assert!(empty.is_empty());
        assert_eq!(document.text, "Sheet one\n\na,b\n1,2");
        let words: Vec<_> = document.places.iter().map(|place| place.span.slice(&document.text)).collect();
        assert_eq!(words, ["a,b", "1,2"]);
        assert_eq!(document.headings[0].span.slice(&document.text), "Sheet one");
    }
}
