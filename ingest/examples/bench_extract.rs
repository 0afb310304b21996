//! Measures extraction against the truth, and against `pdftotext` on the same files where that is installed.
//!
//! `bench_extract FILE TRUTH.txt [FILE TRUTH.txt]...` prints one line for each file and engine. A FILE that is a folder is a
//! manual of web pages, which are read in the order of a book. Scores run from 0 to 1:
//!
//! - `token`: F1 of the words as a multiset, so spaces and divided words count;
//! - `char`: F1 of the character trigrams as a multiset, spaces left out;
//! - `order`: 1 - D / (n + m), where D is the length of the shortest edit script of insertions and deletions between the word
//!   sequences (Myers 1986), which is the normalised Indel similarity.
//!
//! Both sides are normalised alike: NFKC, straight quotes, and no word without a letter or a digit, because bullets, rulers,
//! leaders and cell dividers belong to a layout. Time is the best of three runs; that of `pdftotext` has its start in it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use ibid_ingest::{ExtractOptions, extract};
use unicode_normalization::UnicodeNormalization;

/// Each time is the best of so many.
const RUNS: usize = 3;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() || arguments.len() % 2 == 1 {
        eprintln!("usage: bench_extract FILE TRUTH.txt [FILE TRUTH.txt]...");
        std::process::exit(2);
    }
    println!(
        "{:32} {:10} {:>7} {:>7} {:>7} {:>9} {:>8}",
        "file", "engine", "token", "char", "order", "pages/s", "MB/s"
    );
    for pair in arguments.chunks_exact(2) {
        compare(Path::new(&pair[0]), &pair[1]);
    }
}

fn compare(file: &Path, truth: &str) {
    let truth = std::fs::read_to_string(truth).expect("the truth can be read");
    let files: Vec<(String, Vec<u8>)> = sources(file)
        .into_iter()
        .map(|path| (path.to_string_lossy().into_owned(), std::fs::read(&path).expect("the file can be read")))
        .collect();
    let length = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let our_run = best(|| ours(&files));
    let pages = our_run.as_ref().map_or(0, |(output, _)| output.pages);
    let their_run = best(|| pdftotext(file, pages));
    let scores: Vec<Option<[f64; 5]>> =
        [&our_run, &their_run].into_iter().map(|run| Some(row(run.as_ref()?, &truth, length))).collect();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    for (engine, row) in ["ibid", "pdftotext"].into_iter().zip(&scores) {
        match row {
            Some(row) => print_row(&name, engine, *row),
            None => println!("{name:32} {engine:10} no text"),
        }
    }
    if let [Some(a), Some(b)] = scores[..] {
        print_row(&name, "ratio", std::array::from_fn(|column| a[column] / b[column]));
    }
}

fn print_row(name: &str, engine: &str, [token, char, order, pages, megabytes]: [f64; 5]) {
    println!("{name:32} {engine:10} {token:7.4} {char:7.4} {order:7.4} {pages:9.2} {megabytes:8.3}");
}

fn row((output, time): &(Output, Duration), truth: &str, bytes: usize) -> [f64; 5] {
    let (found, wanted) = (normalised(&output.text), normalised(truth));
    let seconds = time.as_secs_f64().max(1e-9);
    [
        f1(&found, &wanted),
        f1(&trigrams(&found), &trigrams(&wanted)),
        order(&found, &wanted),
        output.pages as f64 / seconds,
        bytes as f64 / 1e6 / seconds,
    ]
}

struct Output {
    text: String,
    pages: usize,
}

fn best(run: impl Fn() -> Option<Output>) -> Option<(Output, Duration)> {
    let timed = || {
        let started = Instant::now();
        let output = run()?;
        Some((output, started.elapsed()))
    };
    (0..RUNS).filter_map(|_| timed()).min_by_key(|(_, time)| *time)
}

fn ours(files: &[(String, Vec<u8>)]) -> Option<Output> {
    let options = ExtractOptions { passwords: vec!["otter".to_owned()], ..ExtractOptions::default() };
    let mut whole = Output { text: String::new(), pages: 0 };
    for (name, bytes) in files {
        let document = extract(name, bytes, &options).ok()?;
        whole.text.push_str(&document.text);
        whole.text.push_str("\n\n");
        whole.pages += document.pages.len();
    }
    Some(whole)
}

/// The file, or the web pages of a folder: the cover, what precedes the chapters, the chapters, the appendices.
fn sources(file: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(file) else { return vec![file.to_owned()] };
    let mut pages: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "html"));
    pages.sort_by_key(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (["index", "pr", "ch", "ap"].iter().position(|part| name.starts_with(part)), name)
    });
    pages
}

/// Reads the file with poppler's program. Its page ends become line ends.
fn pdftotext(file: &Path, pages: usize) -> Option<Output> {
    if file.extension()? != "pdf" {
        return None;
    }
    let output = Command::new("pdftotext").args(["-q", "-enc", "UTF-8"]).arg(file).arg("-").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).replace('\u{0C}', "\n");
    output.status.success().then_some(Output { text, pages })
}

/// The words that are compared.
fn normalised(text: &str) -> Vec<String> {
    let straight = |c| match c {
        '\u{2018}' | '\u{2019}' => '\'',
        '\u{201C}' | '\u{201D}' => '"',
        _ => c,
    };
    let text: String = text.nfkc().map(straight).collect();
    let says = |word: &&str| word.contains(char::is_alphanumeric);
    text.split_whitespace().filter(says).map(str::to_owned).collect()
}

fn trigrams(words: &[String]) -> Vec<[char; 3]> {
    let characters: Vec<char> = words.iter().flat_map(|word| word.chars()).collect();
    characters.windows(3).map(|three| [three[0], three[1], three[2]]).collect()
}

fn f1<T: std::hash::Hash + Eq>(found: &[T], wanted: &[T]) -> f64 {
    let mut counts: HashMap<&T, usize> = HashMap::new();
    for item in wanted {
        *counts.entry(item).or_default() += 1;
    }
    let mut shared = 0;
    for item in found {
        if let Some(count) = counts.get_mut(item).filter(|count| **count > 0) {
            *count -= 1;
            shared += 1;
        }
    }
    2.0 * f64::from(shared) / ((found.len() + wanted.len()) as f64).max(1.0)
}

/// The similarity of two sequences, by the greedy algorithm of Myers: its work grows with the square of the difference only.
fn order(found: &[String], wanted: &[String]) -> f64 {
    let mut numbers: HashMap<&str, u32> = HashMap::new();
    for word in found.iter().chain(wanted) {
        let next = numbers.len() as u32;
        numbers.entry(word).or_insert(next);
    }
    let numbered = |words: &[String]| -> Vec<u32> { words.iter().map(|word| numbers[word.as_str()]).collect() };
    let (a, b) = (numbered(found), numbered(wanted));
    1.0 - edits(&a, &b) as f64 / ((a.len() + b.len()) as f64).max(1.0)
}

fn edits(a: &[u32], b: &[u32]) -> usize {
    let most = a.len() + b.len();
    let (n, m) = (a.len() as isize, b.len() as isize);
    let offset = most as isize + 1;
    let mut reach = vec![0isize; 2 * most + 3];
    for edits in 0..=most as isize {
        for diagonal in (-edits..=edits).step_by(2) {
            let (left, right) = (reach[(offset + diagonal - 1) as usize], reach[(offset + diagonal + 1) as usize]);
            let down = diagonal == -edits || (diagonal != edits && left < right);
            let mut x = if down { right } else { left + 1 };
            while x < n && x - diagonal < m && x >= diagonal && a[x as usize] == b[(x - diagonal) as usize] {
                x += 1;
            }
            reach[(offset + diagonal) as usize] = x;
            if x >= n && x - diagonal >= m {
                return edits as usize;
            }
        }
    }
    most
}
