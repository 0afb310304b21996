//! Where sentences begin and end, in prose and in the lines of a document.

use ibid_ingest::Span;
use unicode_segmentation::UnicodeSegmentation;

/// A sentence longer than this is cut where it can be; nobody quotes more, and models read no more at once.
pub const SENTENCE_BYTES_MAX: usize = 1000;

/// The sentences of `text`, in order, apart from each other, without white space around them, none empty and none
/// longer than [`SENTENCE_BYTES_MAX`] bytes. Every visible character is in one.
///
/// Unicode's rules (UAX 29) say where a sentence may end. On top of them: a line end alone does not end one, a blank
/// line does, and so do headings, list items, table rows and fences of Markdown; abbreviations, initials and list
/// markers do not; `다.` and `요.` before a space do.
pub fn sentences(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    for block in blocks(text) {
        let mut start = block.start;
        for end in bounds(block.slice(text)).into_iter().map(|bound| block.start + bound).chain([block.end]) {
            push_cut(text, Span::new(start, end), &mut found);
            start = end;
        }
    }
    found
}

/// Pieces of the text that no sentence crosses: paragraphs, headings, list items, table rows.
fn blocks(text: &str) -> Vec<Span> {
    let mut blocks = Vec::new();
    let mut start = 0;
    let mut at = 0;
    let mut fenced = false;
    for line in text.split_inclusive('\n') {
        let kind = if fenced && !is_fence(line) { Line::Alone } else { kind_of(line) };
        fenced ^= is_fence(line);
        if kind != Line::Prose {
            push_block(&mut blocks, start, at);
            start = at;
        }
        at += line.len();
        if kind == Line::Alone {
            push_block(&mut blocks, start, at);
            start = at;
        }
    }
    push_block(&mut blocks, start, at);
    blocks
}

fn push_block(blocks: &mut Vec<Span>, start: usize, end: usize) {
    if start < end {
        blocks.push(Span::new(start, end));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// It may go on from the line before and into the next.
    Prose,
    /// It begins something, and may go on.
    Item,
    /// It stands by itself: blank, heading, table row, fence, code.
    Alone,
}

fn is_fence(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("```") || line.starts_with("~~~")
}

fn kind_of(line: &str) -> Line {
    let line = line.trim();
    let heading = line.trim_start_matches('#');
    let is_heading = heading.len() < line.len() && (heading.is_empty() || heading.starts_with(' '));
    let is_rule = line.len() >= 3 && line.chars().all(|c| matches!(c, '-' | '=' | '*' | '_'));
    if line.is_empty() || is_heading || is_rule || line.starts_with('|') || is_fence(line) {
        Line::Alone
    } else if begins_item(line) {
        Line::Item
    } else {
        Line::Prose
    }
}

fn begins_item(line: &str) -> bool {
    let bullet = line.strip_prefix(['-', '*', '+', '•', '·', '○', '●', '■', '□', '▪', '◦', '※', '>']);
    bullet.is_some_and(|rest| rest.starts_with(' '))
        || line.split_once(' ').is_some_and(|(first, _)| is_list_marker(first))
        || line.chars().next().is_some_and(|first| matches!(first, '①'..='⑳' | '㉠'..='㉻'))
}

/// Whether the word is a list marker: `1.`, `1)`, `(1)`, `a.`, `가.`, `1.2.`.
fn is_list_marker(word: &str) -> bool {
    let Some(body) = word.strip_suffix(['.', ')']) else { return false };
    let body = body.strip_prefix('(').unwrap_or(body);
    let numbered =
        body.split('.').all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
    let mut letters = body.chars();
    let lettered = letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none();
    numbered || lettered
}

/// Where sentences of a block end, besides its own end; ascending.
fn bounds(block: &str) -> Vec<usize> {
    let mut bounds: Vec<usize> = block.split_sentence_bound_indices().map(|(at, _)| at).collect();
    bounds.retain(|at| ends_sentence(block, *at));
    bounds.extend(korean_ends(block));
    bounds.sort_unstable();
    bounds.dedup();
    bounds
}

/// Whether a bound that Unicode allows at `at` is one.
fn ends_sentence(block: &str, at: usize) -> bool {
    let before = block[..at].trim_end();
    let spaced = before.len() < at;
    let closed = before.trim_end_matches(['"', '\'', ')', ']', '”', '’', '」', '』', '»']);
    match closed.chars().next_back() {
        None => false,
        Some('.') => !(at < block.len() && closed.len() == before.len() && is_abbreviated(block, closed, spaced)),
        Some(last) => {
            matches!(last, '!' | '?' | '…' | '。' | '．' | '！' | '？' | '｡' | '‼' | '⁇' | '⁈' | '⁉' | '।' | '۔' | '؟')
        }
    }
}

/// Abbreviations that stand before what they introduce. `etc.` is none: it ends sentences as often.
const ABBREVIATIONS: &[&str] = &[
    "al", "approx", "art", "ca", "cf", "ch", "col", "dr", "e.g", "ed", "eds", "eq", "eqs", "esp", "fig", "figs", "gen",
    "i.e", "jr", "lt", "mr", "mrs", "ms", "mt", "no", "nos", "nr", "p", "par", "pp", "prof", "ref", "refs", "rev",
    "sec", "sect", "sen", "sgt", "sr", "st", "tab", "viz", "vol", "vols", "vs", "z.b",
];

/// Whether the full stop at the end of `before` belongs to its last word and not to the sentence.
fn is_abbreviated(block: &str, before: &str, spaced: bool) -> bool {
    let words = before[..before.len() - 1].trim_end_matches('.');
    let start = words
        .rfind(|c: char| c.is_whitespace() || matches!(c, '(' | '[' | '"'))
        .map_or(0, |at| at + words[at..].chars().next().map_or(0, char::len_utf8));
    let word = &words[start..];
    let after = &block[before.len()..];
    let last = word.chars().next_back();
    let is_initial = word.chars().count() == 1 && last.is_some_and(|c| c.is_uppercase() && c != 'I');
    let starts_line = before[..start].trim_end_matches(' ').chars().next_back().is_none_or(|c| c == '\n');
    let is_marker = starts_line && is_list_marker(&before[start..]);
    let is_dotted = !spaced && !last.is_some_and(is_hangul);
    let next_is_digit = after.trim_start().starts_with(|c: char| c.is_ascii_digit());
    let lower = word.to_lowercase();
    let is_number_sign = matches!(lower.as_str(), "no" | "art" | "p" | "ch" | "col" | "par" | "ed");
    let is_known = ABBREVIATIONS.binary_search(&lower.as_str()).is_ok() && (!is_number_sign || next_is_digit);
    let in_date = word.len() <= 4 && (next_is_digit || is_day(&before[..start], after));
    let is_date = last.is_some_and(|c| c.is_ascii_digit()) && in_date;
    is_initial || is_marker || is_dotted || is_known || is_date
}

/// Whether a number between these two ends a Korean date that the sentence goes on after: `2024. 1. 5. 기준`.
fn is_day(before: &str, after: &str) -> bool {
    let month = before.trim_end().strip_suffix('.');
    month.is_some_and(|month| month.ends_with(|c: char| c.is_ascii_digit()))
        && after.trim_start().starts_with(is_hangul)
}

fn is_hangul(c: char) -> bool {
    ('\u{ac00}'..='\u{d7a3}').contains(&c)
}

/// Ends after a Korean verb that Unicode does not see because a Latin lower-case letter follows: `했다. kubectl은`.
fn korean_ends(block: &str) -> impl Iterator<Item = usize> + '_ {
    block.match_indices(". ").filter_map(|(at, _)| {
        let mut before = block[..at].chars().rev();
        let is_ending = matches!(before.next(), Some('다' | '요' | '죠' | '까' | '음' | '함' | '임' | '됨'));
        (is_ending && before.next().is_some_and(|c| !c.is_whitespace())).then_some(at + 2)
    })
}

/// Pushes the visible part of `span`, in pieces if it is too long.
fn push_cut(text: &str, span: Span, found: &mut Vec<Span>) {
    let mut rest = trimmed(text, span);
    while rest.len() > SENTENCE_BYTES_MAX {
        let cut = rest.start + cut_at(rest.slice(text));
        found.push(trimmed(text, Span::new(rest.start, cut)));
        rest = trimmed(text, Span::new(cut, rest.end));
    }
    if !rest.is_empty() {
        found.push(rest);
    }
}

/// The best place to cut a piece that is too long: after a clause, else a line, else a word, else a character.
fn cut_at(piece: &str) -> usize {
    let window = &piece[..piece.floor_char_boundary(SENTENCE_BYTES_MAX)];
    let floor = window.ceil_char_boundary(SENTENCE_BYTES_MAX / 2);
    let late = &window[floor..];
    let after = |at: usize| floor + at + late[at..].chars().next().map_or(0, char::len_utf8);
    let clause = late.rfind([';', ',', '；', '，', '、', '\n']);
    let place = clause.or_else(|| late.rfind(char::is_whitespace)).map(after);
    let place = place.or_else(|| late.grapheme_indices(true).next_back().map(|(at, _)| floor + at));
    place.filter(|at| *at > 0).unwrap_or(window.len())
}

fn trimmed(text: &str, span: Span) -> Span {
    let piece = span.slice(text);
    let start = span.start + (piece.len() - piece.trim_start().len());
    Span::new(start, span.start + piece.trim_end().len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|span| span.slice(text)).collect()
    }

    #[test]
    fn prose_is_split_at_sentence_ends_and_not_at_line_ends() {
        let text = "The first line\ngoes on here. A second one!\nIs this a third? Yes.";
        assert_eq!(split(text), ["The first line\ngoes on here.", "A second one!", "Is this a third?", "Yes."]);
    }

    #[test]
    fn abbreviations_initials_and_numbers_do_not_end_a_sentence() {
        for whole in [
            "Use a tool, e.g. Kubernetes, for that.",
            "See Fig. 3 and No. 5 for pi, i.e. 3.14 or so.",
            "Dr. Smith met J. R. R. Tolkien.",
            "Version 1.2.3 vs. Version 2 is out.",
        ] {
            assert_eq!(split(whole), [whole]);
        }
        assert_eq!(split("Is it true? No. It is not."), ["Is it true?", "No.", "It is not."]);
    }

    #[test]
    fn korean_sentences_end_at_their_verbs() {
        let text = "클러스터를 만들었다. kubectl은 도구입니다.그리고 쉬워요. 정말 그런가요? 네.";
        let expected = ["클러스터를 만들었다.", "kubectl은 도구입니다.", "그리고 쉬워요.", "정말 그런가요?", "네."];
        assert_eq!(split(text), expected);
        assert_eq!(split("값은 3.14이며 2024. 1. 5. 기준이다."), ["값은 3.14이며 2024. 1. 5. 기준이다."]);
    }

    #[test]
    fn other_full_stops_count_too() {
        assert_eq!(split("梅雨とは何か。雨季である。"), ["梅雨とは何か。", "雨季である。"]);
        assert_eq!(split("He said \"Stop.\" Then he left."), ["He said \"Stop.\"", "Then he left."]);
    }

    #[test]
    fn headings_items_rows_and_blank_lines_end_a_sentence() {
        let text = "# Title\nIntro without stop\n- one item\n  goes on\n- two\n\n1. First. More.\n2. Second\n| a | b |\nNext\n\nLast";
        let expected = [
            "# Title",
            "Intro without stop",
            "- one item\n  goes on",
            "- two",
            "1. First.",
            "More.",
            "2. Second",
            "| a | b |",
            "Next",
            "Last",
        ];
        assert_eq!(split(text), expected);
    }

    #[test]
    fn long_pieces_are_cut() {
        let words = "word ".repeat(1000);
        let pieces = split(&words);
        assert!(pieces.len() > 3 && pieces.iter().all(|piece| piece.len() <= SENTENCE_BYTES_MAX));
        assert!(split(&"가".repeat(3000)).iter().all(|piece| piece.len() <= SENTENCE_BYTES_MAX));
    }

    #[test]
    fn abbreviations_are_sorted() {
        assert!(ABBREVIATIONS.is_sorted());
    }

    proptest! {
        #[test]
        fn sentences_hold_every_visible_character_once(text in "([가-힣]{1,4}다\\. |[a-z]{1,5}[.?!,]? |\n|\n\n|# |- |\\PC|  |e\\.g\\. |。|1\\. ){0,60}") {
            let spans = sentences(&text);
            let mut last = 0;
            for span in &spans {
                prop_assert!(span.start >= last && !span.is_empty() && span.len() <= SENTENCE_BYTES_MAX);
                prop_assert_eq!(span.slice(&text).trim(), span.slice(&text));
                prop_assert!(text[last..span.start].trim().is_empty());
                last = span.end;
            }
            prop_assert!(text[last..].trim().is_empty());
        }
    }
}
