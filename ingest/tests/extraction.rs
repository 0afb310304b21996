//! Extraction tests read PDFs of several writers and hold what is found against the truth beside them.
//!
//! Words without a letter or a digit do not count, because bullets and cell dividers belong to a layout; characters are
//! compared after NFKC. What the scores mean is said in `examples/bench_extract.rs`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ibid_ingest::{ChunkKind, Document, ExtractOptions, extract};
use unicode_normalization::UnicodeNormalization;

/// Scores below the general thresholds, and why.
const EXCEPTIONS: &[(&str, f64, f64, &str)] = &[
    (
        "chromium-ruled-ko",
        0.97,
        0.97,
        "one word of forty is divided at a line end, as Hangul is, and the line end is kept",
    ),
    (
        "weasyprint-ruled-ko",
        0.96,
        0.96,
        "two words of sixty are divided at line ends, as Hangul is, and the line ends are kept",
    ),
];

const TOKEN_F1_MIN: f64 = 0.985;
const ORDER_MIN: f64 = 0.98;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/extraction")
}

fn options() -> ExtractOptions {
    ExtractOptions { passwords: vec!["otter".into()], ..ExtractOptions::default() }
}

fn read(name: &str) -> Document {
    let bytes = std::fs::read(folder().join(format!("{name}.pdf"))).expect("the fixture is there");
    extract("a.pdf", &bytes, &options()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn truth(name: &str) -> String {
    std::fs::read_to_string(folder().join(format!("{name}.truth.txt"))).expect("the truth is there")
}

fn names() -> Vec<String> {
    let entries = std::fs::read_dir(folder()).expect("the folder is there");
    let files = entries.map(|entry| entry.expect("it can be listed").file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = files.filter_map(|file| Some(file.strip_suffix(".pdf")?.to_owned())).collect();
    names.sort();
    names
}

fn words(text: &str) -> Vec<String> {
    let text: String = text.nfkc().collect();
    text.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).map(str::to_owned).collect()
}

fn token_f1(found: &[String], wanted: &[String]) -> f64 {
    let mut left: BTreeMap<&String, usize> = BTreeMap::new();
    wanted.iter().for_each(|word| *left.entry(word).or_default() += 1);
    let shared = found.iter().filter(|word| match left.get_mut(word) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    });
    2.0 * shared.count() as f64 / (found.len() + wanted.len()) as f64
}

/// The Indel similarity by the table of the longest common subsequence: the files are small.
fn order(found: &[String], wanted: &[String]) -> f64 {
    let mut row = vec![0usize; wanted.len() + 1];
    for word in found {
        let mut diagonal = 0;
        for (column, other) in wanted.iter().enumerate() {
            let above = row[column + 1];
            row[column + 1] = if word == other { diagonal + 1 } else { above.max(row[column]) };
            diagonal = above;
        }
    }
    2.0 * row[wanted.len()] as f64 / (found.len() + wanted.len()) as f64
}

#[test]
fn every_file_says_what_its_truth_says() {
    let mut below = Vec::new();
    for name in names() {
        let (found, wanted) = (words(&read(&name).text), words(&truth(&name)));
        let exception = EXCEPTIONS.iter().find(|(file, ..)| *file == name);
        let (token_min, order_min) =
            exception.map_or((TOKEN_F1_MIN, ORDER_MIN), |(_, token, order, _)| (*token, *order));
        let scores = (token_f1(&found, &wanted), order(&found, &wanted));
        if scores.0 < token_min || scores.1 < order_min {
            below.push((name, scores));
        }
    }
    assert!(below.is_empty(), "below their thresholds: {below:?}");
}

/// The rows that a truth file writes with bars.
fn rows(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.contains(" | ")).collect()
}

#[test]
fn tables_come_out_row_by_row_and_nothing_else_does() {
    for name in names() {
        let document = read(&name);
        assert_eq!(rows(&document.text), rows(&truth(&name)), "{name}");
        let in_blocks: usize = document.blocks.iter().map(|block| rows(block.span.slice(&document.text)).len()).sum();
        assert_eq!(in_blocks, rows(&document.text).len(), "{name}");
    }
}

#[test]
fn a_table_names_its_header() {
    for name in names() {
        let document = read(&name);
        for block in &document.blocks {
            assert_eq!(block.kind, ChunkKind::Table);
            let header = block.header.expect("these tables have one");
            assert_eq!(header.start, block.span.start, "{name}");
            assert_eq!(Some(header.slice(&document.text)), rows(&truth(&name)).first().copied(), "{name}");
        }
    }
}

#[test]
fn line_boxes_are_in_order_within_their_pages() {
    for name in names() {
        let document = read(&name);
        let mut end = 0;
        for line in &document.boxes {
            let page = &document.pages[line.page as usize - 1];
            assert!(page.span.contains(line.span) && line.span.start >= end, "{name}: {:?}", line.span);
            let words = line.span.get(&document.text).expect("a span lies on character boundaries");
            assert!(!words.trim().is_empty() && !words.contains('\n'), "{name}: {words:?}");
            let [left, top, right, bottom] = line.rect;
            assert!(
                0.0 <= left && left < right && 0.0 <= top && top < bottom && bottom < 900.0,
                "{name}: {:?}",
                line.rect
            );
            end = line.span.end;
        }
        let boxed: usize = document.boxes.iter().map(|line| words(line.span.slice(&document.text)).len()).sum();
        assert!(boxed >= words(&document.text).len(), "{name}: every word stands in a box");
    }
}

#[test]
fn a_page_that_is_shown_turned_has_boxes_as_it_is_shown() {
    let document = read("reportlab-bold-crop-en");
    // The crop box is 380 by 260 points and turned by a quarter, so lines run down from its right side.
    let [left, top, right, bottom] = document.boxes[0].rect;
    assert!(bottom - top > 150.0 && right - left < 25.0, "{:?}", document.boxes[0].rect);
    assert!((200.0..250.0).contains(&right) && (15.0..25.0).contains(&top), "{:?}", document.boxes[0].rect);
}

#[test]
fn a_scanned_page_is_marked_and_counted() {
    let document = read("reportlab-scan-ko");
    let marks: Vec<_> = document.pages.iter().map(|page| (page.needs_ocr, page.images)).collect();
    assert_eq!(marks, [(false, 0), (true, 1), (false, 0)]);
}

#[test]
fn the_outline_gives_the_headings() {
    let document = read("reportlab-prose-en");
    let titles: Vec<_> = document.headings.iter().map(|heading| heading.span.slice(&document.text)).collect();
    assert_eq!(titles, ["1 The mill", "2 The work", "3 Repairs"]);
    assert_eq!(document.title.as_deref(), Some("The tide mill"));
}
