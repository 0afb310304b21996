//! Office documents of our own give their words back: none is lost, none is made up, and damage never ends the process.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ibid_ingest::{ChunkOptions, ExtractOptions, chunk, extract};
use support::{Words, assert_sound};

const EXTENSIONS: [&str; 11] = ["docx", "pptx", "xlsx", "odt", "odp", "ods", "rtf", "hwpx", "epub", "xls", "hwp"];

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(folder)
}

/// The office documents of a folder, with their names.
fn documents(folder: &str) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(fixtures(folder)).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    let is_office =
        |path: &PathBuf| path.extension().is_some_and(|found| EXTENSIONS.iter().any(|known| found == *known));
    let mut found: Vec<(String, Vec<u8>)> = paths
        .filter(is_office)
        .map(|path| {
            let bytes = std::fs::read(&path).expect("the fixture can be read");
            (path.file_name().expect("it is a file").to_string_lossy().into_owned(), bytes)
        })
        .collect();
    found.sort();
    found
}

/// How often each run of letters and digits occurs.
fn counted(text: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        *counts.entry(word.to_owned()).or_default() += 1;
    }
    counts
}

/// The share of the words in `wanted` that are in `found`, each as often as it occurs.
fn share(wanted: &BTreeMap<String, usize>, found: &BTreeMap<String, usize>) -> f64 {
    let all: usize = wanted.values().sum();
    let there: usize = wanted.iter().map(|(word, count)| found.get(word).map_or(0, |other| *count.min(other))).sum();
    there as f64 / all as f64
}

#[test]
fn every_word_of_a_document_comes_back() {
    let documents = documents("extraction");
    assert!(documents.len() >= 8, "there is a document of each format");
    for (name, bytes) in documents {
        let truth = fixtures("extraction").join(format!("{name}.truth.txt"));
        let truth = counted(&std::fs::read_to_string(&truth).expect("each document has its words beside it"));
        let document = extract(&name, &bytes, &ExtractOptions::default()).expect("it is read");
        let found = counted(&document.text);
        let (recall, precision) = (share(&truth, &found), share(&found, &truth));
        println!("{name}: recall {recall:.3}, precision {precision:.3}");
        assert!(recall >= 0.99, "{name} lost words: recall {recall:.3} of {truth:?}\n{}", document.text);
        // Marks of notes, numbers of items and the targets of links are no words of the document.
        assert!(precision >= 0.92, "{name} made words up: precision {precision:.3}\n{}", document.text);
    }
}

#[test]
fn damage_is_an_error_or_a_partial_document() {
    let mut state = 0x9E37_79B9_u32;
    let mut next = move |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below.max(1)
    };
    let rounds = std::env::var("IBID_DAMAGE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(12);
    for (name, bytes) in documents("documents") {
        for _ in 0..rounds {
            let mut damaged = bytes.clone();
            if next(3) == 0 {
                damaged.truncate(next(bytes.len()));
            }
            for _ in 0..next(8) {
                let at = next(damaged.len());
                if let Some(byte) = damaged.get_mut(at) {
                    *byte = next(256) as u8;
                }
            }
            let Ok(document) = extract(&name, &damaged, &ExtractOptions::default()) else { continue };
            assert_sound(&document, &chunk(&document, &ChunkOptions::default(), &Words));
        }
    }
}
