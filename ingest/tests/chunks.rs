//! Chunk tests state what goes together and what does not.

mod support;

use ibid_ingest::{Chunk, ChunkKind, ChunkOptions, Document, ExtractOptions, chunk, extract};
use support::{Words, assert_sound, lines, pdf_of_contents};

fn chunked(name: &str, bytes: &[u8], tokens_max: usize) -> (Document, Vec<Chunk>) {
    let document = extract(name, bytes, &ExtractOptions::default()).expect("the document extracts");
    let chunks = chunk(&document, &ChunkOptions { tokens_max, overlap_tokens: 0 }, &Words);
    assert_sound(&document, &chunks);
    (document, chunks)
}

fn words<'a>(document: &'a Document, chunks: &[Chunk]) -> Vec<&'a str> {
    chunks.iter().map(|chunk| chunk.span.slice(&document.text)).collect()
}

#[test]
fn tiny_sections_of_one_parent_share_a_chunk_under_its_path() {
    let text = "# Questions\n\n## When?\n\nAt nine.\n\n## Where?\n\nAt home.\n\n## Why?\n\nWhy not.\n";
    let (_, chunks) = chunked("a.md", text.as_bytes(), 256);
    assert_eq!(chunks.len(), 1);
    assert_eq!(chunks[0].heading_path, ["Questions"]);
}

#[test]
fn a_heading_without_text_goes_with_the_section_below() {
    let body = "word ".repeat(30);
    let text = format!("# Part\n\n## Chapter\n\n{body}\n\n## Next\n\n{body}\n");
    let (document, chunks) = chunked("a.md", text.as_bytes(), 64);
    assert!(words(&document, &chunks)[0].starts_with("# Part\n\n## Chapter\n\nword"));
    assert_eq!(chunks[0].heading_path, ["Part", "Chapter"]);
    assert_eq!(chunks[1].heading_path, ["Part", "Next"]);
}

#[test]
fn a_heading_stays_with_text_that_fills_the_window() {
    let text = format!("## Heading\n\n{}", "One two three. ".repeat(21));
    let (document, chunks) = chunked("a.md", text.as_bytes(), 84);
    assert!(words(&document, &chunks)[0].starts_with("## Heading\n\nOne two"));
}

#[test]
fn a_code_block_that_fits_is_not_cut() {
    let code = format!("```\n{}```", "let x = 1;\n\n".repeat(8));
    let text = format!("{}\n\n{code}\n\n{}", "before ".repeat(40), "after ".repeat(40));
    let (document, chunks) = chunked("a.md", text.as_bytes(), 64);
    let at = words(&document, &chunks).iter().position(|words| words.contains(&code)).expect("the block is whole");
    assert_eq!(chunks[at].kind, ChunkKind::Code);
}

#[test]
fn kinds_say_what_most_of_a_chunk_is() {
    let (_, rows) = chunked("a.csv", b"name,count\nalpha,1\nbeta,2\n", 64);
    assert_eq!(rows[0].kind, ChunkKind::Table);
    let (_, items) = chunked("a.md", "See:\n\n- one thing\n- another thing\n- a third thing\n".as_bytes(), 64);
    assert_eq!(items[0].kind, ChunkKind::List);
}

#[test]
fn a_chunk_names_the_pages_that_it_touches() {
    let file = pdf_of_contents(&[&lines(&["the first page says this"]), &lines(&["the second page says that"])]);
    let (_, whole) = chunked("a.pdf", &file, 256);
    assert_eq!((whole[0].page_first, whole[0].page_last), (Some(1), Some(2)));
    let (_, halves) = chunked("a.pdf", &file, 8);
    assert_eq!((halves[0].page_first, halves[0].page_last), (Some(1), Some(1)));
    assert_eq!(halves.last().and_then(|chunk| chunk.page_first), Some(2));
}

#[test]
fn front_matter_is_in_the_text_and_in_no_chunk() {
    let (document, chunks) = chunked("a.md", b"---\ntitle: Otters\n---\nThey swim.\n", 64);
    assert_eq!(document.title.as_deref(), Some("Otters"));
    assert_eq!(words(&document, &chunks), ["They swim."]);
}

#[test]
fn spans_open_the_markdown_source_itself() {
    let source = "# 한강\n\n서울을 *흐르는* 강.\n";
    let (document, chunks) = chunked("a.md", source.as_bytes(), 64);
    assert_eq!(chunks[0].span.slice(source), document.text.trim());
}

#[test]
fn a_body_made_for_another_text_is_passed_over() {
    let mut document = extract("a.md", b"# T\n\nsome words", &ExtractOptions::default()).expect("it extracts");
    document.text = "짧다".to_owned();
    let chunks = chunk(&document, &ChunkOptions::default(), &Words);
    assert_eq!(words(&document, &chunks), ["짧다"]);
}
