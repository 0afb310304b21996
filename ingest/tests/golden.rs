//! Golden tests hold the text, outline and chunks of our own documents against files that people can read.
//!
//! After a change that is meant to change them, run once with `IBID_GOLDEN=write` and read the difference.

mod support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ibid_ingest::{ChunkOptions, Document, ExtractError, ExtractOptions, TokenCounter, chunk, extract};
use support::{Words, assert_sound};

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(folder)
}

fn read(name: &str) -> Result<Document, ExtractError> {
    let bytes = std::fs::read(fixtures("documents").join(name)).expect("the fixture is there");
    extract(name, &bytes, &ExtractOptions::default())
}

fn rendered(outcome: &Result<Document, ExtractError>) -> String {
    let mut out = String::new();
    match outcome {
        Ok(document) => render(document, &mut out),
        Err(error) => writeln!(out, "error {}: {error}", error.code()).expect("a string takes what is written"),
    }
    out
}

fn render(document: &Document, out: &mut String) {
    let mut line = |words: String| writeln!(out, "{words}").expect("a string takes what is written");
    line(format!("media type: {}", document.media_type.as_mime()));
    line(format!("title: {}", document.title.as_deref().unwrap_or("-")));
    for (key, value) in &document.metadata {
        line(format!("metadata {key}: {value}"));
    }
    for page in &document.pages {
        line(format!("page {}: {}..{} needs_ocr {}", page.number, page.span.start, page.span.end, page.needs_ocr));
    }
    for heading in &document.headings {
        line(format!("heading {}: {}", heading.level, heading.title));
    }
    for warning in &document.warnings {
        line(format!("warning {}: {warning}", warning.code()));
    }
    let options = ChunkOptions { tokens_max: 64, overlap_tokens: 0 };
    let chunks = chunk(document, &options, &Words);
    assert_sound(document, &chunks);
    for chunk in &chunks {
        let words = chunk.span.slice(&document.text);
        line(format!(
            "\n=== {}..{} {:?} pages {:?} at {} tokens {} path {:?}{}\n{words}",
            chunk.span.start,
            chunk.span.end,
            chunk.kind,
            chunk.page_first.zip(chunk.page_last),
            chunk.location.as_deref().unwrap_or("-"),
            Words.count(words),
            chunk.heading_path,
            chunk.header.map(|header| format!("\nheader: {}", header.slice(&document.text))).unwrap_or_default(),
        ));
    }
    for child in &document.children {
        line(format!("\n##### {} ({} bytes)\n{}", child.path, child.bytes, rendered(&child.outcome)));
    }
}

#[test]
fn every_fixture_is_as_its_golden_file_says() {
    let writes = std::env::var_os("IBID_GOLDEN").is_some_and(|value| value == "write");
    let entries = std::fs::read_dir(fixtures("documents")).expect("the folder is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("it can be listed").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let mut different = Vec::new();
    for name in names {
        let found = rendered(&read(&name));
        let path = fixtures("golden").join(format!("{name}.golden.txt"));
        if writes {
            std::fs::write(&path, &found).expect("the golden file can be written");
        }
        if std::fs::read_to_string(&path).ok().as_ref() != Some(&found) {
            different.push(name);
        }
    }
    assert!(different.is_empty(), "these differ from their golden files: {different:?}");
}

#[test]
fn a_document_survives_the_process_boundary() {
    for name in ["otters-en.md", "pool-ko.pdf", "library-ko.html"] {
        let document = read(name).expect("the fixture extracts");
        let json = serde_json::to_string(&document).expect("a document serialises");
        assert_eq!(serde_json::from_str::<Document>(&json).expect("and comes back"), document);
    }
}
