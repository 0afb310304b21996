//! An answer as it streams, cut into sentences that can be judged one by one.

use super::markers::marker_at;

/// A sentence longer than this is cut where it can be, so that nobody waits for a model that writes none.
const PIECE_BYTES_MAX: usize = 2_000;
/// Bytes that decide whether a bracket is a marker.
const MARKER_LOOKAHEAD: usize = 6;

/// Cuts a stream of text into pieces: one sentence each, with its markers and the white space after it. The pieces put
/// together are the text, byte for byte, however it was cut up on its way.
///
/// Sentences end as in `analysis`: at full stops that are none of an abbreviation, an initial, a list number or a date;
/// at blank lines; before and after headings, list items, table rows and fences of Markdown; and at the end of a line that closes
/// with a marker or a colon. Inside quotation marks none ends, because a quotation is verified as one.
#[derive(Debug, Default)]
pub struct Segmenter {
    held: String,
    /// Everything before this byte of `held` has been looked at.
    at: usize,
    /// What would close the quotation that `at` stands in.
    closing: Option<char>,
}

/// What is known about the place after a possible end.
enum Ahead {
    /// The text does not reach far enough to decide.
    Unknown,
    /// The sentence goes on, at least to this byte.
    Inside(usize),
    /// The sentence, its markers and the white space after it end at this byte.
    End(usize),
}

impl Segmenter {
    /// A segmenter at the beginning of an answer.
    pub fn new() -> Self {
        Self::default()
    }

    /// The sentences that more text completes.
    pub fn push(&mut self, text: &str) -> Vec<String> {
        self.held.push_str(text);
        let mut pieces = Vec::new();
        let mut start = 0;
        while let Some(end) = self.next_end(start) {
            pieces.push(self.held[start..end].to_owned());
            (start, self.at, self.closing) = (end, end, None);
        }
        self.held.drain(..start);
        self.at -= start;
        pieces
    }

    /// What is left at the end, if anything is.
    pub fn finish(&mut self) -> Option<String> {
        (self.at, self.closing) = (0, None);
        Some(std::mem::take(&mut self.held)).filter(|rest| !rest.is_empty())
    }

    /// Looks on from `at` for the end of the piece that begins at `start`.
    fn next_end(&mut self, start: usize) -> Option<usize> {
        while let Some(c) = self.held[self.at..].chars().next() {
            if self.at - start >= PIECE_BYTES_MAX {
                return Some(self.forced_end(start));
            }
            match self.ahead(start, c) {
                Ahead::End(end) => return Some(end),
                Ahead::Unknown => return None,
                Ahead::Inside(next) => self.at = next,
            }
        }
        None
    }

    /// Where a piece without an end is cut: after its last white space, else where it has grown to.
    fn forced_end(&self, start: usize) -> usize {
        let space = self.held[start..self.at].char_indices().rev().find(|(_, c)| c.is_whitespace());
        space.map_or(self.at, |(at, c)| start + at + c.len_utf8())
    }

    fn ahead(&mut self, start: usize, c: char) -> Ahead {
        let before = &self.held[start..self.at];
        let after = self.at + c.len_utf8();
        if c == '\n' {
            return line_end(&self.held, start, self.at, self.closing.is_some());
        }
        if self.closing == Some(c) {
            self.closing = None;
        } else if self.closing.is_none() {
            self.closing = closing_of(c, before.chars().next_back());
        }
        if self.closing.is_some() {
            return Ahead::Inside(after);
        }
        if is_terminator(c) || closes_a_stop(c, before) {
            return sentence_end(&self.held, start, after);
        }
        Ahead::Inside(after)
    }
}

fn is_terminator(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '。' | '．' | '！' | '？' | '｡' | '‼' | '⁇' | '⁈' | '⁉' | '।' | '۔' | '؟')
}

/// Whether this closes a quotation or a bracket that a full stop ends: `“It is.”`, `(See above.)`.
fn closes_a_stop(c: char, before: &str) -> bool {
    matches!(c, '"' | '”' | '’' | '」' | '』' | '»' | ')' | '）') && before.ends_with(is_terminator)
}

/// What closes the quotation that `c` opens. The straight quotation mark opens only where a word may begin.
fn closing_of(c: char, before: Option<char>) -> Option<char> {
    match c {
        '“' => Some('”'),
        '「' => Some('」'),
        '『' => Some('』'),
        '«' => Some('»'),
        '"' if before.is_none_or(|last| last.is_whitespace() || matches!(last, '(' | ':' | '*')) => Some('"'),
        _ => None,
    }
}

/// Decides at the end of a line.
fn line_end(text: &str, start: usize, at: usize, quoted: bool) -> Ahead {
    let (next, newlines) = white_space_end(text, at);
    if next - at >= PIECE_BYTES_MAX - 4 {
        return Ahead::End(next);
    }
    if next == text.len() {
        return Ahead::Unknown;
    }
    let line = text[start..at].rsplit('\n').next().unwrap_or_default().trim();
    let stands_alone = line.starts_with(['#', '|']) || line.starts_with("```") || line.ends_with([']', ':', '：']);
    if newlines > 1 || (stands_alone && !quoted) {
        return Ahead::End(next);
    }
    match begins_block(&text[next..]) {
        None => Ahead::Unknown,
        Some(true) if !quoted => Ahead::End(next),
        Some(_) => Ahead::Inside(next),
    }
}

/// Decides after a full stop and whatever closes with it. `at` is the byte after it.
fn sentence_end(text: &str, start: usize, mut at: usize) -> Ahead {
    while let Some(c) = text[at..].chars().next() {
        let is_closer = matches!(c, '"' | '”' | '’' | '\'' | '」' | '』' | '»' | ')' | '）' | '*' | '_');
        if !is_terminator(c) && !is_closer {
            break;
        }
        at += c.len_utf8();
    }
    let stop = at;
    loop {
        let spaces = text[at..].len() - text[at..].trim_start_matches([' ', '\u{a0}']).len();
        let Some(c) = text[at + spaces..].chars().next() else { return Ahead::Unknown };
        if c != '[' {
            break;
        }
        match marker_at(text, at + spaces) {
            Some(marker) if marker.span.end - start > 2 * PIECE_BYTES_MAX => return Ahead::End(marker.span.end),
            Some(marker) => at = marker.span.end,
            None if text.len() - at - spaces < MARKER_LOOKAHEAD => return Ahead::Unknown,
            None => break,
        }
    }
    let (next, newlines) = white_space_end(text, at);
    if next - at >= PIECE_BYTES_MAX - 4 {
        return Ahead::End(next);
    }
    let Some(c) = text[next..].chars().next() else { return Ahead::Unknown };
    let last = text[start..stop].chars().next_back().unwrap_or('.');
    if is_terminator(c) || (next == at && at == stop && !ends_without_space(last)) {
        return Ahead::Inside(stop);
    }
    let is_marked = at > stop;
    if newlines == 0 && !is_marked && last == '.' && goes_on(&text[start..stop], c) {
        return Ahead::Inside(stop);
    }
    Ahead::End(next)
}

fn ends_without_space(last: char) -> bool {
    matches!(last, '。' | '．' | '！' | '？' | '｡' | '।' | '」' | '』')
}

/// The end of the white space that begins at `at`, as far as a piece may hold it, and how many line ends it holds.
fn white_space_end(text: &str, at: usize) -> (usize, usize) {
    let rest = &text[at..text.floor_char_boundary(at + PIECE_BYTES_MAX)];
    let next = at + (rest.len() - rest.trim_start().len());
    (next, text[at..next].matches('\n').count())
}

/// Whether a line begins something of its own; `None` when too little of it is there.
fn begins_block(line: &str) -> Option<bool> {
    let first = line.chars().next()?;
    if matches!(first, '#' | '|' | '>' | '•' | '·' | '◦' | '▪' | '`') {
        return Some(true);
    }
    if matches!(first, '-' | '*' | '+') {
        return line.chars().nth(1).map(char::is_whitespace);
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=3).contains(&digits) {
        return Some(false);
    }
    let mut after = line[digits..].chars();
    match after.next()? {
        '.' | ')' => Some(after.next()?.is_whitespace()),
        _ => Some(false),
    }
}

/// Abbreviations that stand before what they introduce.
const ABBREVIATIONS: [&str; 36] = [
    "al", "approx", "art", "ca", "cf", "ch", "co", "corp", "dr", "e.g", "ed", "eq", "esp", "etc", "fig", "figs", "gen",
    "i.e", "inc", "jr", "ltd", "mr", "mrs", "ms", "mt", "no", "nos", "p", "pp", "prof", "sec", "sr", "st", "u.s",
    "vol", "vs",
];

/// Whether a sentence goes on after its full stop: an abbreviation, an initial, a list number, a date, a small letter.
fn goes_on(sentence: &str, next: char) -> bool {
    let before = sentence.trim_end_matches('.');
    let word =
        before.rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '[' | '"' | '“')).next().unwrap_or_default();
    let last = word.chars().next_back();
    let is_digits = !word.is_empty() && word.len() <= 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    let starts_line =
        before.len() == word.len() || before[..before.len() - word.len()].trim_end_matches(' ').ends_with('\n');
    let is_list_number = is_digits && starts_line;
    let is_date = is_digits && (next.is_ascii_digit() || (is_hangul(next) && is_after_stop(before, word)));
    let is_initial = word.chars().count() == 1 && last.is_some_and(|c| c.is_uppercase() && c != 'I');
    let lower = word.to_lowercase();
    let is_abbreviation = ABBREVIATIONS.contains(&lower.as_str())
        && (!matches!(lower.as_str(), "no" | "p" | "art" | "ch" | "ed") || next.is_ascii_digit())
        && (!matches!(lower.as_str(), "etc" | "inc" | "co" | "corp" | "ltd" | "u.s") || next.is_lowercase());
    let is_small = next.is_lowercase() && next.is_ascii() && !last.is_some_and(|c| is_hangul(c) || c == ']');
    is_list_number || is_date || is_initial || is_abbreviation || is_small
}

/// Whether the number `word` at the end of `before` follows another that a full stop ends, as in `2024. 5. 3.`.
fn is_after_stop(before: &str, word: &str) -> bool {
    let earlier = before[..before.len() - word.len()].trim_end();
    earlier.strip_suffix('.').is_some_and(|earlier| earlier.ends_with(|c: char| c.is_ascii_digit()))
}

fn is_hangul(c: char) -> bool {
    ('\u{ac00}'..='\u{d7a3}').contains(&c)
}

/// The sentences of a whole answer.
pub(super) fn pieces(text: &str) -> Vec<String> {
    let mut segmenter = Segmenter::new();
    let mut all = segmenter.push(text);
    all.extend(segmenter.finish());
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_piece_is_a_sentence_with_its_markers_and_the_space_after_it() {
        let text = "The tower is 236 m tall. [1] It stands in Seoul [2]. “It is old. Very old.” [1][3]\n\nSee e.g. Fig. 3 for more [2].";
        let expected = [
            "The tower is 236 m tall. [1] ",
            "It stands in Seoul [2]. ",
            "“It is old. Very old.” [1][3]\n\n",
            "See e.g. Fig. 3 for more [2].",
        ];
        assert_eq!(pieces(text), expected);
    }

    #[test]
    fn korean_dates_and_verbs_and_other_stops_are_read() {
        let text = "2024. 5. 3. 기준으로 9만 명이다[1]. kubectl은 도구입니다. 그리고 쉬워요[2].\n梅雨である。雨季だ。";
        let expected = [
            "2024. 5. 3. 기준으로 9만 명이다[1]. ",
            "kubectl은 도구입니다. ",
            "그리고 쉬워요[2].\n",
            "梅雨である。",
            "雨季だ。",
        ];
        assert_eq!(pieces(text), expected);
    }

    #[test]
    fn lists_headings_and_lead_ins_stand_alone() {
        let text = "# Towers\nThere are two:\n- Seoul Tower [1]\n- Busan Tower [2]\n1. First. More.\nJ. R. Smith went\nhome. Yes!";
        let expected = [
            "# Towers\n",
            "There are two:\n",
            "- Seoul Tower [1]\n",
            "- Busan Tower [2]\n",
            "1. First. ",
            "More.\n",
            "J. R. Smith went\nhome. ",
            "Yes!",
        ];
        assert_eq!(pieces(text), expected);
    }

    #[test]
    fn hostile_text_takes_linear_time() {
        for hostile in [
            "[1".repeat(32 << 10),
            "a".repeat(64 << 10),
            ". ".repeat(32 << 10),
            " ".repeat(64 << 10),
            "“a. ".repeat(16 << 10),
        ] {
            let mut segmenter = Segmenter::new();
            let mut length = 0;
            for piece in hostile.as_bytes().chunks(7) {
                let text = String::from_utf8_lossy(piece);
                length += segmenter.push(&text).iter().map(String::len).sum::<usize>();
                assert!(segmenter.held.len() < PIECE_BYTES_MAX * 2 || hostile.trim().is_empty());
            }
            assert!(length + segmenter.finish().unwrap_or_default().len() >= hostile.len());
        }
    }

    proptest! {
        #[test]
        fn pieces_are_the_text_and_do_not_depend_on_how_it_came(
            text in "([a-zA-Z]{1,5}|[가-힣]{1,3}다\\. |[.!?]|\\[[0-9]\\]|[“”\"」「]|\n|\n\n|- |# |1\\. |\\PC| ){0,40}",
            cuts in proptest::collection::vec(0_usize..40, 0..6),
        ) {
            let whole = pieces(&text);
            prop_assert_eq!(whole.concat(), text.as_str());
            prop_assert!(whole.iter().all(|piece| !piece.is_empty()));
            let mut bounds: Vec<usize> = cuts.iter().map(|cut| text.char_indices().map(|(at, _)| at).nth(*cut).unwrap_or(text.len())).collect();
            bounds.extend([0, text.len()]);
            bounds.sort_unstable();
            let mut segmenter = Segmenter::new();
            let mut parts: Vec<String> = bounds.windows(2).flat_map(|pair| segmenter.push(&text[pair[0]..pair[1]])).collect();
            parts.extend(segmenter.finish());
            prop_assert_eq!(parts, whole);
        }
    }
}
