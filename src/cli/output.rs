//! What results look like in a terminal.

use std::io::{IsTerminal, Write};

use serde::Serialize;

use crate::types::{Citation, Hit};

/// Writes a line to standard output. A reader that has gone, such as `head`, is no error.
pub(super) fn line(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// Writes a value as one line of JSON.
pub(super) fn json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    line(&serde_json::to_string(value)?);
    Ok(())
}

/// A name without what would move the cursor or begin another line: control characters are written as escapes.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// Where a passage stands, for a person: `docs/a.pdf, p. 3 — Guide > Install`.
pub(super) fn place(hit: &Hit) -> String {
    described(&hit.uri, (hit.page_first, hit.location.as_deref()), &hit.heading_path)
}

/// Where a citation points.
pub(super) fn cited_place(citation: &Citation) -> String {
    let location = &citation.location;
    described(&citation.source, (location.page_first, location.place.as_deref()), &location.heading_path)
}

fn described(uri: &str, (page, location): (Option<u32>, Option<&str>), headings: &[String]) -> String {
    let mut place = printable(uri);
    if let Some(page) = page {
        place.push_str(&format!(", p. {page}"));
    }
    if let Some(location) = location {
        place.push_str(&format!(", {location}"));
    }
    if !headings.is_empty() {
        place.push_str(&format!(" — {}", headings.join(" > ")));
    }
    place
}

/// A passage on a few lines, with the query's words in bold where the terminal can show them.
pub(super) fn snippet(hit: &Hit) -> String {
    const CHARS_MAX: usize = 400;
    let bold = std::io::stdout().is_terminal();
    let units: Vec<u16> = hit.text.encode_utf16().collect();
    let part = |start: usize, end: usize| String::from_utf16_lossy(&units[start..end]);
    let mut shown = String::new();
    let mut at = 0;
    for mark in &hit.highlights {
        shown.push_str(&part(at, mark.start));
        let word = part(mark.start, mark.end);
        shown.push_str(&if bold { format!("\u{1b}[1m{word}\u{1b}[0m") } else { word });
        at = mark.end;
    }
    shown.push_str(&part(at, units.len()));
    let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = flat.chars().take(CHARS_MAX).collect();
    // A cut in the midst of a bold word must not leave the terminal bold.
    let reset = if bold { "\u{1b}[0m" } else { "" };
    if cut.len() < flat.len() { format!("{cut}…{reset}") } else { cut }
}

/// `1234567` as `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}
