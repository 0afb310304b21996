//! OpenDocument files: texts, presentations and spreadsheets, read from the XML inside of them.

mod sheet;
mod styles;
mod text;

use super::assembly::Assembly;
use super::office::{damaged, describe, name};
use super::sheet::Workbook;
use super::source::Source;
use super::{xml, zip_guard};
use crate::{Document, ExtractError, Position, Warning};
use text::Part;

/// Reads a text.
pub(super) fn extract_text(source: &Source<'_>) -> Result<Document, ExtractError> {
    let package = Package::open(source)?;
    let mut styles = styles::Styles::default();
    let mut warnings = package.walk(&package.styles, &mut styles);
    let mut reader = text::Reader::new(styles, &source.options.limits);
    warnings.extend(package.walk(&package.content, &mut reader));
    let mut assembly = Assembly::default();
    assembly.part(&reader.margins("style:header"));
    let footer = reader.margins("style:footer");
    for part in reader.finish() {
        assembly.part(&part.words);
        warnings.extend(part.warnings);
    }
    assembly.part(&footer);
    Ok(package.finished(assembly, warnings, source))
}

/// Reads a presentation, slide by slide.
pub(super) fn extract_presentation(source: &Source<'_>) -> Result<Document, ExtractError> {
    let package = Package::open(source)?;
    let mut styles = styles::Styles::default();
    let mut warnings = package.walk(&package.styles, &mut styles);
    let mut reader = text::Reader::new(styles, &source.options.limits);
    warnings.extend(package.walk(&package.content, &mut reader));
    let mut assembly = Assembly::default();
    for Part { number, notes, words, warnings: of_part } in reader.finish() {
        assembly.placed_part(&words, Position::Slide { number: number.max(1), notes });
        warnings.extend(of_part);
    }
    Ok(package.finished(assembly, warnings, source))
}

/// Reads a spreadsheet.
pub(super) fn read_workbook(source: &Source<'_>) -> Result<Workbook, ExtractError> {
    let package = Package::open(source)?;
    let mut reader = sheet::Reader::new(&source.options.limits);
    let mut warnings = package.walk(&package.content, &mut reader);
    let (sheets, cut) = reader.finish();
    warnings.extend(cut);
    let metadata = package.metadata().into_iter().map(|(key, value)| (key, Some(value))).collect();
    Ok(Workbook { sheets, metadata, warnings })
}

/// The parts of an OpenDocument file that hold words.
struct Package {
    content: String,
    styles: String,
    meta: String,
}

impl Package {
    fn open(source: &Source<'_>) -> Result<Self, ExtractError> {
        let (format, limits) = (name(source.media_type), &source.options.limits);
        zip_guard::check(source.bytes, format, limits)?;
        let mut archive = zip_guard::open(source.bytes, format)?;
        let mut part = |name: &str| zip_guard::text_of(&mut archive, name, limits);
        let manifest = part("META-INF/manifest.xml")?.unwrap_or_default();
        if manifest.contains("encryption-data") {
            return Err(ExtractError::Encrypted { format: format.to_owned() });
        }
        let content = part("content.xml")?.ok_or_else(|| damaged(source.media_type, "it has no content.xml"))?;
        let styles = part("styles.xml")?.unwrap_or_default();
        let meta = part("meta.xml")?.unwrap_or_default();
        Ok(Self { content, styles, meta })
    }

    /// Walks through one part. Broken XML ends the walk, and what came before it is kept.
    fn walk(&self, part: &str, visitor: &mut dyn xml::Visitor) -> Vec<Warning> {
        let broken = xml::walk(part, visitor);
        broken.map(|message| Warning::Converter { message }).into_iter().collect()
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        let mut reader = xml::Values::default();
        xml::walk(&self.meta, &mut reader);
        const KEYS: [(&str, &str); 6] = [
            ("dc:title", "title"),
            ("meta:initial-creator", "author"),
            ("dc:creator", "author"),
            ("dc:subject", "subject"),
            ("meta:creation-date", "created"),
            ("dc:date", "modified"),
        ];
        let value =
            |element: &str| reader.values.iter().find(|(name, _)| name == element).map(|(_, value)| value.clone());
        KEYS.into_iter().filter_map(|(element, key)| Some((key, value(element)?))).collect()
    }

    fn finished(&self, assembly: Assembly, warnings: Vec<Warning>, source: &Source<'_>) -> Document {
        let mut document = assembly.finish(source.media_type);
        document.warnings.extend(warnings);
        let metadata = self.metadata();
        describe(&mut document, metadata.iter().map(|(key, value)| (*key, Some(value.as_str()))));
        document
    }
}
