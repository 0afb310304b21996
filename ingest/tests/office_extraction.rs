//! Office documents of our own give their words back: none is lost, none is made up, and damage never ends the process.

mod support;

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use ibid_ingest::{ChunkOptions, Document, ExtractError, ExtractOptions, Position, Warning, chunk, extract, location};
use support::{Words, assert_sound};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

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

fn read(name: &str, bytes: &[u8]) -> Result<Document, ExtractError> {
    extract(name, bytes, &ExtractOptions::default())
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixtures("documents").join(name)).expect("the fixture can be read")
}

/// A zip file of some entries.
fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        let options = if *name == "mimetype" { stored } else { SimpleFileOptions::default() };
        writer.start_file(*name, options).expect("an entry can be begun");
        writer.write_all(bytes).expect("and written");
    }
    writer.finish().expect("and ended").into_inner()
}

/// The entries of a zip file.
fn entries(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).expect("it is a zip file");
    let mut found = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).expect("an entry can be opened");
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("and read");
        found.push((entry.name().expect("it has a name").into_owned(), content));
    }
    found
}

/// The same zip file with more entries.
fn with_entries(bytes: &[u8], more: &[(&str, &[u8])]) -> Vec<u8> {
    let own = entries(bytes);
    let all: Vec<(&str, &[u8])> = own.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
    zipped(&[&all, more].concat())
}

fn opendocument(kind: &str, content: &str) -> Vec<u8> {
    let mimetype = format!("application/vnd.oasis.opendocument.{kind}");
    zipped(&[("mimetype", mimetype.as_bytes()), ("content.xml", content.as_bytes())])
}

#[test]
fn a_document_inside_another_one_is_its_child() {
    let workbook = fixture("budget-ko.xlsx");
    let outer = with_entries(
        &fixture("minutes-ko.docx"),
        &[("word/embeddings/budget.xlsx", workbook.as_slice()), ("word/embeddings/oleObject1.bin", b"\xD0\xCF")],
    );
    let document = read("minutes.docx", &outer).expect("it is read");
    let [child] = document.children.as_slice() else { panic!("there is one child") };
    assert_eq!(child.path, "embeddings/budget.xlsx");
    assert!(child.outcome.as_ref().expect("it is read").text.contains("전기료"));
    assert!(document.warnings.contains(&Warning::NotRead { what: "embedded objects".into(), count: 1 }));
}

#[test]
fn a_row_is_found_by_its_cells_and_knows_its_header() {
    let document = read("budget.xlsx", &fixture("budget-ko.xlsx")).expect("it is read");
    let row = document.places.iter().find(|place| place.span.slice(&document.text).contains("책 구입"));
    let row = row.expect("the row has a place");
    assert_eq!(location(&document.places, row.span).as_deref(), Some("예산!A3:F3"));
    let table = document.blocks.iter().find(|block| block.span.contains(row.span)).expect("it lies in a table");
    let header = table.header.expect("which has a header").slice(&document.text);
    assert_eq!(header, "항목 | 담당 | 금액 | 집행률 | 마감 | 승인");
}

#[test]
fn what_a_speaker_says_is_told_from_what_a_slide_shows() {
    for name in ["ferry-deck-en.pptx", "lighthouse-en.odp"] {
        let document = read(name, &fixture(name)).expect("it is read");
        let notes =
            document.places.iter().filter(|place| matches!(place.position, Position::Slide { notes: true, .. }));
        assert_eq!(notes.count(), 2, "{name}");
    }
}

#[test]
fn locked_documents_say_so() {
    let manifest: &[u8] = b"<manifest:file-entry><manifest:encryption-data/></manifest:file-entry>";
    let key: &[u8] = b"<EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#aes128-cbc\"/>";
    let font: &[u8] = b"<EncryptionMethod Algorithm=\"http://www.idpf.org/2008/embedding\"/>";
    let locked = |file: &str, entry: (&str, &[u8])| {
        let own = entries(&fixture(file));
        let others = own.iter().filter(|(own_name, _)| own_name != entry.0);
        let kept: Vec<(&str, &[u8])> = others.map(|(name, content)| (name.as_str(), content.as_slice())).collect();
        read(file, &zipped(&[&kept, &[entry][..]].concat())).map_or_else(|error| error.code(), |_| "ok")
    };
    assert_eq!(locked("herbs-en.odt", ("META-INF/manifest.xml", manifest)), "encrypted");
    assert_eq!(locked("stock-ko.ods", ("META-INF/manifest.xml", manifest)), "encrypted");
    assert_eq!(locked("village-ko.hwpx", ("META-INF/manifest.xml", manifest)), "encrypted");
    assert_eq!(locked("tides-ko.epub", ("META-INF/encryption.xml", key)), "encrypted");
    assert_eq!(locked("tides-ko.epub", ("META-INF/encryption.xml", font)), "ok");
}

#[test]
fn repeated_cells_and_rows_are_not_made() {
    let cell = "<table:table-cell table:number-columns-repeated=\"16384\"><text:p>x</text:p></table:table-cell>";
    let row = format!("<table:table-row table:number-rows-repeated=\"1048576\">{cell}</table:table-row>");
    let sheet = format!("<office:body><table:table table:name=\"S\">{}</table:table></office:body>", row.repeat(20));
    let document = read("bomb.ods", &opendocument("spreadsheet", &sheet)).expect("it is read");
    assert!(document.text.len() < 2_000_000, "{} bytes", document.text.len());
    assert!(document.warnings.iter().any(|warning| matches!(warning, Warning::TableCut { .. })));
}

#[test]
fn deep_and_unclosed_elements_cost_no_stack() {
    let deep = ["text:list", "text:list-item", "text:p", "table:table", "table:table-cell", "draw:frame", "text:note"];
    for element in deep {
        let open = format!("<{element}>").repeat(50_000);
        let content = format!("<office:body>{open}<text:p>words</text:p>");
        let document = read("deep.odt", &opendocument("text", &content)).expect("it is read");
        assert!(document.text.contains("words"), "{element}");
    }
}

#[test]
fn deep_tables_of_the_hangul_word_processor_cost_no_stack() {
    let nested = "<hp:p><hp:run><hp:tbl><hp:tr><hp:tc>".repeat(20_000);
    let section = format!("<hs:sec>{nested}<hp:p><hp:run><hp:t>words</hp:t>");
    let package = zipped(&[
        ("mimetype", b"application/hwp+zip"),
        ("Contents/content.hpf", b"<opf:package/>"),
        ("Contents/section0.xml", section.as_bytes()),
    ]);
    let document = read("deep.hwpx", &package).expect("it is read");
    assert!(document.text.contains("words"));
}
