//! One pass over a text that finds its words, numerals and signs, before anything is made of them.

use ibid_ingest::Span;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// What a piece of text looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Letters of an alphabet.
    Word,
    /// Letters with digits or joints inside, such as `kube-apiserver2`, `10:30` or `a.txt`.
    Name,
    /// Digits, perhaps in groups and with a decimal part.
    Digits,
    /// A run of Hangul.
    Hangul,
    /// One character of a script without spaces.
    Gram,
    /// One sign.
    Sign,
}

/// A piece of text.
#[derive(Debug, Clone)]
pub(super) struct Raw {
    pub(super) span: Span,
    pub(super) shape: Shape,
    /// Normalised (NFKC) and in lower case.
    pub(super) lower: String,
    /// Whether its first letter is upper case.
    pub(super) is_upper: bool,
    /// Whether it touches the piece before.
    pub(super) is_glued: bool,
}

/// The pieces of a text, in order.
pub(super) fn scan(text: &str) -> Vec<Raw> {
    let mut found: Vec<Raw> = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let (shape, end) = piece_at(text, at, c);
        if let Some(shape) = shape {
            push(&mut found, text, Span::new(at, end), shape);
        }
        at = end;
    }
    found
}

fn push(found: &mut Vec<Raw>, text: &str, span: Span, shape: Shape) {
    let written = span.slice(text);
    let lower: String = written.nfkc().flat_map(char::to_lowercase).filter(|c| *c != '\u{ad}').collect();
    let is_glued = found.last().is_some_and(|last| last.span.end == span.start);
    found.push(Raw { span, shape, lower, is_upper: written.starts_with(char::is_uppercase), is_glued });
}

fn piece_at(text: &str, at: usize, c: char) -> (Option<Shape>, usize) {
    let after = at + c.len_utf8();
    if c.is_whitespace() {
        return match blank_line_end(text, at, c) {
            Some(end) => (Some(Shape::Sign), end),
            None => (None, after),
        };
    }
    if is_hangul(c) {
        return (Some(Shape::Hangul), run_end(text, at, |next| is_hangul(next) || is_combining_mark(next)));
    }
    if is_gram(c) {
        return (Some(Shape::Gram), after);
    }
    if c.is_ascii_digit() || is_wide_digit(c) {
        return numeral(text, at);
    }
    if c.is_alphabetic() {
        return word(text, at);
    }
    (Some(Shape::Sign), after)
}

/// The end of white space that holds a blank line.
fn blank_line_end(text: &str, at: usize, c: char) -> Option<usize> {
    if c != '\n' {
        return None;
    }
    let end = run_end(text, at, char::is_whitespace);
    (text[at..end].matches('\n').count() > 1).then_some(end)
}

pub(super) fn is_hangul(c: char) -> bool {
    matches!(c, '\u{ac00}'..='\u{d7a3}' | '\u{1100}'..='\u{11ff}' | '\u{3131}'..='\u{318e}')
}

/// Characters of scripts without spaces between words.
fn is_gram(c: char) -> bool {
    matches!(c, '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{309f}' | '\u{30a1}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}')
        || matches!(c, '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3fffd}')
        || (matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}') && !c.is_numeric())
}

fn is_wide_digit(c: char) -> bool {
    matches!(c, '０'..='９')
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || is_wide_digit(c)
}

fn is_letter(c: char) -> bool {
    (c.is_alphabetic() && !is_hangul(c) && !is_gram(c)) || is_combining_mark(c) || c == '\u{ad}'
}

fn run_end(text: &str, at: usize, inside: impl Fn(char) -> bool) -> usize {
    text[at..].find(|c| !inside(c)).map_or(text.len(), |length| at + length)
}

fn char_at(text: &str, at: usize) -> Option<char> {
    text[at..].chars().next()
}

/// A numeral `1,234.5`, or the name that begins with it: `1.2.3`, `10:30`, `3d`.
fn numeral(text: &str, at: usize) -> (Option<Shape>, usize) {
    let mut end = run_end(text, at, is_digit);
    while text[end..].starts_with(',') {
        let group = run_end(text, end + 1, is_digit);
        if group - end != 4 {
            break;
        }
        end = group;
    }
    let mut parts = 0;
    let mut last = end;
    while let Some(joint) = char_at(text, last).filter(|c| matches!(c, '.' | ':' | '/')) {
        let next = run_end(text, last + 1, is_digit);
        if next == last + 1 {
            break;
        }
        parts += if joint == '.' { 1 } else { 2 };
        last = next;
    }
    let shape = if parts > 1 { Shape::Name } else { Shape::Digits };
    (Some(shape), last)
}

/// A word, or a name with joints and digits inside.
fn word(text: &str, at: usize) -> (Option<Shape>, usize) {
    let mut end = run_end(text, at, is_letter);
    let mut is_name = false;
    loop {
        let digits = run_end(text, end, |c| is_digit(c) || is_letter(c) || c == '_');
        if digits > end {
            (end, is_name) = (digits, true);
            continue;
        }
        let Some(joint) = char_at(text, end).filter(|c| matches!(c, '.' | '/' | ':' | '@' | '-' | '\'' | '’')) else {
            break;
        };
        let mut next = end + joint.len_utf8();
        if joint == ':' {
            if !text[next..].starts_with(':') {
                break;
            }
            next += 1;
        }
        let Some(after) = char_at(text, next).filter(|c| is_letter(*c) || is_digit(*c)) else { break };
        if matches!(joint, '\'' | '’') {
            // A contraction or a possessive is told from its word later.
            break;
        }
        if joint == '-' && !is_digit(after) && !is_name {
            break;
        }
        (end, is_name) = (run_end(text, next, |c| is_letter(c) || is_digit(c)), true);
    }
    (Some(if is_name { Shape::Name } else { Shape::Word }), end)
}
