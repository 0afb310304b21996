//! Mutation tests damage every fixture in many ways, inside zipped documents as well, and check that extraction neither
//! panics nor hangs, and that what it gives is sound.
//!
//! A run has a few rounds for each file. `IBID_FUZZ_SECONDS=600` goes on for so long, and `IBID_FUZZ_DIR=DIR` keeps the input
//! that is read at the moment, which is what killed the process when it dies. Everything follows from the round's number.

mod support;

use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ibid_ingest::{ChunkOptions, ExtractOptions, Limits, chunk, extract};
use support::{Words, assert_sound};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

/// Rounds for each file when no time is given.
const ROUNDS: u64 = 12;

/// The longest that one input may take, in a test build on a loaded machine.
const TIME_MAX: Duration = Duration::from_secs(60);

/// A generator of numbers that anybody can repeat (xorshift64*, Vigna 2016).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: usize) -> usize {
        if limit == 0 { 0 } else { (self.next() % limit as u64) as usize }
    }
}

fn corpus() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let folders = ["documents", "extraction"].map(|folder| root.join(folder));
    let entries = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.is_file()).collect();
    paths.sort();
    let name = |path: &PathBuf| path.file_name().expect("a file has a name").to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), std::fs::read(path).expect("it can be read"))).collect()
}

/// Pieces that mean something to parsers.
const PIECES: [&[u8]; 24] = [
    b"\0",
    b"\xFF\xFF\xFF\xFF",
    b"\x7F\xFF\xFF\xFF",
    b"\x80\0\0\0",
    b"<",
    b">",
    b"\"",
    b"{",
    b"}",
    b"[[[[",
    b"]]>",
    b"&#0;",
    b"<!--",
    b"\\u-32768?",
    b"{\\rtf",
    b"(",
    b")",
    b"obj",
    b"endstream",
    b"/Length 99999999",
    b"\n\n\n",
    b"|||",
    b"\r",
    b"\xEF\xBB\xBF",
];

fn mutated(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..=random.below(6) {
        let at = random.below(out.len());
        let len = (1 << random.below(9)).min(out.len() - at);
        match random.below(7) {
            0 if !out.is_empty() => out[at] = random.next() as u8,
            1 if !out.is_empty() => out[at] ^= 1 << random.below(8),
            2 => drop(out.drain(at..at + len)),
            3 => {
                let copied = out[at..at + len].to_vec();
                let to = random.below(out.len());
                out.splice(to..to, copied);
            }
            4 => drop(out.splice(at..at, PIECES[random.below(PIECES.len())].iter().copied())),
            5 => {
                let digits: Vec<usize> =
                    (0..out.len()).filter(|place| out[*place].is_ascii_digit()).take(4096).collect();
                if let Some(digit) = digits.get(random.below(digits.len())) {
                    out[*digit] = b'0' + random.below(10) as u8;
                }
            }
            _ if random.below(8) == 0 => out.truncate(at),
            _ => {}
        }
    }
    out
}

/// Damages one entry of a zipped document and zips it again, so that the damage gets past the checksums.
fn mutated_inside(bytes: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).ok()?;
    let unlucky = random.below(archive.len());
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).ok()?;
        let name = entry.name().ok()?.into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).ok()?;
        if index == unlucky {
            content = mutated(&content, random);
        }
        writer.start_file(name, SimpleFileOptions::default()).ok()?;
        writer.write_all(&content).ok()?;
    }
    Some(writer.finish().ok()?.into_inner())
}

fn check(name: &str, round: u64, bytes: &[u8]) {
    if let Some(folder) = std::env::var_os("IBID_FUZZ_DIR") {
        let path = Path::new(&folder).join(format!("{round}-{name}"));
        std::fs::write(&path, bytes).expect("the input can be kept");
    }
    let limits =
        Limits { bytes_max: 4 << 20, text_bytes_max: 4 << 20, inflated_bytes_max: 32 << 20, ..Limits::default() };
    let options = ExtractOptions { limits, passwords: vec!["otter".to_owned()], ..ExtractOptions::default() };
    let started = Instant::now();
    if let Ok(document) = extract(name, bytes, &options) {
        let sound = |read: &ibid_ingest::Document| {
            assert_sound(read, &chunk(read, &ChunkOptions::default(), &Words));
        };
        sound(&document);
        document.children.iter().filter_map(|child| child.outcome.as_ref().ok()).for_each(sound);
    }
    assert!(started.elapsed() < TIME_MAX, "round {round} of {name} took {:?}", started.elapsed());
    if let Some(folder) = std::env::var_os("IBID_FUZZ_DIR") {
        drop(std::fs::remove_file(Path::new(&folder).join(format!("{round}-{name}"))));
    }
}

fn round(name: &str, bytes: &[u8], number: u64) {
    let seed = name.bytes().fold(number + 1, |seed, byte| seed.wrapping_mul(0x100_0000_01B3) ^ u64::from(byte));
    let mut random = Random(seed | 1);
    let damaged = match bytes.starts_with(b"PK") && !number.is_multiple_of(3) {
        true => mutated_inside(bytes, &mut random).unwrap_or_else(|| mutated(bytes, &mut random)),
        false => mutated(bytes, &mut random),
    };
    check(name, number, &damaged);
}

#[test]
fn no_damage_to_a_fixture_breaks_its_reader() {
    let corpus = corpus();
    assert!(corpus.len() >= 9, "the fixtures are there");
    let seconds = std::env::var("IBID_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let first = std::env::var("IBID_FUZZ_FIRST").ok().and_then(|first| first.parse().ok()).unwrap_or(0);
    let started = Instant::now();
    let goes_on = |rounds: u64| match seconds {
        Some(seconds) => started.elapsed() < Duration::from_secs(seconds),
        None => rounds < ROUNDS,
    };
    let mut rounds = 0;
    while goes_on(rounds) {
        for (name, bytes) in &corpus {
            round(name, bytes, first + rounds);
        }
        rounds += 1;
    }
    println!("{rounds} rounds over {} files in {:.0?}", corpus.len(), started.elapsed());
}
