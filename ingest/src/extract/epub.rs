//! An e-book is read chapter by chapter, in the order of its spine.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use rbook::Epub;
use rbook::epub::manifest::EpubManifestEntry;

use super::assembly::Assembly;
use super::clean::clean;
use super::decode::decode;
use super::html::{markdown_of, title};
use super::office::{damaged, describe, guarded, without_pictures};
use super::source::Source;
use super::zip_guard;
use crate::{Document, ExtractError, Position, Warning};

/// Reads an e-book.
pub(crate) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    zip_guard::check(source.bytes, "epub", &source.options.limits)?;
    refuse_locked(source)?;
    guarded(source.media_type, || {
        let book = open(source)?;
        let mut assembly = Assembly::default();
        write_chapters(&mut assembly, &book, source)?;
        let mut document = assembly.finish(source.media_type);
        let said = book.metadata();
        let authors: Vec<&str> = said.creators().map(|creator| creator.value()).collect();
        let author = authors.join(", ");
        describe(
            &mut document,
            [
                ("title", said.title().map(|entry| entry.value())),
                ("author", Some(author.as_str())),
                ("language", said.language().map(|entry| entry.value())),
                ("publisher", said.publishers().next().map(|entry| entry.value())),
                ("created", said.published_entry().map(|entry| entry.value())),
                ("modified", said.modified_entry().map(|entry| entry.value())),
            ],
        );
        Ok(document)
    })
}

/// Opens the book, without its table of contents where that is broken.
fn open(source: &Source<'_>) -> Result<Epub, ExtractError> {
    let bytes = || Cursor::new(source.bytes.to_vec());
    Epub::read(bytes())
        .or_else(|error| Epub::options().skip_toc(true).read(bytes()).map_err(|_| error))
        .map_err(|error| damaged(source.media_type, &error.to_string()))
}

/// Refuses a book whose chapters are under a key. Fonts that are only scrambled hinder nobody.
fn refuse_locked(source: &Source<'_>) -> Result<(), ExtractError> {
    const SCRAMBLED_FONTS: [&str; 2] = ["http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"];
    let limits = &source.options.limits;
    let mut archive = zip_guard::open(source.bytes, "epub")?;
    let licensed = ["META-INF/license.lcpl", "META-INF/sinf.xml"].iter().any(|name| archive.by_name(name).is_ok());
    let mut locked = licensed;
    if let Ok(mut entry) = archive.by_name("META-INF/encryption.xml") {
        let packed = entry.compressed_size();
        let bytes = zip_guard::inflated(&mut entry, packed, limits.inflated_bytes_max, limits)?;
        let methods = String::from_utf8_lossy(&bytes);
        let mut algorithms =
            methods.split("EncryptionMethod").skip(1).filter_map(|after| after.split(['"', '\'']).nth(1));
        locked |= algorithms.any(|algorithm| !SCRAMBLED_FONTS.contains(&algorithm));
    }
    if locked { Err(ExtractError::Encrypted { format: "epub".to_owned() }) } else { Ok(()) }
}

fn write_chapters(assembly: &mut Assembly, book: &Epub, source: &Source<'_>) -> Result<(), ExtractError> {
    let labels = labels(book);
    let mut seen = BTreeSet::new();
    let mut number = 0;
    let limit = source.options.limits.text_bytes_max;
    for entry in book.spine().iter().filter_map(|entry| entry.manifest_entry()) {
        let path = entry.href().path().as_str().to_owned();
        // A list of chapters is no chapter, and a spine may name one file ten thousand times.
        if entry.properties().has_property("nav") || !seen.insert(path.clone()) {
            continue;
        }
        let part = format!("chapter {}", number + 1);
        if !source.begins(&part) {
            assembly.warnings.push(Warning::Quarantined { part });
            number += 1;
            continue;
        }
        match guarded(source.media_type, || chapter(&entry, labels.get(path.as_str()).copied(), source)) {
            Ok(Chapter { text, .. }) if text.trim().is_empty() => {}
            Ok(Chapter { text, title, warnings }) => {
                number += 1;
                assembly.placed_part(&text, Position::Chapter { number, title });
                assembly
                    .warnings
                    .extend(warnings.into_iter().filter(|warning| !matches!(warning, Warning::HiddenText { .. })));
            }
            Err(error) => {
                number += 1;
                assembly.warnings.push(Warning::LostPage { page: number, reason: format!("{part}: {error}") });
            }
        }
        if assembly.len() > limit {
            let (value, limit) = (assembly.len() as u64, limit as u64);
            return Err(ExtractError::TooLarge { what: "text".into(), value, limit });
        }
    }
    Ok(())
}

/// What the table of contents calls each file, by its first entry for it.
fn labels(book: &Epub) -> BTreeMap<&str, &str> {
    let mut labels = BTreeMap::new();
    let Some(contents) = book.toc().contents() else { return labels };
    for entry in contents.flatten() {
        if let Some(href) = entry.href() {
            labels.entry(href.path().as_str()).or_insert(entry.label().trim());
        }
    }
    labels
}

struct Chapter {
    text: String,
    title: Option<String>,
    warnings: Vec<Warning>,
}

fn chapter(entry: &EpubManifestEntry<'_>, label: Option<&str>, source: &Source<'_>) -> Result<Chapter, ExtractError> {
    let limits = &source.options.limits;
    let bytes = entry.read_bytes().map_err(|error| damaged(source.media_type, &error.to_string()))?;
    let (value, limit) = (bytes.len() as u64, limits.html_bytes_max as u64);
    if value > limit {
        return Err(ExtractError::TooLarge { what: "chapter".into(), value, limit });
    }
    let mut decoded = decode(&bytes, None)?;
    let page = without_inner_links(&clean(decoded.text, &mut decoded.warnings));
    let text = without_pictures(&markdown_of(&page, limits, &mut decoded.warnings)?);
    let label = label.filter(|label| !label.is_empty()).map(str::to_owned);
    let text = match &label {
        Some(label) if !text.trim().is_empty() => headed(&text, label),
        _ => text,
    };
    Ok(Chapter { text, title: label.or_else(|| title(&page)), warnings: decoded.warnings })
}

/// The text under a heading. Some books write their headings as paragraphs, and only the table of contents says what they
/// are.
fn headed(text: &str, label: &str) -> String {
    if text.lines().any(|line| line.starts_with('#')) {
        return text.to_owned();
    }
    let label = super::flow::one_line(label);
    let (first, rest) = text.trim_start().split_once('\n').unwrap_or((text.trim(), ""));
    let said = first.replace(['\\', '*'], "");
    let below = if said.trim() == label { rest.trim_start() } else { text };
    format!("# {label}\n\n{below}")
}

/// The page without the targets of links that lead to other places in the book: their words stay.
fn without_inner_links(page: &str) -> String {
    let mut out = String::with_capacity(page.len());
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("href=") {
        out.push_str(before);
        let target = after.trim_start_matches(['"', '\'']);
        let leads_out = ["http:", "https:", "mailto:"].iter().any(|scheme| target.starts_with(scheme));
        out.push_str(if leads_out { "href=" } else { "data-inner=" });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chapter_without_a_heading_gets_the_one_of_the_table_of_contents() {
        assert_eq!(headed("1\\. **밀물**\n\n바다", "1. 밀물"), "# 1. 밀물\n\n바다");
        assert_eq!(headed("바다", "밀물"), "# 밀물\n\n바다");
        assert_eq!(headed("words\n\n## 둘", "밀물"), "words\n\n## 둘");
    }

    #[test]
    fn links_inside_the_book_lose_their_targets() {
        let page = "<a href=\"ch2.xhtml#n1\">1</a> <a href='https://a.example'>out</a>";
        let expected = "<a data-inner=\"ch2.xhtml#n1\">1</a> <a href='https://a.example'>out</a>";
        assert_eq!(without_inner_links(page), expected);
    }
}
