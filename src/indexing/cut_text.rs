//! Large texts are read in parts, cut at line ends, so that none of them is in memory whole.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use ibid_ingest::{Document, ExtractError, MediaType, Position, detect, table_head};

use super::source::{FileLimits, OpenedFile};
use crate::extraction::Refusal;
use crate::types::Failure;

/// Within so much before the end of a part, an empty line is a better place to cut than the last line end.
const BLANK_WITHIN_BYTES: u64 = 64 << 10;
/// As much of a file as is looked at in one read.
const SCAN_BYTES: usize = 64 << 10;

/// How a file is read.
#[derive(Debug)]
pub(super) enum Shape {
    /// In one piece.
    Whole,
    /// In parts.
    Parts(Linear),
}

/// A text that is read from its first line to its last.
#[derive(Debug, Clone)]
pub(super) struct Linear {
    pub(super) media_type: MediaType,
    /// What names the columns of a table, which every part repeats.
    pub(super) head: Vec<u8>,
    pub(super) part_bytes: u64,
}

/// Where a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// From 1.
    pub(super) number: u32,
    pub(super) from: u64,
    pub(super) to: u64,
    /// The line that it begins with, or in, from 1.
    pub(super) first_line: u64,
    /// Line ends in it.
    pub(super) line_ends: u64,
}

impl Part {
    /// Its path inside the file. Four digits are enough for the largest file, so that names sort as the parts do.
    pub(super) fn path(&self) -> String {
        format!("part {:04}", self.number)
    }

    /// The last line of which it has something.
    pub(super) fn last_line(&self) -> u64 {
        (self.first_line + self.line_ends).saturating_sub(1).max(self.first_line)
    }
}

/// Says how a file called `name` is read, by its beginning.
///
/// # Errors
/// Why it is not read at all: it is too large, or at its size too much to send to a reader that will refuse it.
pub(super) fn shape_of(name: &str, file: &OpenedFile, limits: FileLimits) -> Result<Shape, Refusal> {
    let too_large = limits.check_whole(file.bytes()).map_err(Refusal::Process);
    if file.bytes() <= limits.text_part_bytes {
        return too_large.map(|()| Shape::Whole);
    }
    let media_type = match detect(name, file.head()) {
        Ok(media_type) => media_type,
        Err(error @ ExtractError::Binary { .. }) => return Err(Refusal::Reader(error)),
        Err(_) => return too_large.map(|()| Shape::Whole),
    };
    if !is_linear(media_type) || !is_utf8(file.head()) {
        return too_large.map(|()| Shape::Whole);
    }
    let is_table = matches!(media_type, MediaType::Csv | MediaType::Tsv);
    let head_bytes = if is_table { table_head(media_type, &String::from_utf8_lossy(file.head())) } else { 0 };
    let head = file.head().get(..head_bytes).unwrap_or_default().to_vec();
    Ok(Shape::Parts(Linear { media_type, head, part_bytes: limits.text_part_bytes }))
}

/// Whether a part of such a text means what it means in the whole.
fn is_linear(media_type: MediaType) -> bool {
    use MediaType as M;
    matches!(
        media_type,
        M::PlainText
            | M::Markdown
            | M::Csv
            | M::Tsv
            | M::JsonLines
            | M::Code(_)
            | M::ReStructuredText
            | M::AsciiDoc
            | M::Org
            | M::Latex
    )
}

/// Whether bytes are text in UTF-8, or in ASCII, whose last character may be cut. A zero or a change of character sets is
/// the sign of another encoding.
fn is_utf8(head: &[u8]) -> bool {
    let valid = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    valid && !head.contains(&0) && !head.windows(2).any(|pair| matches!(pair, b"\x1B$" | b"\x1B("))
}

impl Linear {
    /// The part that begins where the last one ended.
    pub(super) async fn next_part(&self, file: &OpenedFile, last: Option<Part>) -> Result<Option<Part>, Failure> {
        let (number, from, first_line) =
            last.map_or((1, 0, 1), |last| (last.number + 1, last.to, last.first_line + last.line_ends));
        if from >= file.bytes() {
            return Ok(None);
        }
        // With a head that is repeated, a part is no larger than others.
        let most = self.part_bytes.saturating_sub(self.head.len() as u64).max(4);
        let (to, is_last) = (file.bytes().min(from + most), file.bytes() <= from + most);
        let quoted = matches!(self.media_type, MediaType::Csv | MediaType::Tsv);
        let cut = file.reading(move |file| Cut::find(file, (from, to), quoted, is_last)).await?;
        Ok(Some(Part { number, from, to: cut.to, first_line, line_ends: cut.line_ends }))
    }

    /// What a part needs before its own bytes.
    pub(super) fn prefix(&self, part: Part) -> Vec<u8> {
        if part.number == 1 { Vec::new() } else { self.head.clone() }
    }

    /// Tells a part where it stands, and its rows, of which `rows_before` came before.
    pub(super) fn place(&self, document: &mut Document, part: Part, rows_before: &mut u32) {
        document.title = None;
        let said = [
            ("part", part.number.to_string()),
            ("first line", part.first_line.to_string()),
            ("bytes", format!("{}-{}", part.from, part.to)),
        ];
        document.metadata.extend(said.map(|(key, value)| (key.to_owned(), value)));
        let repeated = u32::from(part.number > 1 && !self.head.is_empty());
        let before = match self.media_type {
            MediaType::JsonLines => u32::try_from(part.first_line - 1).unwrap_or(u32::MAX),
            _ => rows_before.saturating_sub(repeated),
        };
        let rows = document.places.len() as u32;
        for place in document.places.iter_mut().skip(repeated as usize) {
            if let Position::Row { number } = &mut place.position {
                *number = number.saturating_add(before);
            }
        }
        *rows_before = rows_before.saturating_add(rows.saturating_sub(repeated));
    }
}

/// Where a part ends.
struct Cut {
    to: u64,
    line_ends: u64,
}

impl Cut {
    /// Looks through `from..to` for the best place: behind an empty line near the end, behind a line end, or else between
    /// two characters. In a table, a line end within quotes ends no record.
    fn find(mut file: &File, (from, to): (u64, u64), quoted: bool, is_last: bool) -> std::io::Result<Self> {
        file.seek(SeekFrom::Start(from))?;
        let mut reader = file.take(to - from);
        let mut buffer = vec![0; SCAN_BYTES];
        let mut seen = Lines { at: from, near: to.saturating_sub(BLANK_WITHIN_BYTES), ..Lines::default() };
        loop {
            let read = reader.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            seen.look(&buffer[..read], quoted);
        }
        if is_last {
            return Ok(Self { to, line_ends: seen.line_ends });
        }
        // A quote that nobody closed would leave a part of nothing.
        let record = seen.record.filter(|record| record.0 - from >= (to - from) / 2);
        let whole_line = if quoted { record.or(seen.line) } else { seen.blank.or(seen.line) };
        if let Some((cut_at, line_ends)) = whole_line {
            return Ok(Self { to: cut_at, line_ends });
        }
        let continues = seen.tail.iter().rev().take_while(|byte| **byte & 0xC0 == 0x80).count().min(3);
        let begins =
            seen.tail.len().checked_sub(continues + 1).map(|at| seen.tail[at]).is_some_and(|byte| byte >= 0xC0);
        let cut = if begins { continues as u64 + 1 } else { 0 };
        Ok(Self { to: (to - cut).max(from + 1), line_ends: 0 })
    }
}

/// What was seen of the lines of a part: places behind a line end, each with the number of line ends before it.
#[derive(Default)]
struct Lines {
    at: u64,
    /// From where on an empty line counts.
    near: u64,
    line_ends: u64,
    in_quotes: bool,
    previous: u8,
    line: Option<(u64, u64)>,
    record: Option<(u64, u64)>,
    blank: Option<(u64, u64)>,
    /// The last bytes.
    tail: Vec<u8>,
}

impl Lines {
    fn look(&mut self, bytes: &[u8], quoted: bool) {
        for (place, byte) in (self.at + 1..).zip(bytes) {
            if *byte == b'\n' {
                self.line_ends += 1;
                let found = (place, self.line_ends);
                let ends_at = if self.previous == b'\r' { place - 2 } else { place - 1 };
                let is_blank = self.line.is_some_and(|line| line.0 == ends_at);
                self.line = Some(found);
                if is_blank && place > self.near {
                    self.blank = Some(found);
                }
                if !self.in_quotes {
                    self.record = Some(found);
                }
            } else if quoted && *byte == b'"' {
                self.in_quotes = !self.in_quotes;
            }
            self.previous = *byte;
        }
        self.at += bytes.len() as u64;
        self.tail.extend(&bytes[bytes.len().saturating_sub(4)..]);
        self.tail.drain(..self.tail.len().saturating_sub(4));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extraction::DocumentSource;
    use sha2::{Digest, Sha256};

    use super::super::source::FileRange;

    fn limits(text_part_bytes: u64) -> FileLimits {
        FileLimits { file_bytes_max: 1 << 20, text_file_bytes_max: 1 << 30, text_part_bytes }
    }

    /// The parts of a file, each as its reader gets it; without their prefixes they are the file.
    async fn parts_of(name: &str, bytes: &[u8], part_bytes: u64) -> Option<Vec<(Part, String)>> {
        let place = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(place.path(), bytes).unwrap();
        let file = OpenedFile::open(place.path(), limits(part_bytes)).await.unwrap();
        let Shape::Parts(linear) = shape_of(name, &file, limits(part_bytes)).unwrap() else { return None };
        let (mut parts, mut last, mut hash) = (Vec::new(), None, Sha256::new());
        while let Some(part) = linear.next_part(&file, last).await.unwrap() {
            let mut range = FileRange::new(&file, linear.prefix(part), (part.from, part.to), hash);
            range.rewind().await.unwrap();
            let mut given = Vec::new();
            while let Some(piece) = range.piece().await.unwrap() {
                given.extend(piece);
            }
            assert!(given.len() as u64 <= part_bytes && part.to > part.from, "{part:?}");
            assert_eq!(given[linear.prefix(part).len()..], bytes[part.from as usize..part.to as usize]);
            hash = range.rest_hashed().await.unwrap();
            parts.push((part, String::from_utf8(given).expect("no character is cut")));
            last = Some(part);
        }
        assert_eq!(last.map(|last| last.to), Some(bytes.len() as u64));
        let sha256: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(file.stamp(hash).sha256, sha256);
        Some(parts)
    }

    fn log(lines: usize) -> String {
        (1..=lines).map(|line| format!("line {line} says that all is well\n")).collect()
    }

    #[tokio::test]
    async fn a_log_is_cut_at_line_ends_and_each_part_knows_its_first_line() {
        let parts = parts_of("a.log", log(20_000).as_bytes(), 100_000).await.unwrap();
        assert!(parts.len() > 5);
        for (part, text) in &parts {
            assert!(text.ends_with('\n') && text.starts_with(&format!("line {} ", part.first_line)), "{part:?}");
            assert_eq!(
                text.lines().next_back(),
                Some(format!("line {} says that all is well", part.last_line()).as_str())
            );
        }
        assert_eq!(parts[1].0.path(), "part 0002");
    }

    #[tokio::test]
    async fn an_empty_line_near_the_end_is_the_better_place() {
        for line_end in ["\n", "\r\n"] {
            let paragraph = format!("{}{line_end}{line_end}", format!("some words of it{line_end}").repeat(50));
            let parts = parts_of("a.md", paragraph.repeat(400).as_bytes(), 100_000).await.unwrap();
            assert!(parts.iter().all(|(_, text)| text.ends_with(&format!("{line_end}{line_end}"))));
        }
    }

    #[tokio::test]
    async fn a_line_that_is_longer_than_a_part_is_cut_between_characters() {
        for word in ["한글", "😀", "plain "] {
            let parts = parts_of("a.txt", word.repeat(200_000).as_bytes(), 100_001).await.unwrap();
            assert!(parts.len() > 5 && parts.iter().all(|(part, _)| part.first_line == 1));
        }
    }

    #[tokio::test]
    async fn a_part_of_a_table_repeats_its_head_and_ends_with_a_record() {
        let row = |n: usize| format!("{n},\"two\nlines {n}\",\"and a \"\"quote\"\"\"\n");
        let table = format!("number,words,more\n{}", (0..20_000).map(row).collect::<String>());
        let parts = parts_of("a.csv", table.as_bytes(), 100_000).await.unwrap();
        for (part, text) in &parts {
            assert!(text.starts_with("number,words,more\n"), "{part:?}");
            assert!(text.ends_with("\"and a \"\"quote\"\"\"\n"), "{part:?}: {:?}", &text[text.len() - 60..]);
        }
        let numbers = parts_of("a.csv", "1,2\n3,4\n".repeat(50_000).as_bytes(), 100_000).await.unwrap();
        assert!(numbers[1].1.starts_with("1,2\n3,4\n"), "numbers name no columns");
        let unclosed = format!("a,b\n1,\"open\n{}", "3,4\n".repeat(50_000));
        assert!(parts_of("a.csv", unclosed.as_bytes(), 100_000).await.unwrap().len() < 5);
    }

    #[tokio::test]
    async fn what_is_small_or_no_plain_text_is_read_whole() {
        let text = log(5_000);
        assert!(parts_of("a.log", text.as_bytes(), 1 << 20).await.is_none());
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let korean = encoding_of_korean().repeat(20_000);
        for (name, bytes) in
            [("a.json", text.as_bytes()), ("a.html", text.as_bytes()), ("a.txt", &utf16), ("a.txt", &korean)]
        {
            assert!(parts_of(name, bytes, 100_000).await.is_none(), "{name}");
        }
    }

    /// `한국어` in EUC-KR, and a line end.
    fn encoding_of_korean() -> Vec<u8> {
        vec![0xC7, 0xD1, 0xB1, 0xB9, 0xBE, 0xEE, b'\n']
    }

    #[tokio::test]
    async fn what_is_binary_is_refused_before_it_is_sent_anywhere() {
        let place = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(place.path(), [0, 1, 2, 3, 250, 251].repeat(100_000)).unwrap();
        let file = OpenedFile::open(place.path(), limits(100_000)).await.unwrap();
        let refusal = shape_of("a.log", &file, limits(100_000)).unwrap_err();
        assert_eq!(Failure::from(refusal).code, "binary");
        place.as_file().set_len(2 << 20).unwrap();
        let larger = OpenedFile::open(place.path(), limits(100_000)).await.unwrap();
        assert_eq!(Failure::from(shape_of("a.pdf", &larger, limits(100_000)).unwrap_err()).code, "too_large");
    }

    #[test]
    fn rows_are_counted_through_all_parts() {
        let linear = Linear { media_type: MediaType::Csv, head: b"a,b\n".to_vec(), part_bytes: 100 };
        let mut rows_before = 0;
        let mut numbers = Vec::new();
        for (number, text) in [(1, "a,b\n1,2\n3,4\n"), (2, "a,b\n5,6\n")] {
            let mut document = ibid_ingest::extract("a.csv", text.as_bytes(), &Default::default()).unwrap();
            let part = Part { number, from: 0, to: 9, first_line: 4, line_ends: 1 };
            linear.place(&mut document, part, &mut rows_before);
            numbers.extend(document.places.iter().map(|place| place.position.clone()));
        }
        assert_eq!(numbers, [1, 2, 3, 1, 4].map(|number| Position::Row { number }));
    }
}
