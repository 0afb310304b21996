//! Blocks are the paragraphs, lists, tables, code blocks and headings that a body consists of, without gaps.

use std::collections::BTreeMap;

use pulldown_cmark::{Event, Options, Parser, Tag};

use super::ChunkKind;
use super::grapheme::is_boundary;
use crate::{Document, MediaType, Span};

/// One block. Its span reaches to the start of the next, white space included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) span: Span,
    pub(super) kind: ChunkKind,
    /// The index of the document's heading that the block is.
    pub(super) heading: Option<usize>,
    /// Of a table, the rows that say what its columns hold.
    pub(super) header: Option<Span>,
}

/// Most paragraphs that a text without markup is divided into.
const PARAGRAPHS_MAX: usize = 500_000;

/// What begins at a byte.
#[derive(Clone, Copy)]
struct Opening {
    kind: ChunkKind,
    heading: Option<usize>,
    header: Option<Span>,
}

impl Opening {
    const fn of(kind: ChunkKind) -> Self {
        Self { kind, heading: None, header: None }
    }
}

/// The blocks of the document's body, in order. They tile it.
pub(super) fn blocks(document: &Document) -> Vec<Block> {
    let body = body(document);
    let mut openings = match document.media_type {
        media_type if media_type.is_markdown_text() => markdown_openings(body, &document.text),
        // Its sections are cut where its indentation says, not at blank lines.
        MediaType::Code(_) => BTreeMap::new(),
        media_type => paragraph_openings(body, &document.text, kind_of(media_type)),
    };
    open_marked_blocks(&mut openings, body, document);
    open_headings(&mut openings, body, document);
    // A reader's offsets lie between characters, not always between clusters.
    openings.retain(|start, _| is_boundary(&document.text, *start));
    if openings.first_key_value().is_none_or(|(start, _)| *start > body.start) {
        openings.insert(body.start, Opening::of(kind_of(document.media_type)));
    }
    let ends = openings.keys().copied().skip(1).chain([body.end]);
    let block = |((start, opening), end): ((&usize, &Opening), usize)| Block {
        span: Span::new(*start, end),
        kind: opening.kind,
        heading: opening.heading,
        header: opening.header,
    };
    openings.iter().zip(ends).map(block).filter(|block| !block.span.is_empty()).collect()
}

/// The body, or the whole text when the body was made for another text.
fn body(document: &Document) -> Span {
    match document.body.get(&document.text) {
        Some(_) => document.body,
        None => Span::new(0, document.text.len()),
    }
}

const fn kind_of(media_type: MediaType) -> ChunkKind {
    match media_type {
        MediaType::Code(_) | MediaType::Json | MediaType::JsonLines => ChunkKind::Code,
        _ => ChunkKind::Prose,
    }
}

fn markdown_openings(body: Span, text: &str) -> BTreeMap<usize, Opening> {
    let mut openings = BTreeMap::new();
    let mut depth = 0usize;
    for (event, range) in Parser::new_ext(body.slice(text), Options::ENABLE_TABLES).into_offset_iter() {
        let kind = match &event {
            Event::Start(Tag::CodeBlock(_)) => ChunkKind::Code,
            Event::Start(Tag::Table(_)) => ChunkKind::Table,
            Event::Start(Tag::List(_)) => ChunkKind::List,
            _ => ChunkKind::Prose,
        };
        if depth == 0 && !matches!(event, Event::End(_)) {
            // Indentation belongs to the block that it indents.
            let start = line_start(text, body, body.start + range.start);
            let end = body.start + range.end;
            let header = (kind == ChunkKind::Table).then(|| first_lines(text, Span::new(start, end), 2)).flatten();
            openings.insert(start, Opening { kind, heading: None, header });
        }
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            _ => {}
        }
    }
    openings
}

/// Paragraphs: what blank lines divide.
fn paragraph_openings(body: Span, text: &str, kind: ChunkKind) -> BTreeMap<usize, Opening> {
    let mut openings = BTreeMap::new();
    let mut offset = body.start;
    let mut after_blank = true;
    // A text of millions of tiny paragraphs needs no block for each: they are packed together anyway.
    let bytes_min = body.len() / PARAGRAPHS_MAX;
    let mut opened = None;
    for line in body.slice(text).split_inclusive('\n') {
        let blank = line.trim().is_empty();
        if after_blank && !blank && opened.is_none_or(|last| offset - last >= bytes_min) {
            opened = Some(offset);
            openings.insert(offset, Opening::of(kind));
        }
        after_blank = blank;
        offset += line.len();
    }
    openings
}

/// The first lines under `span`, without the last line's end.
fn first_lines(text: &str, span: Span, lines: usize) -> Option<Span> {
    let end = span.slice(text).match_indices('\n').nth(lines - 1)?.0;
    Some(Span::new(span.start, span.start + end))
}

/// Gives what the reader marked as a table, code or a list a block of its own.
fn open_marked_blocks(openings: &mut BTreeMap<usize, Opening>, body: Span, document: &Document) {
    let text = &document.text;
    for block in &document.blocks {
        if !body.contains(block.span) || block.span.is_empty() || block.span.get(text).is_none() {
            continue;
        }
        let inside: Vec<usize> = openings.range(block.span.start..block.span.end).map(|(start, _)| *start).collect();
        for start in inside {
            openings.remove(&start);
        }
        let header = block.header.filter(|header| block.span.contains(*header) && header.get(text).is_some());
        openings.insert(block.span.start, Opening { kind: block.kind, heading: None, header });
        if let Some(below) = next_words(text, body, block.span.end) {
            openings.entry(below).or_insert(Opening::of(kind_of(document.media_type)));
        }
    }
}

/// Where something is said next at or behind `at`: the start of the line when the line begins with it.
fn next_words(text: &str, body: Span, at: usize) -> Option<usize> {
    let rest = &text[at..body.end];
    let blank = rest.len() - rest.trim_start().len();
    (blank < rest.len()).then(|| line_start(text, body, at + blank).max(at))
}

/// Gives every heading a block of its own, also where a page's text runs on without a blank line.
fn open_headings(openings: &mut BTreeMap<usize, Opening>, body: Span, document: &Document) {
    let text = &document.text;
    for (index, heading) in document.headings.iter().enumerate() {
        if !body.contains(heading.span) || heading.span.get(text).is_none() {
            continue;
        }
        let start = line_start(text, body, heading.span.start);
        if let MediaType::Code(_) = document.media_type {
            // A signature and its body are one.
            openings.insert(start, Opening { heading: Some(index), ..Opening::of(ChunkKind::Code) });
            continue;
        }
        openings.insert(start, Opening { heading: Some(index), ..Opening::of(ChunkKind::Prose) });
        if let Some(below) = first_line_below(document, body, index) {
            openings.entry(below).or_insert(Opening::of(kind_of(document.media_type)));
        }
    }
}

/// The start of the line when only blanks stand before `at` on it, otherwise `at`. Looking further back for each of many blocks
/// on one line would take long.
fn line_start(text: &str, body: Span, at: usize) -> usize {
    let before = &text[body.start..at];
    let words = before.trim_end_matches([' ', '\t']);
    if words.is_empty() || words.ends_with('\n') { body.start + words.len() } else { at }
}

/// The start of the first line that says something below the one that `heading` ends on, unless the next heading begins there.
fn first_line_below(document: &Document, body: Span, heading: usize) -> Option<usize> {
    let end = document.headings[heading].span.end;
    let next = document.headings.get(heading + 1).map_or(body.end, |next| next.span.start);
    let reach = document.text.get(end..next.clamp(end, body.end))?;
    next_words(&document.text, body, end + reach.find('\n')? + 1)
}
