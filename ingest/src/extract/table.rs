//! Tables in text files are read record by record.

use std::collections::HashSet;

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::clean::clean;
use super::decode::decode;
use super::source::Source;
use crate::{Block, ChunkKind, Document, ExtractError, MediaType, Place, Position, Span};

/// What divides the cells of a record, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// How much of a table is looked at to find its delimiter.
const SAMPLE_BYTES: usize = 32 << 10;

/// Records of the sample that are compared.
const SAMPLE_RECORDS: usize = 50;

/// Most lines of one record. A cell of more is a quote that nobody closed.
const RECORD_LINES_MAX: usize = 500;

/// Reads values that are separated by commas, tabs, semicolons or bars. The text stays as it is in the file.
pub(crate) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    let mut decoded = decode(source.bytes, None)?;
    let text = clean(decoded.text, &mut decoded.warnings);
    let mut document = Document::of_text(source.media_type, text, decoded.warnings);
    let (delimiter, start) = match directive(&document.text) {
        Some(said) => said,
        None => (delimiter(&document.text, source.media_type), 0),
    };
    let (records, named) = records(&document.text, start, delimiter);
    let (Some(first), Some(last)) = (records.first(), records.last()) else { return Ok(document) };
    let header = (named && records.len() > 1).then_some(*first);
    let span = Span::new(first.start, last.end);
    document.blocks.push(Block { span, kind: ChunkKind::Table, header });
    let place = |(number, record): (u32, &Span)| Place { span: *record, position: Position::Row { number } };
    document.places = (1..).zip(&records).map(place).collect();
    Ok(document)
}

/// How many bytes at the beginning of a table name its columns: its first record, and a line `sep=;` above it. 0 when nothing
/// does, or when `sample`, the beginning of the file, does not hold all of it.
pub fn table_head(media_type: MediaType, sample: &str) -> usize {
    let (delimiter, start) = directive(sample).unwrap_or_else(|| (delimiter(sample, media_type), 0));
    let mut reader = reader(&sample.as_bytes()[start..], delimiter, true);
    let mut record = ByteRecord::new();
    let found = reader.read_byte_record(&mut record).is_ok_and(|more| more);
    let read = start + reader.position().byte() as usize;
    // The parser stands between the two signs of a line end as some programs write it.
    let end = read + usize::from(sample[read..].starts_with('\n'));
    let is_whole = end < sample.len() && sample[..end].ends_with('\n');
    if found && is_whole && names_columns(&record) { end } else { 0 }
}

/// What a first line `sep=;` says, as spreadsheets write it, and where the table begins below it.
fn directive(text: &str) -> Option<(u8, usize)> {
    let (line, _) = text.split_once('\n')?;
    match line.trim_matches('"').as_bytes() {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter] => Some((*delimiter, line.len() + 1)),
        _ => None,
    }
}

/// The delimiter that divides most records of the sample into the same number of cells.
fn delimiter(text: &str, media_type: MediaType) -> u8 {
    let usual = if media_type == MediaType::Tsv { b'\t' } else { b',' };
    let sample = &text[..text.floor_char_boundary(SAMPLE_BYTES)];
    // The last record of a sample is cut, unless it is all there is.
    let whole = if sample.len() < text.len() { sample.rfind('\n').unwrap_or(sample.len()) } else { sample.len() };
    let scored = DELIMITERS.iter().map(|delimiter| (score(&sample[..whole], *delimiter), *delimiter));
    let usual_score = score(&sample[..whole], usual);
    // Of equal scores the usual one wins, then the likelier one.
    let best = scored.rev().max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(score, _)| *score > usual_score).map_or(usual, |(_, delimiter)| delimiter)
}

/// How well a delimiter fits: the share of records that have the commonest number of cells, and a little for more cells. Zero
/// when it divides nothing.
fn score(sample: &str, delimiter: u8) -> f64 {
    let mut counts: Vec<usize> = Vec::new();
    let mut reader = reader(sample.as_bytes(), delimiter, true);
    let mut record = ByteRecord::new();
    while counts.len() < SAMPLE_RECORDS && reader.read_byte_record(&mut record).is_ok_and(|more| more) {
        counts.push(record.len());
    }
    let alike = |cells: usize| counts.iter().filter(|count| **count == cells).count();
    let best = counts.iter().copied().filter(|cells| *cells > 1).max_by_key(|cells| alike(*cells));
    best.map_or(0.0, |cells| alike(cells) as f64 / counts.len() as f64 + 0.01 * (cells.min(10) as f64))
}

fn reader(bytes: &[u8], delimiter: u8, quoting: bool) -> Reader<&[u8]> {
    ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).quoting(quoting).from_reader(bytes)
}

/// Where the records lie, and whether the first of them names the columns.
///
/// A quote that is never closed would make one record of all that follows. From such a record on, quotes are letters.
fn records(text: &str, start: usize, delimiter: u8) -> (Vec<Span>, bool) {
    let mut spans: Vec<Span> = Vec::new();
    let mut named = false;
    let mut from = start;
    let text_end = text.trim_end().len();
    for quoting in [true, false] {
        let mut reader = reader(&text.as_bytes()[from..], delimiter, quoting);
        let mut record = ByteRecord::new();
        let mut at = from;
        let mut runaway = false;
        while reader.read_byte_record(&mut record).is_ok_and(|more| more) {
            let end = from + reader.position().byte() as usize;
            let span = trimmed(text, Span::new(at, end));
            if quoting && is_runaway(span.slice(text), span.end >= text_end) {
                runaway = true;
                break;
            }
            at = end;
            if span.is_empty() {
                continue;
            }
            if spans.is_empty() {
                named = names_columns(&record);
            }
            spans.push(span);
        }
        if !runaway {
            break;
        }
        from = at;
    }
    (spans, named)
}

/// A record without the line ends around it.
fn trimmed(text: &str, span: Span) -> Span {
    let words = span.slice(text);
    let begun = words.trim_start_matches('\n');
    let start = span.end - begun.len();
    Span::new(start, start + begun.trim_end_matches('\n').len())
}

/// Whether a record swallowed others: it has very many lines, or it is the last and its quotes do not pair.
fn is_runaway(words: &str, is_last: bool) -> bool {
    if words.bytes().filter(|byte| *byte == b'\n').take(RECORD_LINES_MAX).count() == RECORD_LINES_MAX {
        return true;
    }
    is_last && words.contains('\n') && words.bytes().filter(|byte| *byte == b'"').count() % 2 == 1
}

/// Whether a record looks like the names of columns: each says something else, and none is a number.
fn names_columns(record: &ByteRecord) -> bool {
    let mut seen = HashSet::new();
    record.len() > 1
        && record.iter().all(|cell| {
            let cell = cell.trim_ascii();
            let says_a_word = std::str::from_utf8(cell).is_ok_and(|words| words.chars().any(char::is_alphabetic));
            says_a_word && seen.insert(cell)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ExtractOptions, extract, location};

    fn read(name: &str, text: &str) -> Document {
        extract(name, text.as_bytes(), &ExtractOptions::default()).unwrap()
    }

    fn rows(document: &Document) -> Vec<&str> {
        document.places.iter().map(|place| place.span.slice(&document.text)).collect()
    }

    fn header(document: &Document) -> Option<&str> {
        document.blocks[0].header.map(|header| header.slice(&document.text))
    }

    #[test]
    fn each_record_knows_its_row_and_the_first_names_the_columns() {
        let text = "도시,인구\r\n서울,\"9,400,000\"\r\n\r\n부산,\"두 줄\n\"\"인용\"\"\"\r\n";
        let document = read("a.csv", text);
        assert_eq!(rows(&document), ["도시,인구", "서울,\"9,400,000\"", "부산,\"두 줄\n\"\"인용\"\"\""]);
        assert_eq!(header(&document), Some("도시,인구"));
        assert_eq!(location(&document.places, document.places[2].span).as_deref(), Some("row 3"));
    }

    #[test]
    fn the_delimiter_is_found() {
        for (name, text, delimiter) in [
            ("a.csv", "이름;값\n가;1,5\n나;2,5\n", b';'),
            ("a.csv", "a\tb, c\td\n1\t2\t3\n", b'\t'),
            ("a.csv", "a|b|c\n1|2|3\n", b'|'),
            ("a.tsv", "a\tb\n1,5\t2,5\n", b'\t'),
            ("a.csv", "one column\nof words\n", b','),
            ("a.tsv", "a,b\n1,2\n", b','),
        ] {
            let media_type = MediaType::from_extension(name.split_once('.').unwrap().1).unwrap();
            assert_eq!(super::delimiter(text, media_type), delimiter, "{text:?}");
        }
        assert_eq!(rows(&read("a.csv", "sep=;\na;b\n1;2\n")), ["a;b", "1;2"]);
    }

    #[test]
    fn numbers_empty_cells_and_repetitions_are_no_header() {
        for text in ["1,2\n3,4\n", "a,\n1,2\n", "a,a\n1,2\n", "a,b\n", "2026-01-01,b\n1,2\n"] {
            assert_eq!(header(&read("a.csv", text)), None, "{text:?}");
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_is_a_letter() {
        let text = format!("a,b\n1,\"never closed\n{}", "x,y\n".repeat(1_000));
        assert_eq!(read("a.csv", &text).places.len(), 1_002);
        let closed_late = format!("{text}2,\"closed\"\n");
        assert_eq!(read("a.csv", &closed_late).places.len(), 1_003);
        assert_eq!(rows(&read("a.csv", "a,b\n1,\"x\ny")), ["a,b", "1,\"x", "y"]);
    }

    #[test]
    fn a_wide_table_costs_no_more_than_its_bytes() {
        let wide = vec!["cell"; 100_000].join(",");
        let document = read("a.csv", &format!("{wide}\n{wide}\n"));
        assert_eq!(document.places.len(), 2);
    }
}
