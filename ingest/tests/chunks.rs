//! Chunk tests state what goes together and what does not.

mod support;

use ibid_ingest::{
    Block, Chunk, ChunkKind, ChunkOptions, Document, ExtractOptions, MediaType, Place, Position, Span, TokenCounter,
    chunk, extract,
};
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

/// A Markdown table of `rows` rows below a heading and a sentence.
fn table(rows: usize) -> String {
    let row = |number: usize| format!("| 항목 {number} | {number} apples and pears |\n");
    format!("## Stock\n\nWhat is left:\n\n| Item | Left |\n| --- | --- |\n{}", (1..=rows).map(row).collect::<String>())
}

fn tokens_with_header(document: &Document, chunk: &Chunk) -> usize {
    let header = chunk.header.map_or(0, |header| Words.count(header.slice(&document.text)));
    header + Words.count(chunk.span.slice(&document.text))
}

#[test]
fn a_table_that_fits_is_not_cut() {
    let text = format!("{}\n\n{}\nafter it\n", "before ".repeat(90), table(4));
    let (document, chunks) = chunked("a.md", text.as_bytes(), 80);
    let whole = table(4);
    let whole = whole.split_once("left:\n\n").expect("it has an introduction").1.trim();
    assert!(words(&document, &chunks).iter().any(|words| words.contains(whole)));
    assert!(chunks.iter().all(|chunk| chunk.header.is_none()));
}

#[test]
fn every_later_part_of_a_table_has_its_header() {
    let (document, chunks) = chunked("a.md", table(60).as_bytes(), 64);
    assert!(chunks.len() > 5 && words(&document, &chunks)[0].starts_with("## Stock"));
    for chunk in &chunks[1..] {
        let header = chunk.header.expect("a later part has the header").slice(&document.text);
        assert_eq!(header, "| Item | Left |\n| --- | --- |");
        let part = chunk.span.slice(&document.text);
        assert!(part.starts_with("| 항목") && part.ends_with('|'), "rows are whole in {part:?}");
        assert!(tokens_with_header(&document, chunk) <= 64, "{} tokens", tokens_with_header(&document, chunk));
        assert_eq!((chunk.kind, &chunk.heading_path[..]), (ChunkKind::Table, &["Stock".to_owned()][..]));
    }
}

#[test]
fn the_names_of_columns_never_stand_without_a_row() {
    for tokens_max in 40..90 {
        let (document, chunks) = chunked("a.md", table(30).as_bytes(), tokens_max);
        let header = words(&document, &chunks).into_iter().find(|words| words.contains("| --- |"));
        assert!(header.is_some_and(|words| words.contains("| 항목 1 |")), "window of {tokens_max}: {header:?}");
    }
}

#[test]
fn text_below_a_table_joins_its_last_part() {
    let (document, chunks) = chunked("a.md", format!("{}\nSo it stands.\n", table(12)).as_bytes(), 64);
    let last = chunks.last().expect("there are chunks");
    assert!(last.span.slice(&document.text).ends_with("So it stands."));
    assert!(last.header.is_some() && tokens_with_header(&document, last) <= 64);
}

#[test]
fn a_header_that_would_fill_the_window_is_left_out() {
    let columns = "| a long name of a column ".repeat(12);
    let text = format!("{columns}|\n{}|\n{}", "| --- ".repeat(12), format!("{}|\n", "| 1 ".repeat(12)).repeat(20));
    let (_, chunks) = chunked("a.md", text.as_bytes(), 64);
    assert!(chunks.len() > 3 && chunks.iter().all(|chunk| chunk.header.is_none()));
}

/// A document whose reader says where its table lies and which row each line is.
fn marked(rows: usize, with_header: bool) -> Document {
    let mut text = "Sheet one\n\nname,count\n".to_owned();
    let start = text.find("name").expect("the header is there");
    let header = Span::new(start, text.trim_end().len());
    let row_place = |span, number| Place { span, position: Position::Row { number } };
    let mut places = vec![row_place(header, 1)];
    for number in 2..rows + 2 {
        let line = format!("row {number},{}", number * 10);
        places
            .push(row_place(Span::new(text.len(), text.len() + line.len()), u32::try_from(number).expect("few rows")));
        text.push_str(&line);
        text.push('\n');
    }
    let span = Span::new(start, text.trim_end().len());
    text.push_str("\nRemarks below the table.\n");
    let mut document = Document::of_text(MediaType::Csv, text, Vec::new());
    document.blocks = vec![Block { span, kind: ChunkKind::Table, header: with_header.then_some(header) }];
    document.places = places;
    document
}

#[test]
fn a_table_that_its_reader_marked_is_cut_between_rows_and_names_them() {
    let document = marked(80, true);
    let chunks = chunk(&document, &ChunkOptions { tokens_max: 40, overlap_tokens: 0 }, &Words);
    assert_sound(&document, &chunks);
    let parts: Vec<_> = chunks.iter().filter(|chunk| chunk.header.is_some()).collect();
    assert!(parts.len() > 5);
    for part in &parts {
        assert_eq!(part.header.map(|header| header.slice(&document.text)), Some("name,count"));
        assert!(part.span.slice(&document.text).starts_with("row "));
        assert!(part.location.as_deref().is_some_and(|location| location.starts_with("row")));
        assert!(tokens_with_header(&document, part) <= 40);
    }
    let plain = marked(80, false);
    let headless = chunk(&plain, &ChunkOptions { tokens_max: 40, overlap_tokens: 0 }, &Words);
    assert!(headless.iter().all(|chunk| chunk.header.is_none()));
}

#[test]
fn a_marked_table_that_fits_is_whole_whatever_stands_around_it() {
    for rows in 1..12 {
        let document = marked(rows, true);
        let table = document.blocks[0].span;
        let window = Words.count(table.slice(&document.text));
        for tokens_max in window..window + 12 {
            let chunks = chunk(&document, &ChunkOptions { tokens_max, overlap_tokens: 0 }, &Words);
            assert_sound(&document, &chunks);
            assert!(chunks.iter().any(|chunk| chunk.span.contains(table)), "{rows} rows in {tokens_max} tokens");
        }
    }
}

#[test]
fn overlap_never_repeats_rows_beside_a_header() {
    let document = marked(80, true);
    let chunks = chunk(&document, &ChunkOptions { tokens_max: 40, overlap_tokens: 10 }, &Words);
    for pair in chunks.windows(2).filter(|pair| pair[1].header.is_some()) {
        assert!(pair[0].span.end <= pair[1].span.start);
    }
}

#[test]
fn a_function_is_a_chunk_under_its_path() {
    let body =
        |name: &str| format!("    /// Says {name}.\n    fn {name}(&self) {{\n{}    }}\n", "        go();\n".repeat(12));
    let code = format!("use a::b;\n\nimpl Bucket {{\n{}\n{}}}\n", body("fill"), body("drain"));
    let (document, chunks) = chunked("a.rs", code.as_bytes(), 90);
    let drain = chunks.iter().find(|chunk| chunk.span.slice(&document.text).contains("fn drain")).expect("it is there");
    assert!(drain.span.slice(&document.text).starts_with("/// Says drain."));
    assert_eq!(
        (drain.kind, &drain.heading_path[..]),
        (ChunkKind::Code, &["impl Bucket".to_owned(), "fn drain".to_owned()][..])
    );
}

#[test]
fn a_long_function_is_cut_between_statements() {
    let step = "    if ready() {\n        go(1);\n        stop(2);\n    }\n";
    let code = format!("fn run() {{\n{}}}\n", step.repeat(30));
    let (document, chunks) = chunked("a.rs", code.as_bytes(), 80);
    assert!(chunks.len() > 4);
    for chunk in &chunks[1..] {
        assert!(chunk.span.slice(&document.text).starts_with("if ready"), "{:?}", chunk.span.slice(&document.text));
        assert_eq!(chunk.heading_path, ["fn run"]);
    }
}

#[test]
fn a_symbol_that_begins_inside_a_cluster_splits_none() {
    // U+0600 and the sign behind it are one cluster, which the grammar does not know.
    let (document, chunks) = chunked("a.rs", "fn a() { A\n    } \u{600}123\n# note\n".as_bytes(), 3);
    assert!(words(&document, &chunks).iter().all(|words| !words.ends_with('\u{600}')));
}
