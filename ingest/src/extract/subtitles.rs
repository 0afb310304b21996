//! Subtitles are read cue by cue.

use super::assembly::Assembly;
use super::clean::clean;
use super::decode::decode;
use super::source::Source;
use crate::{Document, ExtractError, MediaType, Position};

/// A silence of this length begins a paragraph.
const PAUSE_MS: u64 = 3_000;

/// Cues that follow each other within this time may repeat each other, as captions do that roll up. Later it is speech.
const ROLL_UP_MS: u64 = 1_000;

/// Longest tag. What goes on longer is a sign and not a tag.
const TAG_BYTES_MAX: usize = 200;

/// Reads SubRip and WebVTT.
pub(crate) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    let mut decoded = decode(source.bytes, None)?;
    let text = clean(decoded.text, &mut decoded.warnings);
    let cues = cues(&text, source.media_type == MediaType::Vtt);
    if cues.is_empty() {
        // Without any time it is a text that somebody named like subtitles.
        return Ok(Document::of_text(source.media_type, text, decoded.warnings));
    }
    let mut assembly = Assembly::with_warnings(decoded.warnings);
    write(cues, &mut assembly);
    let mut document = assembly.finish(source.media_type);
    document.title = title(&text);
    Ok(document)
}

/// What is said between two times.
#[derive(Debug, PartialEq)]
struct Cue {
    start_ms: u64,
    end_ms: u64,
    lines: Vec<String>,
}

fn write(cues: Vec<Cue>, assembly: &mut Assembly) {
    let mut last: Option<Cue> = None;
    for cue in cues {
        let (kept, pause) = match &last {
            Some(last) => {
                let pause = cue.start_ms.saturating_sub(last.end_ms);
                (if pause <= ROLL_UP_MS { repeated(&last.lines, &cue.lines) } else { 0 }, pause)
            }
            None => (0, 0),
        };
        let words = cue.lines[kept..].join(" ");
        if words.is_empty() {
            extend_last(assembly, cue.end_ms);
        } else {
            let span = if pause > PAUSE_MS { assembly.part(&words) } else { assembly.line(&words) };
            assembly.place(span, Position::Time { start_ms: cue.start_ms, end_ms: cue.end_ms });
        }
        last = Some(cue);
    }
}

/// How many lines of a cue are the last ones of the cue before.
fn repeated(last: &[String], lines: &[String]) -> usize {
    (1..=lines.len().min(last.len())).rev().find(|count| last.ends_with(&lines[..*count])).unwrap_or(0)
}

fn extend_last(assembly: &mut Assembly, until_ms: u64) {
    if let Some(Position::Time { end_ms, .. }) = assembly.places.last_mut().map(|place| &mut place.position) {
        *end_ms = until_ms.max(*end_ms);
    }
}

/// The cues of a file. Their numbers, names, notes and styles are left out.
fn cues(text: &str, is_vtt: bool) -> Vec<Cue> {
    let mut cues: Vec<Cue> = Vec::new();
    // A line after a blank one may be the number or the name of the next cue, or its text may have a blank line in it.
    let mut after_blank = true;
    let mut unsure: Option<&str> = None;
    let mut open = false;
    for line in text.lines() {
        let bare = line.trim();
        if let Some((start_ms, end_ms)) = times(bare) {
            unsure = None;
            open = true;
            cues.push(Cue { start_ms, end_ms, lines: Vec::new() });
        } else if bare.is_empty() {
            // Only the other format says that a blank line ends a cue.
            open &= !is_vtt;
        } else if after_blank && (is_vtt || bare.bytes().all(|byte| byte.is_ascii_digit())) {
            add(&mut cues, unsure.replace(bare).filter(|_| open));
        } else if open {
            add(&mut cues, unsure.take());
            add(&mut cues, Some(bare));
        }
        after_blank = bare.is_empty();
    }
    add(&mut cues, unsure.filter(|_| open));
    cues
}

fn add(cues: &mut [Cue], line: Option<&str>) {
    if let (Some(cue), Some(line)) = (cues.last_mut(), line) {
        let words = plain(line);
        if !words.is_empty() {
            cue.lines.push(words);
        }
    }
}

/// The times of `00:01:02,500 --> 00:01:04,000`, in milliseconds.
fn times(line: &str) -> Option<(u64, u64)> {
    let (start, rest) = line.split_once("-->")?;
    let end = rest.split_whitespace().next()?;
    Some((time(start.trim())?, time(end)?))
}

/// A time with or without hours, whose fraction stands behind a comma or a point.
fn time(words: &str) -> Option<u64> {
    let (clock, fraction) = words.split_once([',', '.']).unwrap_or((words, "0"));
    let number = |digits: &str| digits.trim().parse::<u64>().ok().filter(|value| *value < 1_000_000);
    let mut seconds = 0;
    for part in clock.split(':') {
        seconds = seconds * 60 + number(part)?;
        if seconds > 1 << 32 {
            return None;
        }
    }
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    clock.contains(':').then_some(seconds * 1_000 + number(&digits)?)
}

/// A line without its markup. Who speaks is said before what is said.
fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['<', '{']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match tag(rest) {
            Some((inside, len)) => {
                if let Some(name) = speaker(inside) {
                    out.push_str(&format!("{name}: "));
                }
                rest = &rest[len..];
            }
            None => {
                out.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    for (reference, sign) in
        [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&lrm;", ""), ("&rlm;", ""), ("\\N", " "), ("&amp;", "&")]
    {
        if out.contains(reference) {
            out = out.replace(reference, sign);
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What stands inside the tag that `text` begins with, and the tag's length.
fn tag(text: &str) -> Option<(&str, usize)> {
    let (close, begins): (char, fn(u8) -> bool) = match text.as_bytes() {
        [b'<', ..] => ('>', |byte| byte.is_ascii_alphanumeric() || byte == b'/'),
        _ => ('}', |byte| byte == b'\\'),
    };
    let inside = &text[1..text.floor_char_boundary(TAG_BYTES_MAX)];
    let end = inside.find(close)?;
    inside.bytes().next().filter(|byte| begins(*byte))?;
    Some((&inside[..end], end + 2))
}

/// The name in `v.loud Kim`.
fn speaker(inside: &str) -> Option<&str> {
    let (kind, name) = inside.split_once(' ')?;
    let is_voice = kind == "v" || kind.starts_with("v.");
    (is_voice && !name.trim().is_empty()).then_some(name.trim())
}

/// What stands behind `WEBVTT` in the first line.
fn title(text: &str) -> Option<String> {
    let words = text.lines().next()?.strip_prefix("WEBVTT")?.trim().trim_start_matches(['-', '–', ' ']);
    (!words.is_empty()).then(|| words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ExtractOptions, extract, location};

    fn read(name: &str, text: &str) -> Document {
        extract(name, text.as_bytes(), &ExtractOptions::default()).unwrap()
    }

    #[test]
    fn cues_read_on_and_know_their_times() {
        let text = "\u{FEFF}1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>안녕하세요.</i>\r\n{\\an8}저는 김하나입니다.\r\n\r\n\
            2\r\n00:00:02,600 --> 00:00:04,000 X1:0\r\n3 < 4 이고\r\n2026\r\n\r\n3\r\n00:01:10,000 --> 00:01:12,000\r\n네.\r\n";
        let document = read("a.srt", text);
        assert_eq!(document.text, "안녕하세요. 저는 김하나입니다.\n3 < 4 이고 2026\n\n네.");
        let words: Vec<_> = document.places.iter().map(|place| place.span.slice(&document.text)).collect();
        assert_eq!(words, ["안녕하세요. 저는 김하나입니다.", "3 < 4 이고 2026", "네."]);
        let all = crate::Span::new(0, document.text.len());
        assert_eq!(location(&document.places, all).as_deref(), Some("0:00:01-0:01:12"));
    }

    #[test]
    fn web_subtitles_lose_names_notes_and_styles_and_keep_who_speaks() {
        let text = "WEBVTT - Lecture 1\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE not\nsaid\n\nintro\n\
            00:01.000 --> 00:02.000 align:start\n<v.loud Kim Hana>Good <c.red>morning</c> &amp; welcome\n\n\
            00:02.000 --> 00:03.000\n<00:02.100><c>again</c>\n";
        let document = read("a.vtt", text);
        assert_eq!(document.text, "Kim Hana: Good morning & welcome\nagain");
        assert_eq!(document.title.as_deref(), Some("Lecture 1"));
    }

    #[test]
    fn captions_that_roll_up_are_read_once() {
        let cue = |from: u32, lines: &str| format!("00:00:0{from}.000 --> 00:00:0{}.000\n{lines}\n\n", from + 1);
        let rolled = [cue(1, "one"), cue(2, "one\ntwo"), cue(3, "two"), cue(4, "two\nthree"), cue(9, "three")].concat();
        let document = read("a.vtt", &format!("WEBVTT\n\n{rolled}"));
        assert_eq!(document.text, "one\ntwo\nthree\n\nthree");
        assert_eq!(document.places[1].position, Position::Time { start_ms: 2_000, end_ms: 4_000 });
    }

    #[test]
    fn a_number_that_is_said_stays_and_a_number_of_a_cue_goes() {
        let text = "1\n00:00:01,000 --> 00:00:02,000\nHow many?\n\n7\n\n2\n00:00:02,000 --> 00:00:03,000\nYes.\n\n12\n";
        assert_eq!(read("a.srt", text).text, "How many? 7\nYes. 12");
    }

    #[test]
    fn without_times_it_is_a_text() {
        assert_eq!(read("a.srt", "just --> words\n").text, "just --> words\n");
        let odd = "99999999999999999999:00:00,000 --> 1:2:3\nx\n00:00:01,000 --> 99:99:99\nwords\n<".to_owned();
        assert_eq!(read("a.srt", &(odd + &"{\\".repeat(1_000))).text.len(), "words".len() + 2 + 2_000);
    }
}
