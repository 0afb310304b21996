//! Where the query's words stand in a passage.

use std::collections::BTreeSet;

use crate::analysis;
use crate::types::Highlight;

/// A passage full of marks shows nothing.
const HIGHLIGHTS_MAX: usize = 64;

/// The analysed words of a query, without stop words unless there is nothing else.
pub(super) fn query_words(query: &str) -> BTreeSet<String> {
    let all: BTreeSet<String> = analysis::tokens(query, None).into_iter().map(|token| token.term).collect();
    let telling: BTreeSet<String> = all.iter().filter(|term| !analysis::is_stop_word(term)).cloned().collect();
    if telling.is_empty() { all } else { telling }
}

/// Ranges of `text`, in UTF-16 code units, that hold one of the words; touching ranges become one.
pub(super) fn highlights(text: &str, words: &BTreeSet<String>) -> Vec<Highlight> {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for token in analysis::tokens(text, None).iter().filter(|token| words.contains(&token.term)) {
        match ranges.last_mut() {
            Some(last) if token.start <= last.1 => last.1 = last.1.max(token.end),
            _ => ranges.push((token.start, token.end)),
        }
    }
    ranges.truncate(HIGHLIGHTS_MAX);
    let mut at_byte = 0;
    let mut at_unit = 0;
    let mut units_until = |byte: usize| {
        at_unit += text[at_byte..byte].encode_utf16().count();
        at_byte = byte;
        at_unit
    };
    ranges.into_iter().map(|(start, end)| Highlight { start: units_until(start), end: units_until(end) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn highlights_count_utf16_units() {
        let text = "😀 서울의 탑은 높다";
        let marks = highlights(text, &query_words("서울"));
        let units: Vec<u16> = text.encode_utf16().collect();
        let marked: Vec<String> = marks.iter().map(|m| String::from_utf16(&units[m.start..m.end]).unwrap()).collect();
        assert_eq!(marked, ["서울"]);
    }
}
