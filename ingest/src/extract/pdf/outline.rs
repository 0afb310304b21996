//! The outline of a PDF names its headings, and the page texts say where they stand.

use std::collections::HashMap;

use hayro_interpret::hayro_syntax::Pdf;
use hayro_interpret::hayro_syntax::object::{Array, Dict, MaybeRef, Object, ObjectIdentifier, String as PdfString};

use crate::{Heading, Page, Span};

/// One line of the outline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OutlineEntry {
    pub(super) level: u8,
    pub(super) title: String,
    /// Index of the page that it leads to.
    pub(super) page: usize,
}

/// More entries than any book has; a loop in the outline ends here.
const ENTRIES_MAX: usize = 20_000;

/// Deeper entries are not read.
const LEVEL_MAX: u8 = 8;

/// Reads the outline.
pub(super) fn read(pdf: &Pdf) -> Vec<OutlineEntry> {
    let xref = pdf.xref();
    let Some(catalog) = xref.get::<Dict<'_>>(xref.root_id()) else { return Vec::new() };
    let Some(first) = catalog.get::<Dict<'_>>("Outlines").and_then(|outlines| outlines.get::<Dict<'_>>("First")) else {
        return Vec::new();
    };
    let pages = pdf.pages().iter().enumerate();
    let targets = Targets {
        page_of: pages.filter_map(|(index, page)| Some((page.raw().obj_id()?, index))).collect(),
        named: named_destinations(&catalog),
    };
    let mut entries = Vec::new();
    let mut visited = 0;
    let mut stack = vec![(first, 1u8)];
    while let Some((item, level)) = stack.pop() {
        visited += 1;
        if visited > ENTRIES_MAX {
            break;
        }
        if let Some(next) = item.get::<Dict<'_>>("Next") {
            stack.push((next, level));
        }
        if let Some(child) = item.get::<Dict<'_>>("First").filter(|_| level < LEVEL_MAX) {
            stack.push((child, level + 1));
        }
        let title = item.get::<PdfString<'_>>("Title").map(|title| text_string(title.as_bytes()));
        let target = targets.page(&item);
        if let (Some(title), Some(page)) = (title.filter(|title| !title.is_empty()), target) {
            entries.push(OutlineEntry { level, title, page });
        }
    }
    entries
}

/// Where outline entries lead.
struct Targets<'a> {
    page_of: HashMap<ObjectIdentifier, usize>,
    named: HashMap<Vec<u8>, Array<'a>>,
}

impl Targets<'_> {
    fn page(&self, item: &Dict<'_>) -> Option<usize> {
        let target = item
            .get::<Object<'_>>("Dest")
            .or_else(|| item.get::<Dict<'_>>("A").and_then(|action| action.get::<Object<'_>>("D")))?;
        match target {
            Object::Array(array) => self.page_of_array(&array),
            Object::String(name) => self.page_of_array(self.named.get(name.as_bytes())?),
            Object::Name(name) => self.page_of_array(self.named.get(&*name)?),
            _ => None,
        }
    }

    fn page_of_array(&self, array: &Array<'_>) -> Option<usize> {
        match array.raw_iter().next()? {
            MaybeRef::Ref(reference) => self.page_of.get(&reference.into()).copied(),
            MaybeRef::NotRef(_) => None,
        }
    }
}

/// The destinations that have a name: in a dictionary in old files, in a tree since PDF 1.2.
fn named_destinations<'a>(catalog: &Dict<'a>) -> HashMap<Vec<u8>, Array<'a>> {
    let mut named = HashMap::new();
    if let Some(dests) = catalog.get::<Dict<'a>>("Dests") {
        for name in dests.keys() {
            if let Some(array) = dests.get::<Object<'a>>(&name).and_then(destination) {
                named.insert(name.to_vec(), array);
            }
        }
    }
    let tree = catalog.get::<Dict<'a>>("Names").and_then(|names| names.get::<Dict<'a>>("Dests"));
    let mut stack: Vec<Dict<'a>> = tree.into_iter().collect();
    let mut visited = 0;
    while let Some(node) = stack.pop() {
        visited += 1;
        if visited > ENTRIES_MAX || named.len() > 10 * ENTRIES_MAX {
            break;
        }
        if let Some(kids) = node.get::<Array<'a>>("Kids") {
            stack.extend(kids.iter::<Dict<'a>>());
        }
        let Some(names) = node.get::<Array<'a>>("Names") else { continue };
        let mut pairs = names.iter::<Object<'a>>();
        while let (Some(name), Some(target)) = (pairs.next(), pairs.next()) {
            if let (Object::String(name), Some(array)) = (name, destination(target)) {
                named.insert(name.as_bytes().to_vec(), array);
            }
        }
    }
    named
}

fn destination(target: Object<'_>) -> Option<Array<'_>> {
    match target {
        Object::Array(array) => Some(array),
        Object::Dict(dict) => dict.get::<Array<'_>>("D"),
        _ => None,
    }
}

/// A PDF text string: UTF-16 or UTF-8 with a mark, else PDFDocEncoding, which is Latin-1 where titles use it.
pub(super) fn text_string(bytes: &[u8]) -> String {
    let text = match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, mark_len)) => encoding.decode_without_bom_handling(&bytes[mark_len..]).0.into_owned(),
        None if !bytes.is_ascii() && std::str::from_utf8(bytes).is_ok() => String::from_utf8_lossy(bytes).into_owned(),
        None => encoding_rs::mem::decode_latin1(bytes).into_owned(),
    };
    let text = super::clean(text, &mut Vec::new());
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Finds the outline's titles in the text: each on its page, after the one before. What is not found is left out.
pub(super) fn headings(entries: &[OutlineEntry], pages: &[Page], text: &str) -> Vec<Heading> {
    let mut found: Vec<Heading> = Vec::new();
    for entry in entries {
        let Some(page) = pages.get(entry.page) else { continue };
        let after = found.last().map_or(0, |heading| heading.span.end);
        let reach = Span::new(page.span.start.max(after), page.span.end);
        if let Some(span) = find_title(text, reach, &entry.title) {
            found.push(Heading { level: entry.level, span, title: entry.title.clone() });
        }
    }
    found
}

/// The first line of `reach` that is the title, white space aside, perhaps with a number before it and over two lines.
fn find_title(text: &str, reach: Span, title: &str) -> Option<Span> {
    let wanted = squeezed(title);
    let lines: Vec<Span> = lines(text, reach);
    for (index, first) in lines.iter().enumerate() {
        for last in &lines[index..lines.len().min(index + 3)] {
            let span = Span::new(first.start, last.end);
            let words = squeezed(span.slice(text));
            if words.len() > wanted.len() + 24 {
                break;
            }
            let number = words.strip_suffix(wanted.as_str());
            if number.is_some_and(|number| !number.contains(char::is_alphabetic) || is_chapter_word(number)) {
                return Some(span);
            }
        }
    }
    None
}

/// "Chapter 3." and its like, before a title that the outline gives without it.
fn is_chapter_word(number: &str) -> bool {
    let has_number = number.contains(|c: char| c.is_numeric()) || number.len() == 2;
    let short = number.chars().count() <= 14;
    let words = ["chapter", "appendix", "part", "section", "제", "부록"];
    short && (has_number || words.iter().any(|word| number.to_lowercase().starts_with(word)))
}

fn lines(text: &str, reach: Span) -> Vec<Span> {
    let mut offset = reach.start;
    let mut lines = Vec::new();
    for line in reach.slice(text).split_inclusive('\n') {
        let words = line.trim();
        if !words.is_empty() {
            let start = offset + (line.len() - line.trim_start().len());
            lines.push(Span::new(start, start + words.len()));
        }
        offset += line.len();
    }
    lines
}

fn squeezed(words: &str) -> String {
    words.chars().filter(|c| !c.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_found_on_their_pages_in_order() {
        let text = "Contents\nUses 2\n\n1.2 Uses\nof water\ntext about Uses\nUses\nmore";
        let page =
            |number, start, end| Page { number, span: Span::new(start, end), needs_ocr: false, unmapped: 0, images: 0 };
        let pages = [page(1, 0, 15), page(2, 17, text.len())];
        let entry = |level, title: &str| OutlineEntry { level, title: title.into(), page: 1 };
        let found = headings(&[entry(1, "Uses of water"), entry(2, "Uses"), entry(2, "Missing")], &pages, text);
        let words: Vec<_> = found.iter().map(|heading| heading.span.slice(text)).collect();
        assert_eq!(words, ["1.2 Uses\nof water", "Uses"]);
    }

    #[test]
    fn text_strings_decode_in_every_encoding() {
        assert_eq!(text_string(b"\xFE\xFF\xD5\x5C\xAC\x15"), "한강");
        assert_eq!(text_string("한강".as_bytes()), "한강");
        assert_eq!(text_string(b"caf\xE9 "), "café");
    }
}
