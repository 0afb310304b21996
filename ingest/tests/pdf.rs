//! PDF tests write small files by hand: what is a table and what is not, passwords, and pages that are left out.

mod support;

use std::cell::RefCell;
use std::collections::BTreeSet;

use ibid_ingest::{
    ChunkOptions, Document, ExtractError, ExtractOptions, Observer, PdfBackend, Warning, chunk, extract,
    extract_observed,
};
use support::{Words, lines, pdf_of_contents};

fn read(contents: &[&str]) -> Document {
    extract("a.pdf", &pdf_of_contents(contents), &ExtractOptions::default()).expect("the file extracts")
}

/// Draws words of 10 points at places.
fn drawn(words: &[(f64, f64, &str)]) -> String {
    let shown = words.iter().map(|(x, y, words)| format!("1 0 0 1 {x} {y} Tm ({words}) Tj "));
    format!("BT /F 10 Tf {}ET", shown.collect::<String>())
}

/// Draws rows of words, 14 points apart, whose columns begin at `xs`.
fn rows(xs: &[f64], rows: &[&[&str]]) -> String {
    let placed = rows.iter().enumerate().flat_map(|(number, row)| {
        let y = 700.0 - 14.0 * number as f64;
        xs.iter().zip(*row).filter(|(_, words)| !words.is_empty()).map(move |(x, words)| (*x, y, *words))
    });
    drawn(&placed.collect::<Vec<_>>())
}

fn tables(contents: &[&str]) -> usize {
    read(contents).blocks.len()
}

#[test]
fn aligned_columns_are_a_table() {
    let page =
        rows(&[72.0, 200.0, 300.0], &[&["Boat", "Length", "Berth"], &["Heron", "12 m", "A4"], &["Otter", "", "B1"]]);
    let document = read(&[&page]);
    assert_eq!(document.text, "Boat | Length | Berth\nHeron | 12 m | A4\nOtter | | B1");
    assert_eq!(document.blocks[0].header.map(|header| header.slice(&document.text)), Some("Boat | Length | Berth"));
    assert_eq!(document.boxes.len(), 8);
}

#[test]
fn two_rows_are_no_table() {
    assert_eq!(tables(&[&rows(&[72.0, 200.0], &[&["Boat", "Berth"], &["Heron", "A4"]])]), 0);
}

#[test]
fn contents_lists_and_numbered_lines_are_no_tables() {
    let contents: &[&[&str]] = &[&["The harbour", "3"], &["The mole", "7"], &["Fees", "12"], &["Fuel", "12"]];
    assert_eq!(tables(&[&rows(&[72.0, 400.0], contents)]), 0);
    let numbered: &[&[&str]] = &[&["1.1", "Harbour", "3"], &["1.2", "Mole", "7"], &["1.3", "Fees", "12"]];
    assert_eq!(tables(&[&rows(&[72.0, 110.0, 400.0], numbered)]), 0);
    let list: &[&[&str]] = &[&["a.", "slow down"], &["b.", "call the master"], &["c.", "moor"]];
    assert_eq!(tables(&[&rows(&[72.0, 100.0], list)]), 0);
    let headings: &[&[&str]] = &[&["3.3", "Berths"], &["3.3.1", "Length"], &["3.3.1.1", "Depth"]];
    assert_eq!(tables(&[&rows(&[72.0, 120.0], headings)]), 0);
}

#[test]
fn two_columns_of_prose_are_no_table_however_they_are_drawn() {
    let page: &[&[&str]] = &[
        &["The boats of the village lie", "The ferry leaves when the"],
        &["on the beach in the winter,", "tide is high enough, and it"],
        &["and are painted every March", "waits for nobody who is late"],
        &["before the season begins.", "or who has lost the ticket."],
    ];
    assert_eq!(tables(&[&rows(&[72.0, 320.0], page)]), 0);
}

#[test]
fn a_listing_is_no_table() {
    let page: &[&[&str]] = &[&["total", "= 0"], &["name", "= wheel"], &["limit", "= five"], &["query", "= jump"]];
    let listing = rows(&[72.0, 160.0], page);
    let file = String::from_utf8(pdf_of_contents(&[&listing])).expect("it is ascii").replace("Helvetica", "Courier  ");
    let document = extract("a.pdf", file.as_bytes(), &ExtractOptions::default()).expect("the file extracts");
    assert!(document.blocks.is_empty(), "{}", document.text);
    assert_eq!(tables(&[&listing]), 1, "the same in letters of different widths is one");
}

#[test]
fn lines_make_a_table_of_cells_that_stand_close_and_join_what_they_do_not_divide() {
    let lines = "72 720 m 200 720 l S 72 700 m 200 700 l S 72 680 m 200 680 l S 72 660 m 200 660 l S \
                 72 660 m 72 720 l S 200 660 m 200 720 l S 130 660 m 130 700 l S ";
    let words = drawn(&[
        (75.0, 705.0, "Fees of both harbours"),
        (75.0, 690.0, "North of"),
        (75.0, 682.0, "the mole"),
        (133.0, 686.0, "12 euros"),
        (75.0, 666.0, "South"),
        (133.0, 666.0, "9 euros"),
    ]);
    let document = read(&[&format!("{lines}{words}")]);
    assert_eq!(document.text, "Fees of both harbours\nNorth of the mole | 12 euros\nSouth | 9 euros");
    assert_eq!(document.blocks.len(), 1);
}

#[test]
fn rows_that_no_line_divides_are_rows() {
    let lines = "72 720 m 300 720 l S 72 700 m 300 700 l S 72 640 m 300 640 l S \
                 72 640 m 72 720 l S 180 640 m 180 720 l S 300 640 m 300 720 l S ";
    let column = |x: f64, words: [&'static str; 4]| {
        [(706.0, 0), (688.0, 1), (674.0, 2), (660.0, 3)].map(|(y, at)| (x, y, words[at]))
    };
    let words =
        [column(75.0, ["Boat", "Heron", "Otter", "Swift"]), column(183.0, ["Metres", "12.5", "9", "31"])].concat();
    let document = read(&[&format!("{lines}{}", drawn(&words))]);
    assert_eq!(document.text, "Boat | Metres\nHeron | 12.5\nOtter | 9\nSwift | 31");
}

#[test]
fn texts_of_several_lines_beside_each_other_are_one_row() {
    let lines = "72 720 m 300 720 l S 72 660 m 300 660 l S 72 640 m 300 640 l S \
                 72 640 m 72 720 l S 180 640 m 180 720 l S 300 640 m 300 720 l S ";
    let words = drawn(&[
        (75.0, 708.0, "The mole of the"),
        (75.0, 694.0, "harbour in the"),
        (75.0, 680.0, "north is closed"),
        (183.0, 708.0, "because the waves"),
        (183.0, 694.0, "of the storm took"),
        (183.0, 680.0, "much of it away."),
        (75.0, 646.0, "Fuel"),
        (183.0, 646.0, "open"),
    ]);
    let row = "The mole of the harbour in the north is closed | because the waves of the storm took much of it away.";
    assert_eq!(read(&[&format!("{lines}{words}")]).text, format!("{row}\nFuel | open"));
}

#[test]
fn a_title_between_rows_and_a_header_wider_than_its_columns_belong_to_the_table() {
    let page = drawn(&[
        (72.0, 728.0, "Boats of the harbour"),
        (190.0, 728.0, "Length"),
        (72.0, 714.0, "Ferries"),
        (72.0, 700.0, "Heron"),
        (200.0, 700.0, "12"),
        (72.0, 686.0, "Otter"),
        (200.0, 686.0, "14"),
        (72.0, 672.0, "Trawlers"),
        (72.0, 658.0, "Swift"),
        (200.0, 658.0, "9"),
        (72.0, 644.0, "Tern"),
        (200.0, 644.0, "8"),
    ]);
    let document = read(&[&page]);
    assert_eq!(
        document.text,
        "Boats of the harbour | Length\nFerries\nHeron | 12\nOtter | 14\nTrawlers\nSwift | 9\nTern | 8"
    );
    assert_eq!(document.blocks.len(), 1);
}

#[test]
fn a_table_that_runs_up_the_page_is_read_along_its_lines() {
    let rows = [["Boat", "Length"], ["Heron", "12 m"], ["Otter", "9 m"], ["Swift", "31 m"]];
    let cell = |row: usize, column: usize| {
        format!("0 1 -1 0 {} {} Tm ({}) Tj ", 100 + 14 * row, 100 + 120 * column, rows[row][column])
    };
    let cells: String = (0..4).flat_map(|row| [cell(row, 0), cell(row, 1)]).collect();
    let document = read(&[&format!("BT /F 10 Tf {cells}ET")]);
    assert_eq!(document.text, "Boat | Length\nHeron | 12 m\nOtter | 9 m\nSwift | 31 m");
    let [left, top, right, bottom] = document.boxes[0].rect;
    assert!(right - left < 15.0 && (88.0..92.0).contains(&left), "{:?}", document.boxes[0].rect);
    assert!(bottom == 692.0 && (660.0..675.0).contains(&top), "{:?}", document.boxes[0].rect);
}

#[test]
fn numbers_in_letters_of_one_width_are_a_table() {
    let page: &[&[&str]] = &[&["north quay", "12", "1.5"], &["south quay", "9", "2.5"], &["mole head", "7", "0.5"]];
    let file = String::from_utf8(pdf_of_contents(&[&rows(&[72.0, 200.0, 300.0], page)])).expect("it is ascii");
    let file = file.replace("Helvetica", "Courier  ");
    let document = extract("a.pdf", file.as_bytes(), &ExtractOptions::default()).expect("the file extracts");
    assert_eq!(document.blocks.len(), 1, "{}", document.text);
}

#[test]
fn a_frame_around_words_is_no_table() {
    let words = drawn(&[(80.0, 700.0, "A note in"), (80.0, 686.0, "a frame")]);
    assert_eq!(tables(&[&format!("72 660 200 60 re S {words}")]), 0);
}

#[test]
fn every_chunk_of_a_table_over_two_pages_has_its_header() {
    let names: Vec<String> = (10..40).map(|number| format!("boat {number}")).collect();
    let head = ["Name", "length in metres", "berth"];
    let body: Vec<[&str; 3]> = names.iter().map(|name| [name.as_str(), "12", "A4"]).collect();
    let first: Vec<&[&str]> = std::iter::once(&head[..]).chain(body[..20].iter().map(|row| &row[..])).collect();
    let second: Vec<&[&str]> = body[20..].iter().map(|row| &row[..]).collect();
    let xs = [72.0, 200.0, 400.0];
    let document = read(&[&rows(&xs, &first), &rows(&xs, &second)]);
    assert_eq!(document.blocks.len(), 1, "{}", document.text);
    let chunks = chunk(&document, &ChunkOptions { tokens_max: 64, overlap_tokens: 0 }, &Words);
    assert!(chunks.len() > 2);
    let headers = chunks[1..].iter().map(|chunk| chunk.header.map(|header| header.slice(&document.text)));
    assert!(
        headers.clone().all(|header| header == Some("Name | length in metres | berth")),
        "{:?}",
        headers.collect::<Vec<_>>()
    );
}

#[test]
fn a_sentence_goes_on_in_the_next_column() {
    let page = drawn(&[
        (72.0, 700.0, "The mole was built in the year in"),
        (72.0, 686.0, "which the old ferry, after many storms, was"),
        (320.0, 700.0, "sold to the island. It sank."),
        (320.0, 686.0, "Nobody was hurt."),
    ]);
    let text = read(&[&page]).text;
    assert!(text.contains("storms, was\nsold to the island."), "{text}");
}

fn locked(passwords: &[&str], pdf_backend: PdfBackend) -> Result<Document, ExtractError> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/documents/locked-en.pdf");
    let bytes = std::fs::read(path).expect("the fixture is there");
    let passwords = passwords.iter().map(|password| (*password).to_owned()).collect();
    extract("locked.pdf", &bytes, &ExtractOptions { passwords, pdf_backend, ..ExtractOptions::default() })
}

#[test]
fn a_locked_file_opens_with_one_of_the_passwords() {
    for backend in [PdfBackend::Hayro, PdfBackend::PdfExtract] {
        assert!(!locked(&["badger", "otter"], backend).expect("one of them fits").text.is_empty());
        for wrong in [&[][..], &["badger"]] {
            assert_eq!(locked(wrong, backend), Err(ExtractError::Encrypted { format: "pdf".into() }));
        }
    }
}

/// Keeps what it hears.
#[derive(Default)]
struct Heard(RefCell<Vec<String>>);

impl Observer for Heard {
    fn begins(&self, part: &str) {
        self.0.borrow_mut().push(part.to_owned());
    }
}

#[test]
fn a_page_that_ended_the_process_before_is_left_out() {
    let file = pdf_of_contents(&[&lines(&["first"]), &lines(&["second"]), &lines(&["third"])]);
    for pdf_backend in [PdfBackend::Hayro, PdfBackend::PdfExtract] {
        let skip = BTreeSet::from(["page 2".to_owned()]);
        let heard = Heard::default();
        let options = ExtractOptions { skip, pdf_backend, ..ExtractOptions::default() };
        let document = extract_observed("a.pdf", &file, &options, &heard).expect("two pages are left");
        assert_eq!(document.text, "first\n\nthird");
        assert_eq!(document.pages.len(), 3);
        assert_eq!(document.warnings, [Warning::Quarantined { part: "page 2".into() }]);
        assert_eq!(*heard.0.borrow(), ["page 1", "page 3"]);
    }
}

#[test]
fn a_file_of_pages_that_ended_the_process_is_quarantined() {
    let skip = BTreeSet::from(["page 1".to_owned()]);
    let file = pdf_of_contents(&[&lines(&["first"])]);
    let outcome = extract("a.pdf", &file, &ExtractOptions { skip, ..ExtractOptions::default() });
    assert_eq!(outcome, Err(ExtractError::Quarantined));
}

#[test]
fn a_page_with_damaged_content_keeps_what_was_read() {
    let page =
        format!("{} BT /F 12 Tf (unclosed [ << /Do 99 0 0 cm ) ] TJ \u{1}\u{2} q q Q /None Do", lines(&["kept words"]));
    assert!(read(&[&page, &lines(&["second page"])]).text.starts_with("kept words"));
}

#[test]
fn drawings_without_end_are_read_in_bounded_time() {
    let started = std::time::Instant::now();
    let column: String = (0..40_000).map(|number| format!("1 0 0 1 10 {} Tm (ab-) Tj ", 700 - 12 * number)).collect();
    let row: String = (0..40_000).map(|number| format!("1 0 0 1 {} 700 Tm (a) Tj ", 10 + 30 * number)).collect();
    let stack = "1 0 0 1 10 700 Tm (a) Tj ".repeat(40_000);
    let squares: String =
        (0..3_000).map(|number| format!("{number} 0 m {number} 700 l S 0 {number} m 600 {number} l S ")).collect();
    for words in [&column, &row, &stack] {
        read(&[&format!("BT /F 10 Tf {words} ET"), &format!("{squares} BT /F 1 Tf {words} ET")]);
    }
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}
