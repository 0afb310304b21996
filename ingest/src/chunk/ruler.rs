//! The ruler measures text in tokens, and refuses to measure what is obviously too long.

use text_splitter::ChunkSizer;

use super::TokenCounter;
use super::grapheme::trimmed;
use crate::Span;

/// No tokenizer in use puts 32 bytes of running text into one token on average, so longer text is cut without counting.
/// It bounds the bytes that the counter sees at once.
const BYTES_PER_TOKEN_MAX: usize = 32;

/// Below this many bytes counting costs nothing, whatever the window is.
const COUNTED_BYTES_MIN: usize = 1 << 10;

/// A token counter and the window that chunks must fit.
pub(super) struct Ruler<'a> {
    counter: &'a dyn TokenCounter,
    pub(super) tokens_max: usize,
}

impl<'a> Ruler<'a> {
    pub(super) fn new(counter: &'a dyn TokenCounter, tokens_max: usize) -> Self {
        Self { counter, tokens_max: tokens_max.max(1) }
    }

    /// The same ruler with a window from which `tokens` are taken.
    pub(super) fn with_room_for(&self, tokens: usize) -> Self {
        Self::new(self.counter, self.tokens_max.saturating_sub(tokens))
    }

    /// The most bytes that a chunk may have.
    pub(super) fn bytes_max(&self) -> usize {
        self.tokens_max.saturating_mul(BYTES_PER_TOKEN_MAX).max(COUNTED_BYTES_MIN)
    }

    /// The tokens under `span`, the white space at its ends left out.
    pub(super) fn tokens(&self, text: &str, span: Span) -> usize {
        let words = trimmed(text, span).slice(text);
        if words.is_empty() { 0 } else { self.counter.count(words) }
    }

    /// The tokens under `span` when they fit, `None` when they do not.
    pub(super) fn fitting_tokens(&self, text: &str, span: Span) -> Option<usize> {
        if trimmed(text, span).len() > self.bytes_max() {
            return None;
        }
        Some(self.tokens(text, span)).filter(|tokens| *tokens <= self.tokens_max)
    }

    /// Below this a piece is too small to stand alone when it has company.
    pub(super) fn small(&self) -> usize {
        self.tokens_max / 4
    }
}

impl ChunkSizer for Ruler<'_> {
    fn size(&self, chunk: &str) -> usize {
        if chunk.len() > 2 * self.bytes_max() {
            return usize::MAX;
        }
        self.tokens(chunk, Span::new(0, chunk.len()))
    }
}
