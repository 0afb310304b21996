//! A span is a byte range into a document's stored text, and the only way this crate points at words.

use serde::{Deserialize, Serialize};

/// A half-open byte range `start..end` into [`Document::text`](crate::Document::text).
///
/// Offsets count bytes of UTF-8 and lie on character boundaries of the text that they were made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

impl Span {
    /// Makes a span; an `end` before `start` gives an empty span at `start`.
    #[must_use]
    pub const fn new(start: usize, end: usize) -> Self {
        let end = if end < start { start } else { end };
        Self { start, end }
    }

    /// The number of bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether the span holds no byte.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.end <= self.start
    }

    /// Whether `other` lies wholly inside this span.
    #[must_use]
    pub const fn contains(&self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// The text under the span.
    ///
    /// # Panics
    ///
    /// When the span does not lie on character boundaries inside `text`: it was made for another text. Use [`Span::get`]
    /// for spans that come from outside.
    #[must_use]
    pub fn slice<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start..self.end]
    }

    /// The text under the span, or `None` when it does not lie on character boundaries inside `text`.
    #[must_use]
    pub fn get<'t>(&self, text: &'t str) -> Option<&'t str> {
        text.get(self.start..self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_slices_the_bytes_it_names() {
        assert_eq!(Span::new(3, 6).slice("한강 물"), "강");
    }

    #[test]
    fn a_span_inside_a_character_gives_nothing() {
        assert_eq!(Span::new(1, 3).get("한강"), None);
        assert_eq!(Span::new(0, 99).get("한강"), None);
    }

    #[test]
    fn a_reversed_span_is_empty() {
        assert!(Span::new(5, 2).is_empty());
        assert!(Span::new(0, 9).contains(Span::new(5, 2)));
    }
}
