//! The analysis as tantivy asks for it.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use crate::analysis::{Language, each_token};

/// The name under which the tokenizer is registered.
pub(super) const TOKENIZER: &str = "ibid";

/// A text as the tokenizer takes it: the code of the language, then the text. A field has one tokenizer for all
/// documents, and documents differ in language.
pub(super) fn with_language(language: Language, text: &str) -> String {
    [language.code(), text].concat()
}

#[derive(Debug, Clone, Default)]
pub(super) struct TermTokenizer {
    terms: String,
    ends: Vec<usize>,
    token: Token,
}

impl Tokenizer for TermTokenizer {
    type TokenStream<'a> = Terms<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Self::TokenStream<'a> {
        self.terms.clear();
        self.ends.clear();
        self.token.reset();
        let (code, words) = text.split_at(text.floor_char_boundary(2));
        each_token(words, Language::from_code(code), |term, _, _| {
            self.terms.push_str(term);
            self.ends.push(self.terms.len());
        });
        Terms { tokenizer: self, next: 0 }
    }
}

pub(super) struct Terms<'a> {
    tokenizer: &'a mut TermTokenizer,
    next: usize,
}

impl TokenStream for Terms<'_> {
    fn advance(&mut self) -> bool {
        let Some(&end) = self.tokenizer.ends.get(self.next) else { return false };
        let start = if self.next == 0 { 0 } else { self.tokenizer.ends[self.next - 1] };
        self.tokenizer.token.text.clear();
        self.tokenizer.token.text.push_str(&self.tokenizer.terms[start..end]);
        self.tokenizer.token.position = self.next;
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
