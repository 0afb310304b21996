//! Markers: what models write to point at a passage, and the one form `[n]` that goes on from here.
//!
//! Taken as markers, with ASCII or fullwidth digits: `[1]`, `[1, 2]`, `[1-3]`, `[^1]`, `[#1]`, `[[1]]`, `[source 1]`,
//! `[출처 1]`, `【1】`, `［１］`, `〔1〕`, and `【1†source】`. They become `[1]`, `[1][2]`, `[1][2][3]`. A number without a passage
//! vanishes with its marker. `(1)` and `¹` stay text, because lists and footnotes are written so, and cite nothing.

use ibid_ingest::Span;

/// Longest bracket that can be a marker, in characters; whatever is longer is text.
const HELD_CHARS_MAX: usize = 40;
/// Longest range `[1-9]` that is written out; a longer one is no statement about passages.
const RANGE_MAX: usize = 20;
/// Longest marker in its own form: a bracket, four digits, a bracket.
const MARKER_BYTES_MAX: usize = 6;
/// What models write before the number, in lower case.
const LABELS: [&str; 17] = [
    "source",
    "sources",
    "passage",
    "passages",
    "document",
    "documents",
    "doc",
    "docs",
    "ref",
    "reference",
    "citation",
    "cite",
    "출처",
    "문서",
    "자료",
    "구절",
    "지문",
];

/// Keeps markers whole and honest while an answer streams: a marker passes as `[n]` when passage n exists, other numbers
/// are dropped, and a bracket at the end of a piece waits for the next one.
#[derive(Debug, Default)]
pub struct MarkerFilter {
    passages: usize,
    held: String,
    held_chars: usize,
    dropped: usize,
    /// Whether the bracket that is held follows an unfinished one.
    after_open: bool,
}

impl MarkerFilter {
    /// A filter for an answer from this many passages.
    pub fn new(passages: usize) -> Self {
        Self { passages, ..Self::default() }
    }

    /// How many markers pointed nowhere and were dropped.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// What may be shown after the next piece.
    pub fn push(&mut self, piece: &str) -> String {
        let mut shown = String::with_capacity(piece.len());
        for character in piece.chars() {
            self.take(character, &mut shown);
        }
        shown
    }

    /// What is left at the end.
    pub fn finish(&mut self) -> String {
        self.held_chars = 0;
        std::mem::take(&mut self.held)
    }

    fn take(&mut self, character: char, shown: &mut String) {
        if is_open(character) {
            self.after_open = !self.held.is_empty();
            shown.push_str(&self.finish());
        } else if self.held.is_empty() {
            shown.push(character);
            return;
        }
        self.held.push(character);
        self.held_chars += 1;
        if is_close(character) {
            let held = self.finish();
            self.resolve(&held, shown);
        } else if self.held_chars > HELD_CHARS_MAX || !can_stand_inside(character) {
            shown.push_str(&self.finish());
        }
    }

    fn resolve(&mut self, bracket: &str, shown: &mut String) {
        let Some(numbers) = numbers_in(bracket) else {
            shown.push_str(bracket);
            return;
        };
        for n in numbers {
            if (1..=self.passages).contains(&n) {
                shown.push_str(&format!("[{n}]"));
            } else {
                self.dropped += 1;
                // `[[9]7]` must not become `[7]`.
                if std::mem::take(&mut self.after_open) {
                    shown.push(' ');
                }
            }
        }
    }
}

fn is_open(c: char) -> bool {
    matches!(c, '[' | '［' | '【' | '〔')
}

fn is_close(c: char) -> bool {
    matches!(c, ']' | '］' | '】' | '〕')
}

fn can_stand_inside(c: char) -> bool {
    is_open(c) || c.is_alphanumeric() || is_separator(c) || is_dash(c) || matches!(c, '^' | '#' | '†' | ':' | '.')
}

fn is_separator(c: char) -> bool {
    matches!(c, ',' | '，' | '、' | ';' | '；' | ' ' | '\u{a0}' | '\u{3000}' | '&' | '·')
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '‐' | '‑' | '–' | '—' | '~' | '～' | '－')
}

/// The numbers of a marker, in the order in which they stand; `None` for any other bracket.
fn numbers_in(bracket: &str) -> Option<Vec<usize>> {
    let inner: String = bracket.trim_start_matches(is_open).trim_end_matches(is_close).chars().map(plain).collect();
    // What follows a dagger describes the source, as in `1†source`.
    let inner = inner.split('†').next()?.trim();
    let inner = without_label(inner).trim_start_matches(['^', '#']).trim();
    let mut numbers = Vec::new();
    for part in inner.split(is_separator).filter(|part| !part.is_empty() && *part != "and" && *part != "및") {
        let part = part.trim_start_matches(['^', '#']);
        match part.split_once(is_dash) {
            Some((first, last)) => numbers.extend(range(number(first)?, number(last)?)?),
            None => numbers.push(number(part)?),
        }
    }
    (!numbers.is_empty()).then_some(numbers)
}

/// Fullwidth digits as ASCII.
fn plain(c: char) -> char {
    match c {
        '０'..='９' => char::from_digit(u32::from(c) - u32::from('０'), 10).unwrap_or(c),
        c => c,
    }
}

fn without_label(inner: &str) -> &str {
    let end = inner.find(|c: char| !c.is_alphabetic()).unwrap_or(inner.len());
    let (label, rest) = inner.split_at(end);
    if LABELS.contains(&label.to_lowercase().as_str()) { rest.trim_start_matches([' ', ':', '.', '#']) } else { inner }
}

fn number(digits: &str) -> Option<usize> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // A number that is too large to be one is still a marker to nowhere.
    is_number.then(|| digits.parse().unwrap_or(usize::MAX))
}

fn range(first: usize, last: usize) -> Option<std::ops::RangeInclusive<usize>> {
    (first <= last && last - first < RANGE_MAX).then_some(first..=last)
}

/// A marker of a filtered text: its number and its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) n: usize,
    pub(super) span: Span,
}

/// Every marker in a text, in order.
pub(super) fn markers(text: &str) -> Vec<Marker> {
    text.match_indices('[').filter_map(|(start, _)| marker_at(text, start)).collect()
}

/// The marker that begins at a byte, if one does.
pub(super) fn marker_at(text: &str, start: usize) -> Option<Marker> {
    let bytes = text.as_bytes();
    let window = &bytes[start..bytes.len().min(start + MARKER_BYTES_MAX)];
    let length = window.iter().position(|byte| *byte == b']')?;
    let digits = window.get(1..length).filter(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))?;
    let n = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (window[0] == b'[').then_some(Marker { n, span: Span::new(start, start + length + 1) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filtered(passages: usize, text: &str) -> (String, usize) {
        let mut filter = MarkerFilter::new(passages);
        let shown = filter.push(text) + &filter.finish();
        (shown, filter.dropped())
    }

    #[test]
    fn markers_of_passages_that_do_not_exist_are_dropped() {
        let mut filter = MarkerFilter::new(2);
        let shown =
            ["see [", "1", "] and [9] and [1, 2,7] but [a] and [", "x"].map(|piece| filter.push(piece)).concat();
        assert_eq!(shown + &filter.finish(), "see [1] and  and [1][2] but [a] and [x");
        assert_eq!(filter.dropped(), 2);
    }

    #[test]
    fn every_form_that_models_write_becomes_one() {
        let forms = [
            ("a［１］", "a[1]"),
            ("a【2】", "a[2]"),
            ("a【2†source】", "a[2]"),
            ("a[^1]", "a[1]"),
            ("a[1-3]", "a[1][2][3]"),
            ("a[1–2, 4]", "a[1][2]"),
            ("a[[1]]", "a[[1]]"),
            ("a[Source 2]", "a[2]"),
            ("a[출처 3]", "a[3]"),
            ("a[1][2]", "a[1][2]"),
            ("a[1 and 3]", "a[1][3]"),
            ("a[99999999999999999999999]", "a"),
            ("a［９］", "a"),
            ("a[0]", "a"),
            ("a(1) [b] [1.5] [x-1] []", "a(1) [b] [1.5] [x-1] []"),
        ];
        for (written, shown) in forms {
            assert_eq!(filtered(3, written).0, shown, "{written}");
        }
    }

    #[test]
    fn hostile_brackets_take_linear_time() {
        let hostile = "[1".repeat(32 << 10);
        assert_eq!(filtered(3, &hostile).0, hostile);
        let nested = "[".repeat(64 << 10);
        assert_eq!(filtered(3, &nested).0, nested);
        assert!(markers(&hostile).is_empty());
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter_and_only_known_markers_pass(
            text in "([a-c]|\\[|\\]|【|】|［|］|[0-9]|[０-９]|[-, ^#†]|source|가|\\PC){0,60}", cut in 0_usize..60,
        ) {
            let (whole, _) = filtered(3, &text);
            let at = text.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(text.len());
            let mut filter = MarkerFilter::new(3);
            let parts = filter.push(&text[..at]) + &filter.push(&text[at..]) + &filter.finish();
            prop_assert_eq!(&whole, &parts);
            for marker in markers(&whole) {
                prop_assert!((1..=3).contains(&marker.n), "{}", whole);
                prop_assert_eq!(marker.span.slice(&whole), format!("[{}]", marker.n));
            }
        }
    }
}
