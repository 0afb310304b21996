//! One pass over a text that finds words, names with inner joints, and runs of scripts without spaces.

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use super::grams::{Grams, run_end};
use super::normalize::{is_ignorable, push_lower};
use super::numbers::{digits_at, groups_digits, is_version, push_date};
use super::piece::{Form, Piece, Role};
use super::script::{Class, char_at, class, class_at};

/// No word that anybody searches for is longer; what is longer is data, and its beginning identifies it.
const TERM_BYTES_MAX: usize = 96;
/// A name with more joints than this is taken in several pieces, so that a file of dots stays linear.
const PARTS_MAX: usize = 8;

/// Takes a position, so that what stands before it is not next to what stands after it.
const PARAGRAPH_SEPARATOR: char = '\u{2029}';

/// Calls `visit` for every piece of `text`, in order of their start.
pub(super) fn scan(text: &str, visit: impl FnMut(Piece<'_>)) {
    let mut scanner = Scanner { text, lower: String::new(), parts: Vec::with_capacity(PARTS_MAX), position: 0, visit };
    let mut at = 0;
    while let Some(c) = char_at(text, at) {
        at = match class(c) {
            Class::Word => scanner.plain_word(at).unwrap_or_else(|| scanner.name(at)),
            Class::Gram => scanner.run(at),
            Class::Mark | Class::Other => {
                scanner.position += u32::from(c == PARAGRAPH_SEPARATOR);
                at + c.len_utf8()
            }
        };
    }
}

/// How two parts of a name hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joint {
    /// Vanishes from the whole form: `_`, `-`.
    Loose,
    /// Stays in the whole form: `.`, `/`, `:`, `@`.
    Tight,
}

struct Part {
    start: usize,
    end: usize,
    /// What stands before it, except before the first.
    joint: Joint,
}

struct Scanner<'t, V> {
    text: &'t str,
    lower: String,
    parts: Vec<Part>,
    /// Of the next word or character.
    position: u32,
    visit: V,
}

impl<V: FnMut(Piece<'_>)> Scanner<'_, V> {
    /// Reads the word that begins at `start`, if it has nothing but ASCII letters, only the first of them upper-case, and
    /// clearly ends behind them. Most words are such, and of them there is no more to find out.
    fn plain_word(&mut self, start: usize) -> Option<usize> {
        let bytes = &self.text.as_bytes()[start..];
        let length = 1 + bytes[1..].iter().take_while(|byte| byte.is_ascii_lowercase()).count();
        let is_word = bytes[0].is_ascii_alphabetic() && (2..=TERM_BYTES_MAX).contains(&length);
        if !is_word || !ends_word(&bytes[length..]) {
            return None;
        }
        let end = start + length;
        self.lower.clear();
        let text = if bytes[0].is_ascii_lowercase() {
            &self.text[start..end]
        } else {
            push_lower(&self.text[start..end], &mut self.lower);
            &self.lower
        };
        let (position, run) = (self.position, (start, end));
        (self.visit)(Piece { text, form: Form::Word, role: Role::Part, position, start, end, run });
        self.position += 1;
        Some(end)
    }

    /// Reads the name that begins at `start` and returns where reading goes on.
    fn name(&mut self, start: usize) -> usize {
        self.parts.clear();
        let mut joint = Joint::Loose;
        let mut next = start;
        let end = loop {
            let end = part_end(self.text, next);
            self.parts.push(Part { start: next, end, joint });
            if self.parts.len() == PARTS_MAX {
                break end;
            }
            match joint_at(self.text, end) {
                Some((found, after)) => (joint, next) = (found, after),
                None => break end,
            }
        };
        if let Some(marked) = self.marked_letter(end) {
            return marked;
        }
        if self.parts.len() > 1 {
            self.whole((start, end));
        }
        for place in 0..self.parts.len() {
            let part = (self.parts[place].start, self.parts[place].end);
            self.word(Role::Part, part, (start, end));
            let first = self.position;
            self.humps(part, (start, end));
            self.position = self.position.max(first + 1);
        }
        after_contraction(self.text, end)
    }

    /// `c++`, `c#` and `f#` are names of one letter and marks.
    fn marked_letter(&mut self, end: usize) -> Option<usize> {
        let [Part { start, .. }] = self.parts[..] else { return None };
        if end - start != 1 || !self.text.as_bytes()[start].is_ascii_alphabetic() {
            return None;
        }
        let marks = ["++", "#"].into_iter().find(|marks| self.text[end..].starts_with(marks))?;
        let after = end + marks.len();
        if class_at(self.text, after) == Class::Word {
            return None;
        }
        self.lower.clear();
        push_lower(&self.text[start..after], &mut self.lower);
        self.emit(Form::Exact, Role::Part, (start, after), (start, after));
        self.position += 1;
        Some(after)
    }

    fn whole(&mut self, run: (usize, usize)) {
        self.lower.clear();
        if let [first, second, third] = &self.parts[..] {
            let parts = [first, second, third].map(|part| &self.text[part.start..part.end]);
            let joints = [&self.text[first.end..second.start], &self.text[second.end..third.start]];
            if push_date(parts, joints, &mut self.lower) {
                return self.emit(Form::Exact, Role::Whole, run, run);
            }
        }
        let mut form = Form::Word;
        for (place, part) in self.parts.iter().enumerate() {
            if place > 0 && part.joint == Joint::Tight {
                self.lower.push_str(&self.text[self.parts[place - 1].end..part.start]);
                form = Form::Exact;
            }
            // `v1.2.3` is `1.2.3`.
            let skipped = usize::from(place == 0 && is_version(&self.text[part.start..part.end]));
            push_part(self.text, (part.start + skipped, part.end), &mut self.lower);
        }
        self.emit(form, Role::Whole, run, run);
    }

    fn word(&mut self, role: Role, (start, end): (usize, usize), run: (usize, usize)) {
        self.lower.clear();
        push_part(self.text, (start, end), &mut self.lower);
        if matches!(self.lower.as_bytes(), [b'0', b'0'..=b'9']) {
            // The fifth month is `05` here and `5` there.
            self.lower.remove(0);
        }
        self.emit(Form::Word, role, (start, end), run);
    }

    /// The humps of `camelCase` and `python3`, each with a place of its own; letters that stand alone say nothing.
    fn humps(&mut self, (start, end): (usize, usize), run: (usize, usize)) {
        let bytes = &self.text.as_bytes()[start..end];
        if bytes.len() > TERM_BYTES_MAX {
            return;
        }
        let has_upper = bytes.iter().skip(1).any(u8::is_ascii_uppercase);
        let digits = digits_at(bytes);
        if !has_upper && digits.is_none() {
            return;
        }
        let mut from = 0;
        for at in 1..=bytes.len() {
            if at < bytes.len() && digits != Some(at) && !is_hump(bytes, at) {
                continue;
            }
            let whole = from == 0 && at == bytes.len();
            let says_something = at - from > 1 || bytes[from].is_ascii_digit();
            if says_something && !whole {
                self.word(Role::Hump, (start + from, start + at), run);
                self.position += 1;
            }
            from = at;
        }
    }

    fn emit(&mut self, form: Form, role: Role, (start, end): (usize, usize), run: (usize, usize)) {
        self.lower.truncate(self.lower.floor_char_boundary(TERM_BYTES_MAX));
        if self.lower.is_empty() {
            return;
        }
        let has_digits = if self.lower.is_ascii() {
            self.lower.bytes().any(|byte| byte.is_ascii_digit())
        } else {
            self.lower.chars().any(char::is_numeric)
        };
        let stands = if has_digits { Form::Exact } else { form };
        (self.visit)(Piece { text: &self.lower, form: stands, role, position: self.position, start, end, run });
    }

    /// Reads the run without spaces that begins at `start` and returns its end.
    fn run(&mut self, start: usize) -> usize {
        let (end, plain) = run_end(self.text, start);
        let text = self.text;
        let mut grams = Grams::new((start, end), self.position, &mut self.lower, &mut self.visit);
        if plain {
            for (at, c) in text[start..end].char_indices().filter(|(_, c)| *c != '\n') {
                grams.push(c, start + at, start + at + c.len_utf8());
            }
        } else {
            for (at, cluster) in text[start..end].grapheme_indices(true).filter(|(_, cluster)| *cluster != "\n") {
                let stop = start + at + cluster.len();
                cluster.nfkc().filter(|c| !is_ignorable(*c)).for_each(|c| grams.push(c, start + at, stop));
            }
        }
        self.position += grams.finish();
        end
    }
}

/// Appends one part in lower case; only its beginning counts when it is very long.
fn push_part(text: &str, (start, end): (usize, usize), lower: &mut String) {
    let part = &text[start..end];
    let part = &part[..part.floor_char_boundary(2 * TERM_BYTES_MAX)];
    if part.contains(',') {
        lower.extend(part.chars().filter(char::is_ascii_digit));
    } else {
        push_lower(part, lower);
    }
}

/// Whether letters surely end where `rest` follows them: at its end, at a blank, or at a mark that joins nothing.
fn ends_word(rest: &[u8]) -> bool {
    match rest {
        [] => true,
        [b'.' | b':' | b'/' | b'@' | b'-', next, ..] => next.is_ascii_whitespace(),
        [b'.' | b':' | b'/' | b'@' | b'-' | b'_' | b'\'', ..] => false,
        [next, ..] => next.is_ascii() && !next.is_ascii_alphanumeric(),
    }
}

/// Where the part that begins at `start` ends: letters, digits, their marks, and commas that group digits.
fn part_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    while at < bytes.len() {
        if bytes[at].is_ascii_alphanumeric() {
            at += 1;
        } else if bytes[at].is_ascii() {
            if !groups_digits(bytes, start, at) {
                break;
            }
            at += 1;
        } else {
            let Some(c) = char_at(text, at).filter(|c| matches!(class(*c), Class::Word | Class::Mark)) else { break };
            at += c.len_utf8();
        }
    }
    at
}

/// The joint at `at`, if a part follows it, and where that part begins.
fn joint_at(text: &str, at: usize) -> Option<(Joint, usize)> {
    let rest = &text[at..];
    let (joint, length) = match rest.chars().next()? {
        '_' | '-' => (Joint::Loose, 1),
        c @ ('\u{2010}' | '\u{2011}') => (Joint::Loose, c.len_utf8()),
        ':' if rest.starts_with("::") => (Joint::Tight, 2),
        '.' | '/' | ':' | '@' => (Joint::Tight, 1),
        _ => return None,
    };
    (class_at(text, at + length) == Class::Word).then_some((joint, at + length))
}

/// Skips what an apostrophe has left of a second word: `'s`, `n't`, `'ll`.
fn after_contraction(text: &str, end: usize) -> usize {
    let Some(c) = char_at(text, end).filter(|c| matches!(c, '\'' | '\u{2019}')) else { return end };
    let tail = &text[end + c.len_utf8()..];
    let letters = tail.bytes().take(3).take_while(u8::is_ascii_alphabetic).count();
    let is_rest = matches!(&tail[..letters], "s" | "t" | "d" | "m" | "ll" | "re" | "ve" | "S" | "T");
    let after = end + c.len_utf8() + letters;
    if is_rest && class_at(text, after) != Class::Word { after } else { end }
}

/// Whether a hump of `camelCase` or `HTTPServer` begins at `at`. The `s` of `APIs` begins none.
fn is_hump(bytes: &[u8], at: usize) -> bool {
    if !bytes[at].is_ascii_uppercase() || !bytes[at - 1].is_ascii_alphanumeric() {
        return false;
    }
    let before_lower = bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
    let plural = bytes.len() == at + 2 && bytes[at + 1] == b's';
    bytes[at - 1].is_ascii_lowercase() || (before_lower && !plural)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Seen = (String, Form, Role, u32, (usize, usize), (usize, usize));

    fn seen(piece: Piece<'_>) -> Seen {
        (piece.text.to_owned(), piece.form, piece.role, piece.position, (piece.start, piece.end), piece.run)
    }

    proptest! {
        #[test]
        fn a_plain_word_is_what_a_name_of_one_part_is(text in "([a-z]{1,9}|[A-Z][a-z]{0,6}|[A-Za-z]{97,99}|[가-힣é]|[0-9]{1,4}|[-_./:@'’,+#() \n\u{301}]|\\PC){0,24}") {
            let mut found: Vec<Seen> = Vec::new();
            scan(&text, |piece| found.push(seen(piece)));
            let mut expected: Vec<Seen> = Vec::new();
            let visit = |piece: Piece<'_>| expected.push(seen(piece));
            let mut scanner = Scanner { text: &text, lower: String::new(), parts: Vec::new(), position: 0, visit };
            let mut at = 0;
            while let Some(c) = char_at(&text, at) {
                at = match class(c) {
                    Class::Word => scanner.name(at),
                    Class::Gram => scanner.run(at),
                    Class::Mark | Class::Other => {
                        scanner.position += u32::from(c == PARAGRAPH_SEPARATOR);
                        at + c.len_utf8()
                    }
                };
            }
            prop_assert_eq!(found, expected);
        }
    }
}
