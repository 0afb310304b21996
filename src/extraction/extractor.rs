//! The parent's side of extraction: one child process, kept warm, watched, and started again when it dies.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ibid_ingest::{Document, ExtractError, ExtractOptions};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout};

use super::gauge::ChildGauge;
use super::input::{DocumentSource, InMemory};
use super::process::{Heard, Process};
use super::reading::{CONTAINER_FACTOR, QUARANTINED_MAX, Read, Reading};
use super::recognition::TextRecognizer;
use super::refusal::Refusal;
use super::wire::{Frame, RequestHeader, Task, send_request};

/// What one document may cost.
#[derive(Debug, Clone, Copy)]
pub struct ExtractorLimits {
    /// Address space of the process.
    pub memory_bytes_max: u64,
    /// Memory that the process holds while it reads the document. It is looked at now and then, so a burst goes beyond it.
    pub resident_bytes_max: u64,
    /// CPU time of one document.
    pub cpu_seconds_max: u64,
    /// Wall time of one document.
    pub wall_time_max: Duration,
}

/// No process can be started, or one cannot be waited for.
#[derive(Debug, thiserror::Error)]
#[error("the extraction process cannot be used ({0})")]
pub struct ExtractionError(#[from] std::io::Error);

/// What an extractor is made of.
#[derive(Clone)]
pub struct ExtractorParts {
    /// The binary that has the subcommand `extract-worker`.
    pub program: PathBuf,
    /// How documents are extracted.
    pub options: ExtractOptions,
    /// What one document may cost.
    pub limits: ExtractorLimits,
    /// What reads scanned pages, if anything does.
    pub recognizer: Option<Arc<dyn TextRecognizer>>,
    /// Where the memory of all processes is added up.
    pub gauge: Arc<ChildGauge>,
}

/// Changes when readers find more than they did.
const READERS_VERSION: u32 = 2;

impl ExtractorParts {
    /// What can be read, in a word that changes when that changes: with it, what could not be read is tried again. Passwords
    /// are in it as a hash.
    pub fn fingerprint(&self) -> String {
        let mut hasher = Sha256::new();
        for password in &self.options.passwords {
            hasher.update(password);
            hasher.update([0]);
        }
        let passwords: String = hasher.finalize()[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        let ocr = if self.recognizer.is_some() { "ocr" } else { "no-ocr" };
        format!("{READERS_VERSION} {:?} {ocr} {passwords}", self.options.pdf_backend)
    }
}

/// A child process that extracts one document at a time.
pub struct Extractor {
    pub(super) parts: ExtractorParts,
    process: Option<Process>,
}

impl Extractor {
    /// An extractor; its process starts with the first document.
    pub fn new(parts: ExtractorParts) -> Self {
        Self { parts, process: None }
    }

    /// Extracts a document that is in memory, with the documents inside it.
    ///
    /// # Errors
    /// [`ExtractionError`] when no process can be started.
    pub async fn extract(&mut self, name: &str, bytes: &[u8]) -> Result<Result<Document, Refusal>, ExtractionError> {
        let mut source = InMemory::new(bytes);
        let mut reading = Reading::begin(self, name, &mut source, Task::Read);
        while let Some(read) = reading.next().await? {
            if let Read::Whole(outcome) = read {
                return Ok(outcome);
            }
        }
        Err(ExtractionError(std::io::Error::other("the document has no end")))
    }

    /// Reads a document: first the documents inside it, one by one, then itself. A crash, a hang or a bomb is that document's
    /// failure, or that of the page or entry where it happened, which is then left out; the next call starts afresh. What was
    /// given of a document is not given again. Scanned pages are recognised when there is something that does it.
    pub fn read<'e>(&'e mut self, name: &'e str, source: &'e mut dyn DocumentSource) -> Reading<'e> {
        Reading::begin(self, name, source, Task::ReadApart)
    }

    pub(super) async fn with_recognized(
        &mut self,
        document: Document,
        name: &str,
        source: &mut dyn DocumentSource,
        options: &ExtractOptions,
    ) -> Result<Result<Document, Refusal>, ExtractionError> {
        let unread: Vec<u32> = document.pages.iter().filter(|page| page.needs_ocr).map(|page| page.number).collect();
        let Some(recognizer) = self.parts.recognizer.clone().filter(|_| !unread.is_empty()) else {
            return Ok(Ok(document));
        };
        let words = self.recognized(recognizer.as_ref(), (name, source), &unread, options).await?;
        let read = document.with_recognized(&words);
        if read.text.trim().is_empty() {
            return Ok(Err(Refusal::Reader(ExtractError::NoText { pages: read.pages.len() })));
        }
        Ok(Ok(read))
    }

    /// The words on scanned pages. A page that cannot be drawn or recognised in time stays unread.
    async fn recognized(
        &mut self,
        recognizer: &dyn TextRecognizer,
        (name, source): (&str, &mut dyn DocumentSource),
        pages: &[u32],
        options: &ExtractOptions,
    ) -> Result<BTreeMap<u32, String>, ExtractionError> {
        let mut words = BTreeMap::new();
        let mut left = pages.to_vec();
        let began = Instant::now();
        let limit = self.parts.limits.wall_time_max;
        for _ in 0..=QUARANTINED_MAX {
            let mut process = self.take()?;
            let header = header(name, source.bytes(), &self.parts.limits, options, &Task::Draw(left.clone()));
            let sent = timeout(limit, send_request(&mut process.input, &header, source)).await;
            let mut whole = matches!(sent, Ok(Ok(())));
            while whole && began.elapsed() < limit * CONTAINER_FACTOR {
                match process.hear(Instant::now() + limit).await {
                    // Pages come in their order; the one that is being drawn is not tried again.
                    Heard::Frame(Frame::Drawing(page)) => left.retain(|later| *later > page),
                    Heard::Frame(Frame::Picture(picture)) => {
                        if let Ok(found) = recognizer.recognize(&picture.to_pgm()).await {
                            words.insert(picture.page, found);
                        }
                    }
                    Heard::Frame(Frame::Result(_)) => {
                        self.keep(process, source.bytes());
                        return Ok(words);
                    }
                    Heard::Frame(_) => {}
                    Heard::Broken | Heard::TooSlow | Heard::TooLarge => whole = false,
                }
            }
            process.kill().await;
            if left.is_empty() || began.elapsed() >= limit * CONTAINER_FACTOR {
                break;
            }
        }
        Ok(words)
    }

    pub(super) fn take(&mut self) -> std::io::Result<Process> {
        self.process.take().map_or_else(|| Process::start(&self.parts), Ok)
    }

    /// Keeps the process that read a document of `bytes`, if it may read another.
    pub(super) fn keep(&mut self, process: Process, bytes: u64) {
        self.process = process.after_document(bytes);
    }
}

/// What precedes the bytes of a document.
pub(super) fn header(
    name: &str,
    bytes: u64,
    limits: &ExtractorLimits,
    options: &ExtractOptions,
    task: &Task,
) -> RequestHeader {
    let (name, options, task) = (name.to_owned(), options.clone(), task.clone());
    RequestHeader { name, bytes, cpu_seconds: limits.cpu_seconds_max, options, task }
}
