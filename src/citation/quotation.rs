//! What an answer puts between quotation marks, which has to stand in the passage to the letter.

use ibid_ingest::Span;

/// Quotation marks and what closes them.
const MARKS: [(char, char); 8] =
    [('“', '”'), ('"', '"'), ('「', '」'), ('『', '』'), ('«', '»'), ('‘', '’'), ('„', '“'), ('〝', '〞')];

/// The quoted parts of a sentence, without their marks, in order and apart from each other.
pub(super) fn quotations(sentence: &str) -> Vec<Span> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = sentence[at..].chars().next() {
        let inside = at + c.len_utf8();
        let before = sentence[..at].chars().next_back();
        let opens = MARKS
            .iter()
            .find(|(open, _)| *open == c)
            .filter(|_| c != '"' || before.is_none_or(|last| !last.is_alphanumeric()));
        let close = opens
            .and_then(|(_, close)| sentence[inside..].find(*close).map(|length| (inside + length, close.len_utf8())));
        match close {
            Some((end, width)) => {
                found.push(Span::new(inside, end));
                at = end + width;
            }
            // Without its end nothing is quoted, and nothing behind it needs to be searched again.
            None if opens.is_some() && c != '"' && c != '‘' => at = inside,
            None => at = inside,
        }
    }
    found.retain(|span| !span.slice(sentence).trim().is_empty());
    found
}

/// Where a passage has a quotation: the same characters, white space and line ends aside, and what an answer puts around
/// addresses and between the marks of a link so that nothing links: backticks and word joiners.
pub(super) fn find(quotation: &str, passage: &str) -> Option<Span> {
    let asked: Vec<char> = squeezed(quotation).map(|(_, c)| c).collect();
    let held: Vec<(usize, char)> = squeezed(passage).collect();
    if asked.is_empty() || asked.len() > held.len() {
        return None;
    }
    let pattern: String = asked.iter().collect();
    let text: String = held.iter().map(|(_, c)| *c).collect();
    let start = text.find(&pattern)?;
    let first = text[..start].chars().count();
    let (last, c) = held[first + asked.len() - 1];
    Some(Span::new(held[first].0, last + c.len_utf8()))
}

/// The characters with their bytes, each run of white space as one space, none at either end.
fn squeezed(text: &str) -> impl Iterator<Item = (usize, char)> + '_ {
    let trimmed = text.trim();
    let offset = text.len() - text.trim_start().len();
    let mut was_space = false;
    let told = trimmed.char_indices().filter(|(_, c)| !matches!(c, '`' | '\u{2060}'));
    told.filter_map(move |(at, c)| {
        let is_repeated = c.is_whitespace() && was_space;
        was_space = c.is_whitespace();
        (!is_repeated).then_some((offset + at, if c.is_whitespace() { ' ' } else { c }))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotations_are_found_in_every_kind_of_marks() {
        let sentence = "He said “one two” and \"three\", 그는 ‘넷’과 「다섯」, 『여섯』, «seven» and 5\" of it.";
        let found: Vec<_> = quotations(sentence).into_iter().map(|span| span.slice(sentence)).collect();
        assert_eq!(found, ["one two", "three", "넷", "다섯", "여섯", "seven"]);
    }

    #[test]
    fn white_space_may_differ_and_nothing_else() {
        let passage = "A line\n  that ends. 그는  말했다.";
        assert_eq!(find("line that ends.", passage).map(|span| span.slice(passage)), Some("line\n  that ends."));
        assert_eq!(find("그는 말했다.", passage).map(|span| span.slice(passage)), Some("그는  말했다."));
        let linked = "See <b>it</b> at https://a.b/c `now`.";
        assert!(find("See <\u{2060}b>it<\u{2060}/b> at `https://a.b/c` `now`.", linked).is_some());
        for other in ["Line that ends.", "line that ends!", "line  thatends.", "", " "] {
            assert_eq!(find(other, passage), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_there_is_found(text in "([a-z]{1,4}|[가-힣]{1,3}|\\PC|\n| ){1,20}", from in 0_usize..20, length in 1_usize..20) {
            let part: String = text.chars().skip(from).take(length).collect();
            if let Some(span) = find(&part, &text) {
                let plain = |given: &str| given.replace(['`', '\u{2060}'], "");
                let words = |given: &str| plain(given).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
                prop_assert_eq!(words(span.slice(&text)), words(&part));
            }
            for span in quotations(&text) {
                prop_assert!(span.get(&text).is_some());
            }
        }
    }
}
