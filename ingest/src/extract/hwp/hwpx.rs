//! Documents in the open format of the Hangul word processor (OWPML, KS X 6101).
//!
//! The library reads the styles and counts the numbers of paragraphs. The text is read here, because the library ends a
//! paragraph where a header, a note or a text box inside of it ends.

use unhwp::ParseOptions;
use unhwp::model::StyleRegistry;

use super::section::Reader;
use crate::extract::assembly::Assembly;
use crate::extract::office::{damaged, describe};
use crate::extract::source::Source;
use crate::extract::xml::{self, Tag, Visitor};
use crate::extract::zip_guard::{self, Archive};
use crate::{Document, ExtractError, Warning};

/// Reads a document.
pub(super) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    let limits = &source.options.limits;
    zip_guard::check(source.bytes, "hwpx", limits)?;
    let mut archive = zip_guard::open(source.bytes, "hwpx")?;
    if zip_guard::text_of(&mut archive, "META-INF/manifest.xml", limits)?
        .is_some_and(|part| part.contains("encryption-data"))
    {
        return Err(super::encrypted(source.media_type));
    }
    // Without its styles a document still has its words.
    let styles = super::read(source, ParseOptions::new().structure_only()).map(|read| read.styles).unwrap_or_default();
    let names = section_names(&archive);
    if names.is_empty() {
        return Err(damaged(source.media_type, "it has no section"));
    }
    let mut document = sections(source, &mut archive, &names, &styles)?;
    let mut said = Description::default();
    xml::walk(&zip_guard::text_of(&mut archive, "Contents/content.hpf", limits)?.unwrap_or_default(), &mut said);
    describe(&mut document, said.entries.iter().map(|(key, value)| (*key, Some(value.as_str()))));
    Ok(document)
}

fn sections(
    source: &Source<'_>,
    archive: &mut Archive<'_>,
    names: &[String],
    styles: &StyleRegistry,
) -> Result<Document, ExtractError> {
    let limits = &source.options.limits;
    let mut reader = Reader::new(styles, limits);
    let mut assembly = Assembly::default();
    for name in names {
        let part = zip_guard::text_of(archive, name, limits)?.unwrap_or_default();
        if let Some(message) = xml::walk(&part, &mut reader) {
            assembly.warnings.push(Warning::Converter { message: format!("{name}: {message}") });
        }
        reader.end_section();
    }
    let read = reader.finish();
    assembly.part(&read.headers);
    assembly.part(&read.text);
    assembly.part(&read.footers);
    assembly.warnings.extend(read.warnings);
    Ok(assembly.finish(source.media_type))
}

/// The names of the sections, in the order of their numbers.
fn section_names(archive: &Archive<'_>) -> Vec<String> {
    let number = |name: &str| {
        let digits = name.strip_prefix("Contents/section")?.strip_suffix(".xml")?;
        digits.parse::<u32>().ok()
    };
    let mut names: Vec<(u32, String)> =
        archive.file_names().flatten().filter_map(|name| Some((number(&name)?, name.into_owned()))).collect();
    names.sort();
    names.into_iter().map(|(_, name)| name).collect()
}

/// What a document says of itself.
#[derive(Default)]
struct Description {
    entries: Vec<(&'static str, String)>,
    key: Option<&'static str>,
    words: String,
}

impl Visitor for Description {
    fn open(&mut self, name: &str, tag: &Tag<'_>) {
        let named = tag.value("name").unwrap_or_default();
        self.words.clear();
        self.key = match (xml::local(name), named.as_str()) {
            ("title", _) => Some("title"),
            ("meta", "creator") => Some("author"),
            ("meta", "subject") => Some("subject"),
            ("meta", "keyword") => Some("keywords"),
            ("meta", "CreatedDate") => Some("created"),
            ("meta", "ModifiedDate") => Some("modified"),
            _ => None,
        };
    }

    fn close(&mut self, _: &str) {
        if let Some(key) = self.key.take() {
            self.entries.push((key, std::mem::take(&mut self.words)));
        }
    }

    fn words(&mut self, words: &str) {
        if self.key.is_some() {
            self.words.push_str(words);
        }
    }
}
