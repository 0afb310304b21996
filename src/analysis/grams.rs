//! Runs without spaces between words: where they end, and their pairs of characters.

use super::piece::{Form, Piece, Role};
use super::script::{Class, class, is_plain};

/// The pairs of a run, and its last character.
pub(super) struct Grams<'s, V> {
    lower: &'s mut String,
    visit: &'s mut V,
    run: (usize, usize),
    last: Option<(char, usize, usize)>,
    characters: u32,
    /// Position of the first character.
    first: u32,
}

impl<'s, V: FnMut(Piece<'_>)> Grams<'s, V> {
    /// Of a run whose first character stands at position `first`.
    pub(super) fn new(run: (usize, usize), first: u32, lower: &'s mut String, visit: &'s mut V) -> Self {
        Self { lower, visit, run, last: None, characters: 0, first }
    }

    pub(super) fn push(&mut self, c: char, start: usize, end: usize) {
        if let Some((before, from, _)) = self.last {
            self.lower.clear();
            self.lower.push(before);
            self.lower.push(c);
            self.emit(Role::Gram, from, end);
        }
        self.last = Some((c, start, end));
        self.characters += 1;
    }

    /// Ends the run; how many characters it had.
    pub(super) fn finish(mut self) -> u32 {
        if let Some((last, start, end)) = self.last {
            self.lower.clear();
            self.lower.push(last);
            self.emit(if self.characters == 1 { Role::Gram } else { Role::Last }, start, end);
        }
        self.characters
    }

    fn emit(&mut self, role: Role, start: usize, end: usize) {
        let position = self.first + self.characters - 1;
        (self.visit)(Piece { text: self.lower, form: Form::Gram, role, position, start, end, run: self.run });
    }
}

/// Where the run that begins at `start` ends, and whether every character in it is plain.
pub(super) fn run_end(text: &str, start: usize) -> (usize, bool) {
    let mut plain = true;
    let mut end = start;
    let mut characters = text[start..].char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let goes_on = match class(c) {
            Class::Gram | Class::Mark => {
                plain &= is_plain(c);
                true
            }
            _ => c == '\n' && characters.peek().is_some_and(|(_, next)| class(*next) == Class::Gram),
        };
        if !goes_on {
            break;
        }
        end = start + at + c.len_utf8();
    }
    (end, plain)
}
