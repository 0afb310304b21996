//! Which characters make words, and which make runs without spaces between words.

use unicode_normalization::char::is_combining_mark;

use super::normalize::is_ignorable;

/// What a character does: it stands in a word, is one of a run without spaces, marks the one before, or separates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Word,
    Gram,
    Mark,
    Other,
}

/// What a character is to the words of a text.
pub(super) fn class(c: char) -> Class {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() { Class::Word } else { Class::Other };
    }
    match c {
        // Hangul: syllables, then conjoining, compatibility and half-width letters.
        '\u{ac00}'..='\u{d7ff}' | '\u{1100}'..='\u{11ff}' | '\u{3131}'..='\u{318e}' | '\u{a960}'..='\u{a97f}' => {
            Class::Gram
        }
        '\u{ffa1}'..='\u{ffdc}' => Class::Gram,
        // Han.
        '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3fffd}' => {
            Class::Gram
        }
        '\u{3005}'..='\u{3007}' => Class::Gram,
        // Kana with its voicing marks, then half-width.
        '\u{3041}'..='\u{309a}' | '\u{309d}'..='\u{309f}' | '\u{30a1}'..='\u{30fa}' | '\u{30fc}'..='\u{30ff}' => {
            Class::Gram
        }
        '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9f}' => Class::Gram,
        // Thai, Lao, Myanmar and Khmer write no spaces between words either.
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' if c.is_alphabetic() => Class::Gram,
        c if c.is_alphanumeric() => Class::Word,
        c if is_combining_mark(c) || is_ignorable(c) => Class::Mark,
        _ => Class::Other,
    }
}

/// Whether `text` has a character of a run without spaces.
pub fn has_runs(text: &str) -> bool {
    // The first such character is Thai, and takes three bytes.
    !text.is_ascii() && text.chars().any(|c| c >= '\u{e00}' && class(c) == Class::Gram)
}

/// Whether the character is its own normal form whatever follows it, voicing marks and letters of Hangul aside.
pub(super) fn is_plain(c: char) -> bool {
    matches!(c, '\u{ac00}'..='\u{d7a3}' | '\u{4e00}'..='\u{9fff}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{30fc}')
}

pub(super) fn char_at(text: &str, at: usize) -> Option<char> {
    text.get(at..)?.chars().next()
}

pub(super) fn class_at(text: &str, at: usize) -> Class {
    char_at(text, at).map_or(Class::Other, class)
}
