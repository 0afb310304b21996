//! A mailbox is one message after another, each behind a line that begins with `From `.

use std::borrow::Cow;

use super::super::assembly::Assembly;
use super::super::entries::Entries;
use super::super::source::Source;
use super::Message;
use crate::{Document, ExtractError, Heading, Position, Warning};

/// Most different warnings of a mail or a mailbox. Each is compared with all, and nobody reads more.
const WARNINGS_MAX: usize = 64;

/// Reads a mailbox message by message.
pub(super) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    let mut assembly = Assembly::default();
    let mut entries = Entries::new(source);
    let mut warnings = Vec::new();
    let mut number = 0;
    for raw in messages(source.bytes) {
        number += 1;
        let part = format!("message {number}");
        if !source.begins(&part) {
            warnings.push(Warning::Quarantined { part });
            continue;
        }
        if assembly.len() > source.options.limits.text_bytes_max {
            let reason = format!("the text before {part} reaches its limit");
            warnings.push(Warning::PartlyRead { what: "mailbox".to_owned(), reason });
            break;
        }
        let message = Message::read(source, &unescaped(raw), &mut warnings);
        add(&mut assembly, &message, number);
        message.read_attachments(source, &format!("message-{number}/"), &mut entries, &mut warnings);
    }
    warnings.append(&mut assembly.warnings);
    assembly.warnings = merged(warnings);
    let headings = std::mem::take(&mut assembly.headings);
    let mut document = assembly.finish(source.media_type);
    document.headings = headings;
    document.metadata.insert("messages".to_owned(), number.to_string());
    entries.finish(&mut document, "pictures, sound, video and fonts");
    Ok(document)
}

fn add(assembly: &mut Assembly, message: &Message, number: u32) {
    let written = message.write(assembly);
    assembly.place(written.whole, Position::Message { number });
    if let Some(title) = message.headers.subject().filter(|_| !written.subject.is_empty()) {
        assembly.headings.push(Heading { level: 1, span: written.subject, title });
    }
}

/// The messages of a mailbox. What stands before the first is one, too, unless it is blank.
fn messages(bytes: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let (mut from, mut at) = (0, 0);
    let mut after_blank = true;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if after_blank && line.starts_with(b"From ") {
            found.push(&bytes[from..at]);
            from = at + line.len();
        }
        after_blank = matches!(line, b"\n" | b"\r\n");
        at += line.len();
    }
    found.push(&bytes[from.min(at)..]);
    found.retain(|message| !message.trim_ascii().is_empty());
    found
}

/// Takes the sign away that keeps a line of text from looking like the head of a message.
fn unescaped(message: &[u8]) -> Cow<'_, [u8]> {
    let is_escaped = |line: &[u8]| {
        let signs = line.iter().take_while(|byte| **byte == b'>').count();
        signs > 0 && line[signs..].starts_with(b"From ")
    };
    let lines = || message.split_inclusive(|byte| *byte == b'\n');
    if !lines().any(is_escaped) {
        return Cow::Borrowed(message);
    }
    let kept = lines().map(|line| if is_escaped(line) { &line[1..] } else { line });
    Cow::Owned(kept.collect::<Vec<_>>().concat())
}

/// One warning of each kind that counts, whatever the number of messages and parts.
pub(super) fn merged(warnings: Vec<Warning>) -> Vec<Warning> {
    let mut kept: Vec<Warning> = Vec::new();
    for warning in warnings {
        let is_counted = kept.iter_mut().any(|other| add_counts(other, &warning));
        if !is_counted && kept.len() < WARNINGS_MAX {
            kept.push(warning);
        }
    }
    kept
}

/// Adds `more` to a warning of the same kind. `false` when they are of different kinds.
fn add_counts(warning: &mut Warning, more: &Warning) -> bool {
    use Warning as W;
    match (&mut *warning, more) {
        (W::ControlCharacters { replaced }, W::ControlCharacters { replaced: more }) => *replaced += more,
        (W::InvisibleCharacters { removed }, W::InvisibleCharacters { removed: more })
        | (W::BidiControls { removed }, W::BidiControls { removed: more })
        | (W::CombiningMarks { removed }, W::CombiningMarks { removed: more }) => *removed += more,
        (W::HiddenText { elements }, W::HiddenText { elements: more }) => *elements += more,
        (W::LossyDecoding { encoding, replaced }, W::LossyDecoding { encoding: other, replaced: more })
            if encoding == other =>
        {
            *replaced += more
        }
        (same, other) => return same == other,
    }
    true
}
