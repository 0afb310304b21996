//! Word processor documents and presentations become Markdown, with the slides of a presentation as places.

mod embedded;
mod inline;
mod oxide;
mod writer;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use office_oxide::ir::DocumentIR;

use super::assembly::Assembly;
use super::markdown::first_title;
use super::source::Source;
use super::{odf, rtf, zip_guard};
use crate::{Document, ExtractError, MediaType, Position, Warning};
pub(super) use inline::{description, linked};
pub(super) use oxide::refused;
use writer::Writer;

/// Reads a document of a word processor or a presentation.
pub(crate) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    match source.media_type {
        MediaType::Odt => return odf::extract_text(source),
        MediaType::Odp => return odf::extract_presentation(source),
        MediaType::Rtf => return rtf::extract(source),
        MediaType::Docx | MediaType::Pptx => {
            zip_guard::check(source.bytes, name(source.media_type), &source.options.limits)?
        }
        _ => {}
    }
    let mut document = match oxide::read(source) {
        Ok(read) => {
            let document = written(source, &read);
            // What one library finds nothing in, the other one may still read.
            if document.text.is_empty() { by_undoc(source).unwrap_or(document) } else { document }
        }
        Err(error @ ExtractError::Encrypted { .. }) => return Err(error),
        Err(error) => by_undoc(source).map_err(|_| error)?,
    };
    if matches!(source.media_type, MediaType::Docx | MediaType::Pptx) {
        embedded::read_into(&mut document, source);
    }
    Ok(document)
}

/// What the format is called in messages: the extension of its files.
pub(super) fn name(media_type: MediaType) -> &'static str {
    media_type.extensions().first().copied().unwrap_or_default()
}

/// Runs a library that reads a whole document, so that a panic in it is an error like any other.
pub(super) fn guarded<T>(
    media_type: MediaType,
    read: impl FnOnce() -> Result<T, ExtractError>,
) -> Result<T, ExtractError> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(damaged(media_type, "its reader gave up on it")))
}

pub(super) fn damaged(media_type: MediaType, reason: &str) -> ExtractError {
    ExtractError::Damaged { format: name(media_type).to_owned(), reason: reason.to_lowercase() }
}

/// Names that programs give to documents which nobody has named.
const NO_TITLES: [&str; 6] =
    ["powerpoint presentation", "powerpoint 프레젠테이션", "제목 없음", "untitled", "slide 1", "슬라이드 1"];

/// Adds what a document says of itself. Values that are empty or were never filled in are left out.
pub(super) fn describe<'a>(document: &mut Document, entries: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) {
    let mut metadata = BTreeMap::new();
    for (key, value) in entries {
        let value = super::flow::one_line(&unmangled(value.unwrap_or_default()));
        let value = super::clean::clean(value, &mut Vec::new());
        let is_no_title = key == "title" && NO_TITLES.contains(&value.to_lowercase().as_str());
        if !value.is_empty() && !is_no_title {
            metadata.entry(key.to_owned()).or_insert(value);
        }
    }
    document.title = metadata.get("title").cloned().or_else(|| first_title(&document.headings));
    document.metadata = metadata;
}

/// A value in UTF-8 that was read byte by byte, which libraries do with older files that say it is UTF-8.
fn unmangled(value: &str) -> Cow<'_, str> {
    let byte = |c: char| u8::try_from(u32::from(c)).ok().or_else(|| windows_1252(c));
    let bytes: Option<Vec<u8>> = value.chars().map(byte).collect();
    match bytes.filter(|_| !value.is_ascii()).and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(meant) => Cow::Owned(meant),
        None => Cow::Borrowed(value),
    }
}

fn windows_1252(c: char) -> Option<u8> {
    let mut buffer = [0; 4];
    let (bytes, _, lost) = encoding_rs::WINDOWS_1252.encode(c.encode_utf8(&mut buffer));
    bytes.first().copied().filter(|_| !lost)
}

fn written(source: &Source<'_>, read: &DocumentIR) -> Document {
    let mut assembly = Assembly::default();
    match source.media_type {
        MediaType::Pptx | MediaType::Ppt => write_slides(&mut assembly, read, source),
        _ => {
            let (text, warnings) = Writer::new(&source.options.limits).document(&read.sections);
            assembly.part(&text);
            assembly.warnings.extend(warnings);
        }
    }
    let said = &read.metadata;
    // Ten are enough to see what is wrong with a file.
    assembly
        .warnings
        .extend(said.warnings.iter().take(10).map(|message| Warning::Converter { message: message.clone() }));
    let mut document = assembly.finish(source.media_type);
    let keywords = said.keywords.join(", ");
    describe(
        &mut document,
        [
            ("title", said.title.as_deref()),
            ("author", said.author.as_deref()),
            ("subject", said.subject.as_deref()),
            ("keywords", Some(keywords.as_str())),
            ("created", said.created.as_deref()),
            ("modified", said.modified.as_deref()),
        ],
    );
    document
}

fn write_slides(assembly: &mut Assembly, read: &DocumentIR, source: &Source<'_>) {
    for (number, slide) in (1..).zip(&read.sections) {
        let beside = slide.speaker_notes.as_deref().unwrap_or_default();
        for (elements, notes) in [(slide.elements.as_slice(), false), (beside, true)] {
            let (text, warnings) = Writer::new(&source.options.limits).slide(elements);
            assembly.placed_part(&text, Position::Slide { number, notes });
            assembly.warnings.extend(warnings);
        }
    }
}

/// Reads with the second library, for what the first one gives up on.
fn by_undoc(source: &Source<'_>) -> Result<Document, ExtractError> {
    let media_type = source.media_type;
    let read = guarded(media_type, || {
        let read = undoc::parse_bytes(source.bytes).map_err(|error| damaged(media_type, &error.to_string()))?;
        let text = undoc::render::to_markdown(&read, &undoc::render::RenderOptions::default())
            .map_err(|error| damaged(media_type, &error.to_string()))?;
        Ok((text, read.metadata))
    });
    let (text, said) = read?;
    let mut assembly = Assembly::default();
    assembly.part(&without_pictures(&text));
    let mut document = assembly.finish(media_type);
    describe(
        &mut document,
        [
            ("title", said.title.as_deref()),
            ("author", said.author.as_deref()),
            ("subject", said.subject.as_deref()),
            ("created", said.created.as_deref()),
            ("modified", said.modified.as_deref()),
        ],
    );
    Ok(document)
}

/// The text without the places of pictures; what is said about a picture stays.
pub(super) fn without_pictures(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("![") {
        out.push_str(before);
        let picture = after.split_once("](").and_then(|(words, tail)| Some((words, tail.split_once(')')?.1)));
        match picture.filter(|(words, _)| !words.contains('\n')) {
            Some((words, tail)) => {
                out.push_str(words);
                rest = tail;
            }
            None => {
                out.push_str("![");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mangled_title_is_whole_again() {
        let mangled = encoding_rs::WINDOWS_1252.decode_without_bom_handling("예산 2026".as_bytes()).0.into_owned();
        assert_eq!(unmangled(&mangled), "예산 2026");
        let byte_by_byte: String = "예산".bytes().map(char::from).collect();
        assert_eq!(unmangled(&byte_by_byte), "예산");
        assert_eq!(unmangled("Besançon"), "Besançon");
        assert_eq!(unmangled("예산"), "예산");
    }

    #[test]
    fn pictures_leave_their_descriptions() {
        assert_eq!(without_pictures("a ![강 그림](media/image1.png) b ![x"), "a 강 그림 b ![x");
    }
}
