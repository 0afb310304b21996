//! The analysis as tantivy asks for it.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use crate::analysis::{Language, each_last_character, each_position};

/// The name of the tokenizer of words.
pub(super) const WORDS: &str = "ibid";
/// The name of the tokenizer of the last characters of runs.
pub(super) const LAST_CHARACTERS: &str = "ibid-last";

/// A text as the tokenizer takes it: the code of the language, then the text. A field has one tokenizer for all
/// documents, and documents differ in language.
pub(super) fn with_language(language: Language, text: &str) -> String {
    [language.code(), text].concat()
}

/// Titles and headings are shorter; the words of a chunk are longer, and no two chunks in a row have the same.
const KEPT_BYTES_MAX: usize = 400;

/// Terms with their positions: those of words and runs, or the last characters of runs alone.
#[derive(Debug, Clone, Default)]
pub(super) struct TermTokenizer {
    is_last: bool,
    /// What the terms below are of, when it is short: the chunks of a document share its title, and those of a section its
    /// headings, and each field has a tokenizer of its own.
    kept: String,
    terms: String,
    /// Of each term, where it ends in `terms`, and its position.
    places: Vec<(usize, u32)>,
    token: Token,
}

impl TermTokenizer {
    pub(super) fn words() -> Self {
        Self::default()
    }

    pub(super) fn last_characters() -> Self {
        Self { is_last: true, ..Self::default() }
    }
}

impl Tokenizer for TermTokenizer {
    type TokenStream<'a> = Terms<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Self::TokenStream<'a> {
        self.token.reset();
        if !self.kept.is_empty() && self.kept == text {
            return Terms { tokenizer: self, next: 0 };
        }
        self.terms.clear();
        self.places.clear();
        self.kept.clear();
        if text.len() <= KEPT_BYTES_MAX {
            self.kept.push_str(text);
        }
        let (code, words) = text.split_at(text.floor_char_boundary(2));
        let keep = |term: &str, position| {
            self.terms.push_str(term);
            self.places.push((self.terms.len(), position));
        };
        if self.is_last {
            each_last_character(words, keep);
        } else {
            each_position(words, Language::from_code(code), keep);
        }
        Terms { tokenizer: self, next: 0 }
    }
}

pub(super) struct Terms<'a> {
    tokenizer: &'a mut TermTokenizer,
    next: usize,
}

impl TokenStream for Terms<'_> {
    fn advance(&mut self) -> bool {
        let Some(&(end, position)) = self.tokenizer.places.get(self.next) else { return false };
        let start = if self.next == 0 { 0 } else { self.tokenizer.places[self.next - 1].0 };
        self.tokenizer.token.text.clear();
        self.tokenizer.token.text.push_str(&self.tokenizer.terms[start..end]);
        self.tokenizer.token.position = position as usize;
        self.next += 1;
        true
    }

    fn token(&self) -> &Token {
        &self.tokenizer.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.tokenizer.token
    }
}
