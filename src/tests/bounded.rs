//! Nothing is held whole: documents inside a file come one by one, large texts in parts, and what children hold is known.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ibid::extraction::{ChildGauge, DocumentSource, Extractor, ExtractorLimits, ExtractorParts, Read};
use ibid::types::Failure;
use ibid_ingest::{ExtractError, ExtractOptions};

use super::formats::tar_of;
use super::support::{Sandbox, wait_for};

fn parts(program: PathBuf) -> ExtractorParts {
    ExtractorParts {
        program,
        options: ExtractOptions::default(),
        limits: ExtractorLimits {
            memory_bytes_max: 2 << 30,
            resident_bytes_max: 1 << 30,
            cpu_seconds_max: 60,
            wall_time_max: Duration::from_secs(60),
        },
        recognizer: None,
        gauge: Arc::default(),
    }
}

fn ibid() -> PathBuf {
    env!("CARGO_BIN_EXE_ibid").into()
}

/// Bytes in pieces, and how often they were asked for.
struct Pieces<'a> {
    bytes: &'a [u8],
    at: usize,
    passes: usize,
}

impl<'a> Pieces<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, passes: 0 }
    }
}

#[async_trait]
impl DocumentSource for Pieces<'_> {
    fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    async fn rewind(&mut self) -> Result<(), Failure> {
        (self.at, self.passes) = (0, self.passes + 1);
        Ok(())
    }

    async fn piece(&mut self) -> Result<Option<&[u8]>, Failure> {
        let from = self.at;
        self.at = self.bytes.len().min(from + 1000);
        Ok(Some(&self.bytes[from..self.at]).filter(|piece| !piece.is_empty()))
    }
}

/// What reading gives, one after the other: the paths of documents inside with how they went, and the text of the whole.
async fn read(extractor: &mut Extractor, name: &str, source: &mut Pieces<'_>) -> Vec<(String, String)> {
    let mut reading = extractor.read(name, source);
    let mut said = Vec::new();
    while let Some(read) = reading.next().await.unwrap() {
        said.push(match read {
            Read::Inside(child) => (child.path, child.outcome.map_or_else(|e| e.code().to_owned(), |d| d.text)),
            Read::Whole(outcome) => (String::new(), outcome.map_or_else(|e| Failure::from(e).code, |d| d.text)),
        });
    }
    said
}

fn said(path: &str, words: &str) -> (String, String) {
    (path.to_owned(), words.to_owned())
}

#[test]
fn documents_inside_come_one_by_one_the_deeper_ones_first() {
    let inner = tar_of(&[("x.md", b"within"), ("y.bin", b"\x7FELF\x02")]);
    let file = tar_of(&[("c.txt", b"three"), ("b.tar", &inner), ("a.txt", b"one"), ("b.tar/x.md", b"beside")]);
    let whole = ibid_ingest::extract("all.tar", &file, &ExtractOptions::default()).unwrap();
    wait_for(async {
        let mut extractor = Extractor::new(parts(ibid()));
        for _ in 0..2 {
            let expected = [
                said("c.txt", "three"),
                said("b.tar/x.md", "within"),
                said("b.tar/y.bin", "unsupported"),
                said("b.tar", "x.md\ny.bin"),
                said("a.txt", "one"),
                said("b.tar/x (2).md", "beside"),
                said("", &whole.text),
            ];
            assert_eq!(read(&mut extractor, "all.tar", &mut Pieces::of(&file)).await, expected);
        }
        let at_once = extractor.extract("all.tar", &file).await.unwrap().unwrap();
        assert_eq!(at_once, whole, "who wants it whole has it whole");
    });
}

#[test]
fn what_was_given_before_a_crash_is_not_given_again() {
    let place = tempfile::tempdir().unwrap();
    let file =
        tar_of(&[("a.txt", b"one"), ("b.txt", b"two"), ("c.txt", b"three"), ("d.txt", b"four"), ("e.txt", b"five")]);
    wait_for(async {
        let mut extractor = Extractor::new(parts(stopping_at(place.path(), "c.txt")));
        let mut source = Pieces::of(&file);
        let expected = [
            said("a.txt", "one"),
            said("b.txt", "two"),
            said("c.txt", "quarantined"),
            said("d.txt", "four"),
            said("e.txt", "five"),
            said("", "a.txt\nb.txt\nc.txt\nd.txt\ne.txt"),
        ];
        assert_eq!(read(&mut extractor, "all.tar", &mut source).await, expected);
        assert_eq!(source.passes, 2, "it was read once more from its beginning");
    });
}

/// The program, which stops where it reads this part.
fn stopping_at(place: &Path, part: &str) -> PathBuf {
    let script = place.join("stopping");
    let body = format!("#!/bin/sh\nIBID_FAULT_PART={part} exec {} \"$@\"\n", ibid().display());
    std::fs::write(&script, body).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    script
}

#[test]
fn an_archive_of_locked_entries_gives_none_and_one_with_an_open_one_gives_all() {
    let locked = include_bytes!("../../fixtures/documents/locked-en.zip");
    let file = tar_of(&[("a.zip", locked), ("b.zip", locked), ("c.txt", b"open")]);
    wait_for(async {
        let mut extractor = Extractor::new(parts(ibid()));
        assert_eq!(read(&mut extractor, "a.zip", &mut Pieces::of(locked)).await, [said("", "encrypted")]);
        let given = read(&mut extractor, "all.tar", &mut Pieces::of(&file)).await;
        let expected = [said("a.zip", "encrypted"), said("b.zip", "encrypted"), said("c.txt", "open")];
        assert_eq!(given[..3], expected);
    });
}

#[test]
fn a_source_that_fails_is_the_documents_failure_and_the_next_is_read() {
    struct Failing;
    #[async_trait]
    impl DocumentSource for Failing {
        fn bytes(&self) -> u64 {
            1_000
        }
        async fn rewind(&mut self) -> Result<(), Failure> {
            Ok(())
        }
        async fn piece(&mut self) -> Result<Option<&[u8]>, Failure> {
            Err(Failure { code: "changed".to_owned(), message: "it changed".to_owned() })
        }
    }
    wait_for(async {
        let mut extractor = Extractor::new(parts(ibid()));
        let mut failing = Failing;
        let mut reading = extractor.read("a.txt", &mut failing);
        let Some(Read::Whole(Err(refusal))) = reading.next().await.unwrap() else { panic!("it is refused") };
        assert_eq!(Failure::from(refusal).code, "changed");
        assert!(reading.next().await.unwrap().is_none());
        drop(reading);
        assert_eq!(extractor.extract("a.txt", b"words").await.unwrap().unwrap().text, "words");
    });
}

#[test]
fn the_gauge_knows_what_children_hold_and_a_document_beyond_its_memory_is_stopped() {
    wait_for(async {
        let parts = parts(ibid());
        let gauge: Arc<ChildGauge> = Arc::clone(&parts.gauge);
        let text = "words of a long text ".repeat(2 << 20);
        let mut extractor = Extractor::new(parts.clone());
        extractor.extract("a.txt", text.as_bytes()).await.unwrap().unwrap();
        assert!(gauge.largest() > text.len() as u64 && gauge.peak() >= gauge.largest(), "{gauge:?}");
        drop(extractor);
        assert_eq!(gauge.current(), 0, "nobody is left");
        let narrow = ExtractorLimits { resident_bytes_max: 1 << 20, ..parts.limits };
        let mut bounded = Extractor::new(ExtractorParts { limits: narrow, ..parts });
        let page = format!("<p>{}", "words <b>of</b> it <p>".repeat(400_000));
        let refused = bounded.extract("a.html", page.as_bytes());
        assert_eq!(Failure::from(refused.await.unwrap().unwrap_err()).code, "too_much_memory");
        assert_eq!(bounded.extract("a.bin", b"\x7FELF").await.unwrap(), Err(unsupported()));
    });
}

fn unsupported() -> ibid::extraction::Refusal {
    ibid::extraction::Refusal::Reader(ExtractError::Unsupported { format: "elf program".to_owned() })
}

/// A log of `megabytes`, whose last line says `word`. Its lines are long words, which are cut and indexed fast.
fn log(megabytes: usize, word: &str) -> String {
    let line = format!("{}\n", "0123456789abcdef".repeat(15));
    format!("the first line says volcano\n{}the last line says {word}\n", line.repeat((megabytes << 20) / line.len()))
}

#[test]
fn a_large_log_is_documents_of_its_parts_which_come_and_go_with_it() {
    let sandbox = Sandbox::new();
    sandbox.write("docs/big.log", log(17, "tunnel"));
    assert_eq!(sandbox.ingest(), 0);
    assert_eq!(sandbox.found("volcano", "keyword"), ["docs/big.log/part 0001"]);
    assert_eq!(sandbox.found("tunnel", "keyword"), ["docs/big.log/part 0003"]);
    let summary = sandbox.json(&["ingest", "docs"]);
    assert_eq!(summary["unchanged"], 1, "{summary}");
    sandbox.write("docs/big.log", log(9, "bridge"));
    assert_eq!(sandbox.ingest(), 0);
    assert!(sandbox.found("tunnel", "keyword").is_empty());
    assert_eq!(sandbox.found("bridge", "keyword"), ["docs/big.log/part 0002"]);
    let documents = sandbox.stdout(&["documents", "--json"]);
    assert_eq!(documents.lines().count(), 3, "{documents}");
    assert!(sandbox.is_consistent());
    std::fs::remove_file(sandbox.path("docs/big.log")).unwrap();
    sandbox.write("docs/other.md", "# Other\n");
    assert_eq!(sandbox.ingest(), 0);
    assert_eq!(sandbox.stdout(&["documents", "--json"]).lines().count(), 1);
}
