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

fn rendered(document: &Document) -> String {
    let mut out = String::new();
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
            "\n=== {}..{} {:?} pages {:?} tokens {} path {:?}\n{words}",
            chunk.span.start,
            chunk.span.end,
            chunk.kind,
            chunk.page_first.zip(chunk.page_last),
            Words.count(words),
            chunk.heading_path,
        ));
    }
    out
}

fn assert_golden(name: &str) {
    let found = rendered(&read(name).expect("the fixture extracts"));
    let path = fixtures("golden").join(format!("{name}.golden.txt"));
    if std::env::var_os("IBID_GOLDEN").is_some_and(|value| value == "write") {
        std::fs::write(&path, &found).expect("the golden file can be written");
    }
    let expected = std::fs::read_to_string(&path).expect("the golden file is there");
    assert_eq!(found, expected, "{name} differs from its golden file");
}

#[test]
fn english_markdown_is_golden() {
    assert_golden("otters-en.md");
}

#[test]
fn korean_markdown_is_golden() {
    assert_golden("hangang-ko.md");
}

#[test]
fn korean_text_in_cp949_is_golden() {
    assert_golden("dulle-cp949.txt");
}

#[test]
fn english_html_is_golden() {
    assert_golden("ferry-en.html");
}

#[test]
fn korean_html_in_euc_kr_is_golden() {
    assert_golden("library-ko.html");
}

#[test]
fn rust_source_is_golden() {
    assert_golden("bucket.rs");
}

#[test]
fn english_pdf_is_golden() {
    assert_golden("harbour-en.pdf");
}

#[test]
fn korean_pdf_without_embedded_font_is_golden() {
    assert_golden("pool-ko.pdf");
}

#[test]
fn a_pdf_with_a_password_is_refused() {
    let error = read("locked-en.pdf").expect_err("nobody gave the password");
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("encrypted", "document is encrypted: pdf needs a password")
    );
}

#[test]
fn a_document_survives_the_process_boundary() {
    for name in ["otters-en.md", "pool-ko.pdf", "library-ko.html"] {
        let document = read(name).expect("the fixture extracts");
        let json = serde_json::to_string(&document).expect("a document serialises");
        assert_eq!(serde_json::from_str::<Document>(&json).expect("and comes back"), document);
    }
}
