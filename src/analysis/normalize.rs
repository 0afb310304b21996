//! The normal form of a word: compatibility forms resolved, lower case, and without accents where they are optional.

use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// Appends the NFKC lower-case form of `word` to `out`, without the characters that only steer line breaking.
pub(super) fn push_lower(word: &str, out: &mut String) {
    if word.is_ascii() {
        let start = out.len();
        out.push_str(word);
        out[start..].make_ascii_lowercase();
    } else if is_nfkc_quick(word.chars()) == IsNormalized::Yes {
        word.chars().for_each(|c| push_lower_char(c, out));
    } else {
        word.nfkc().for_each(|c| push_lower_char(c, out));
    }
}

/// Upper-case sigma has two lower-case forms, and which one is meant depends on its place; one is enough to search.
fn push_lower_char(c: char, out: &mut String) {
    match c {
        'ς' => out.push('σ'),
        c if is_ignorable(c) => {}
        c => out.extend(c.to_lowercase()),
    }
}

/// Whether a character inside a word says nothing about it: soft hyphen, joiners.
pub(super) fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200c}' | '\u{200d}' | '\u{2060}' | '\u{fe0e}' | '\u{fe0f}')
}

/// Whether this is a letter of the Latin script.
pub(super) fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic()
        || matches!(c, '\u{c0}'..='\u{24f}' | '\u{250}'..='\u{2af}' | '\u{1e00}'..='\u{1eff}' | '\u{2c60}'..='\u{2c7f}' | '\u{a720}'..='\u{a7ff}')
            && !matches!(c, '×' | '÷')
}

/// `word` without the accents on its Latin letters. Accents of other scripts stay: they make other letters there.
pub(super) fn fold(word: &str) -> std::borrow::Cow<'_, str> {
    if word.is_ascii() || !word.chars().any(is_latin) {
        return word.into();
    }
    let mut folded = String::with_capacity(word.len());
    let mut after_latin = false;
    for c in word.nfd() {
        if is_combining_mark(c) {
            if !after_latin {
                folded.push(c);
            }
            continue;
        }
        after_latin = is_latin(c);
        push_folded(c, &mut folded);
    }
    folded.into()
}

/// Letters that carry their mark inside and that decomposition leaves alone.
fn push_folded(c: char, out: &mut String) {
    match c {
        'ß' => out.push_str("ss"),
        'æ' => out.push_str("ae"),
        'œ' => out.push_str("oe"),
        'þ' => out.push_str("th"),
        'ø' => out.push('o'),
        'đ' | 'ð' => out.push('d'),
        'ł' => out.push('l'),
        'ħ' => out.push('h'),
        'ı' => out.push('i'),
        'ŧ' => out.push('t'),
        c => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(word: &str) -> String {
        let mut lower = String::new();
        push_lower(word, &mut lower);
        fold(&lower).into_owned()
    }

    #[test]
    fn latin_accents_and_compatibility_forms_go() {
        let pairs = [
            ("Émile", "emile"),
            ("Straße", "strasse"),
            ("ＡＰＩ", "api"),
            ("ﬁle", "file"),
            ("İstanbul", "istanbul"),
            ("Ångström", "angstrom"),
            ("e\u{301}", "e"),
            ("in\u{ad}for", "infor"),
        ];
        for (word, expected) in pairs {
            assert_eq!(normal(word), expected);
        }
    }

    #[test]
    fn other_scripts_keep_their_marks() {
        assert_eq!(normal("Новый"), "новый");
        assert_eq!(normal("ΣΟΦΌΣ"), normal("σοφός"));
    }
}
