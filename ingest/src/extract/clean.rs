//! Cleaning makes decoded text safe to store: one form of each character, one kind of line end, nothing that hides.

use std::borrow::Cow;

use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::Warning;

/// UAX #15 (Stream-Safe Text Format) allows thirty; no language needs more than a handful on one letter.
const COMBINING_MARKS_MAX: usize = 30;

/// Cleans `text` and says what was changed.
///
/// Line ends become `\n`; other control characters become spaces; characters without width that carry no meaning where they
/// stand go away, and with them everything that reorders or hides text; the rest is composed (NFC).
pub(crate) fn clean(text: String, warnings: &mut Vec<Warning>) -> String {
    if is_clean(&text) {
        return text;
    }
    let (visible, invisible_removed) = without_terminal_sequences(&text);
    let mut cleaner = Cleaner { out: String::with_capacity(visible.len()), invisible_removed, ..Cleaner::default() };
    let mut characters = visible.chars().peekable();
    while let Some(c) = characters.next() {
        cleaner.push(c, characters.peek().copied());
    }
    cleaner.report(warnings);
    match is_nfc_quick(cleaner.out.chars()) {
        IsNormalized::Yes => cleaner.out,
        _ => cleaner.out.nfc().collect(),
    }
}

/// Most files are ASCII or plain UTF-8 with nothing to clean; seeing that costs less than copying.
fn is_clean(text: &str) -> bool {
    text.bytes().all(|byte| byte < 0x7F && (byte >= 0x20 || byte == b'\n' || byte == b'\t'))
}

/// Text without the sequences that colour a terminal or move its cursor, and how many characters went with them.
fn without_terminal_sequences(text: &str) -> (Cow<'_, str>, usize) {
    const BEGIN: &str = "\u{1B}[";
    let mut parts = text.split(BEGIN);
    let first = parts.next().unwrap_or_default();
    if first.len() == text.len() {
        return (Cow::Borrowed(text), 0);
    }
    let mut out = String::with_capacity(text.len());
    out.push_str(first);
    let mut removed = 0;
    for part in parts {
        // Parameters are digits and signs below the letter that ends a sequence (ECMA-48, 5.4).
        let parameters = part.bytes().take_while(|byte| matches!(byte, 0x20..=0x3F)).count();
        let ends = part.as_bytes().get(parameters).is_some_and(|byte| matches!(byte, 0x40..=0x7E));
        let len = if ends { parameters + 1 } else { 0 };
        removed += BEGIN.len() + len;
        out.push_str(&part[len..]);
    }
    (Cow::Owned(out), removed)
}

#[derive(Default)]
struct Cleaner {
    out: String,
    last: Option<char>,
    marks: usize,
    controls_replaced: usize,
    invisible_removed: usize,
    bidi_removed: usize,
    marks_removed: usize,
}

impl Cleaner {
    fn push(&mut self, c: char, next: Option<char>) {
        match c {
            '\r' if next == Some('\n') => {}
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{0C}' => self.keep('\n'),
            '\t' => self.keep('\t'),
            _ if c.is_control() => {
                self.controls_replaced += 1;
                self.keep(' ');
            }
            '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => self.bidi_removed += 1,
            '\u{FEFF}' | '\u{200B}' | '\u{2060}'..='\u{2064}' | '\u{AD}' | '\u{180E}' | '\u{206A}'..='\u{206F}' => {
                self.invisible_removed += 1
            }
            // Joiners shape emoji and the scripts of India and Persia; between ASCII letters they only split words.
            '\u{200C}' | '\u{200D}' if !self.joins(next) => self.invisible_removed += 1,
            // One selector chooses the form of the character before it; more of them are bytes that nobody sees.
            _ if is_selector(c) && self.last.is_some_and(is_selector) => self.invisible_removed += 1,
            // Tag characters spell flags after a black flag; anywhere else they are ASCII that nobody sees.
            '\u{E0000}'..='\u{E007F}' if !self.follows_flag() => self.invisible_removed += 1,
            _ if is_combining_mark(c) => self.push_mark(c),
            _ => self.keep(c),
        }
    }

    fn keep(&mut self, c: char) {
        self.marks = 0;
        self.last = Some(c);
        self.out.push(c);
    }

    fn push_mark(&mut self, c: char) {
        if self.marks >= COMBINING_MARKS_MAX {
            self.marks_removed += 1;
            return;
        }
        self.marks += 1;
        self.last = Some(c);
        self.out.push(c);
    }

    fn joins(&self, next: Option<char>) -> bool {
        let shaped = |c: Option<char>| c.is_some_and(|c| !c.is_ascii());
        shaped(self.last) && shaped(next)
    }

    fn follows_flag(&self) -> bool {
        matches!(self.last, Some('\u{1F3F4}' | '\u{E0000}'..='\u{E007F}'))
    }

    fn report(&self, warnings: &mut Vec<Warning>) {
        let counted = [
            (self.controls_replaced, Warning::ControlCharacters { replaced: self.controls_replaced }),
            (self.invisible_removed, Warning::InvisibleCharacters { removed: self.invisible_removed }),
            (self.bidi_removed, Warning::BidiControls { removed: self.bidi_removed }),
            (self.marks_removed, Warning::CombiningMarks { removed: self.marks_removed }),
        ];
        warnings.extend(counted.into_iter().filter(|(count, _)| *count > 0).map(|(_, warning)| warning));
    }
}

const fn is_selector(c: char) -> bool {
    matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(text: &str) -> (String, Vec<&'static str>) {
        let mut warnings = Vec::new();
        let text = clean(text.to_owned(), &mut warnings);
        (text, warnings.iter().map(Warning::code).collect())
    }

    #[test]
    fn every_line_end_becomes_a_line_feed() {
        assert_eq!(cleaned("a\r\nb\rc\u{85}d\u{0C}e").0, "a\nb\nc\nd\ne");
    }

    #[test]
    fn control_characters_become_spaces() {
        assert_eq!(cleaned("a\0b\u{1}c\td\u{7F}"), ("a b c\td ".into(), vec!["control_characters"]));
    }

    #[test]
    fn a_split_password_is_whole_again() {
        let (text, codes) = cleaned("user\u{202E}gpj.exe pass\u{200B}word so\u{AD}ft needle\u{200D}zw\u{FEFF}");
        assert_eq!(text, "usergpj.exe password soft needlezw");
        assert_eq!(codes, ["invisible_characters", "bidi_controls"]);
    }

    #[test]
    fn colours_of_a_terminal_go() {
        let (text, codes) = cleaned("\u{1B}[1;31merror\u{1B}[0m: a[0] \u{1B}[2K\u{1B}[한");
        assert_eq!((text.as_str(), codes), ("error: a[0] 한", vec!["invisible_characters"]));
    }

    #[test]
    fn bytes_hidden_in_selectors_go_and_one_selector_stays() {
        assert_eq!(cleaned("❤\u{FE0F}葛\u{E0100}").0, "❤\u{FE0F}葛\u{E0100}");
        assert_eq!(cleaned("a\u{FE01}\u{E0123}\u{E0145}b").0, "a\u{FE01}b");
    }

    #[test]
    fn hidden_ascii_in_tag_characters_goes_and_flags_stay() {
        assert_eq!(cleaned("ok\u{E0069}\u{E0067}").0, "ok");
        let scotland = "🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}";
        assert_eq!(cleaned(scotland).0, scotland);
    }

    #[test]
    fn emoji_families_and_persian_joiners_stay() {
        for text in ["👨\u{200D}👩\u{200D}👧", "می\u{200C}خواهم"] {
            assert_eq!(cleaned(text), (text.to_owned(), vec![]));
        }
    }

    #[test]
    fn decomposed_hangul_is_composed() {
        assert_eq!(cleaned("\u{1112}\u{1161}\u{11AB}\u{1100}\u{1161}\u{11BC}").0, "한강");
    }

    #[test]
    fn a_tower_of_marks_is_cut() {
        let (text, codes) = cleaned(&format!("Z{}", "\u{301}".repeat(20_000)));
        assert!(text.chars().count() <= 31);
        assert_eq!(codes, ["combining_marks"]);
    }
}
