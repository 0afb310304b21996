//! The parent's side of extraction: one child process, kept warm, watched, and started again when it dies.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ibid_ingest::{Document, ExtractError, ExtractOptions};
use sha2::{Digest, Sha256};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, timeout, timeout_at};

use super::recognition::TextRecognizer;
use super::refusal::Refusal;
use super::wire::{Frame, RequestHeader, Response, Task, read_frame, send_request};
use crate::faults;
use crate::types::Failure;

/// What one document may cost.
#[derive(Debug, Clone, Copy)]
pub struct ExtractorLimits {
    /// Address space of the process.
    pub memory_bytes_max: u64,
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
}

/// Changes when readers find more than they did.
const READERS_VERSION: u32 = 1;

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
    parts: ExtractorParts,
    running: Option<Running>,
}

struct Running {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    documents: u32,
}

/// A fresh process now and then bounds what parsers leak.
const DOCUMENTS_PER_PROCESS: u32 = 200;
/// Parts of one document that are left out because they ended the process; a document with more is given up.
const QUARANTINED_MAX: usize = 8;
/// What an archive or a mailbox may take in all, in times of the limit of one document: each document inside has its own.
const CONTAINER_FACTOR: u32 = 20;
/// How long a process that closed its output is waited for.
const DEATH_WAIT: Duration = Duration::from_secs(5);

/// How a try went.
enum End {
    Answer(Box<Response>),
    /// The process is gone or talks nonsense.
    Broken,
    TooSlow,
}

/// What is known of a document while it is read.
struct Watch {
    limit: Duration,
    began: Instant,
    deadline: Instant,
    /// The part that is read, and since when.
    part: Option<(String, Instant)>,
}

impl Watch {
    fn begin(limit: Duration) -> Self {
        let now = Instant::now();
        Self { limit, began: now, deadline: now + limit, part: None }
    }

    /// Whether there is time for another try: as much as one document has is left of what a container has.
    fn allows_another(&self) -> bool {
        self.began.elapsed() < self.limit * (CONTAINER_FACTOR - 1)
    }

    /// Begins another try. The time of all tries together is what counts.
    fn again(&mut self) {
        self.deadline = Instant::now() + self.limit;
        self.part = None;
    }

    fn hear(&mut self, part: String, is_document: bool) {
        let now = Instant::now();
        if is_document {
            self.deadline = (now + self.limit).min(self.began + self.limit * CONTAINER_FACTOR);
        }
        // A part without a name is the end of the one before.
        self.part = Some((part, now)).filter(|(part, _)| !part.is_empty());
    }

    /// The part to blame. A process that was stopped because of its time may only have had too much to do, unless it spent
    /// most of the time on one part.
    fn suspect(&self, out_of_time: bool) -> Option<String> {
        let (part, since) = self.part.as_ref()?;
        (!out_of_time || since.elapsed() * 2 >= self.limit.min(self.began.elapsed())).then(|| part.clone())
    }
}

impl Extractor {
    /// An extractor; its process starts with the first document.
    pub fn new(parts: ExtractorParts) -> Self {
        Self { parts, running: None }
    }

    /// Extracts a document. A crash, a hang or a bomb is that document's failure, or that of the page or entry where it
    /// happened, which is then left out; the next call starts afresh. Scanned pages are recognised when there is something
    /// that does it.
    ///
    /// # Errors
    /// [`ExtractionError`] when no process can be started.
    pub async fn extract(&mut self, name: &str, bytes: &[u8]) -> Result<Result<Document, Refusal>, ExtractionError> {
        let scans = self.parts.recognizer.is_some();
        let mut options = ExtractOptions { scans, ..self.parts.options.clone() };
        let document = match self.read(name, bytes, &mut options).await? {
            Ok(document) => document,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let unread: Vec<u32> = document.pages.iter().filter(|page| page.needs_ocr).map(|page| page.number).collect();
        let Some(recognizer) = self.parts.recognizer.clone().filter(|_| !unread.is_empty()) else {
            return Ok(Ok(document));
        };
        let words = self.recognized(recognizer.as_ref(), (name, bytes), &unread, &options).await?;
        let read = document.with_recognized(&words);
        if read.text.trim().is_empty() {
            return Ok(Err(Refusal::Reader(ExtractError::NoText { pages: read.pages.len() })));
        }
        Ok(Ok(read))
    }

    /// Reads a document; what ends the process goes to the parts that `options` leave out.
    async fn read(
        &mut self,
        name: &str,
        bytes: &[u8],
        options: &mut ExtractOptions,
    ) -> Result<Result<Document, Refusal>, ExtractionError> {
        let mut watch = Watch::begin(self.parts.limits.wall_time_max);
        loop {
            let mut running = self.take()?;
            let header = self.header((name, bytes), options, Task::Read);
            watch.again();
            let (failure, out_of_time) = match converse(&mut running, &header, bytes, &mut watch).await {
                End::Answer(response) => {
                    self.keep(running);
                    return Ok(response.map_err(Refusal::Reader));
                }
                End::Broken => self.death(ended(&mut running.child).await?),
                End::TooSlow => {
                    // Waiting for it reaps it; it cannot refuse to die.
                    drop(running.child.kill().await);
                    (self.too_slow(), true)
                }
            };
            let may_try = options.skip.len() < QUARANTINED_MAX && watch.allows_another();
            let suspect = watch.suspect(out_of_time).filter(|_| may_try);
            if !suspect.is_some_and(|part| options.skip.insert(part)) {
                return Ok(Err(Refusal::Process(failure)));
            }
        }
    }

    /// The words on scanned pages. A page that cannot be drawn or recognised in time stays unread.
    async fn recognized(
        &mut self,
        recognizer: &dyn TextRecognizer,
        (name, bytes): (&str, &[u8]),
        pages: &[u32],
        options: &ExtractOptions,
    ) -> Result<BTreeMap<u32, String>, ExtractionError> {
        let mut words = BTreeMap::new();
        let mut left = pages.to_vec();
        let began = Instant::now();
        let limit = self.parts.limits.wall_time_max;
        for _ in 0..=QUARANTINED_MAX {
            let mut running = self.take()?;
            let header = self.header((name, bytes), options, Task::Draw(left.clone()));
            let sent = timeout(limit, send_request(&mut running.input, &header, bytes)).await;
            let mut whole = matches!(sent, Ok(Ok(())));
            while whole && began.elapsed() < limit * CONTAINER_FACTOR {
                match timeout(limit, read_frame(&mut running.output)).await {
                    // Pages come in their order; the one that is being drawn is not tried again.
                    Ok(Ok(Frame::Drawing(page))) => left.retain(|later| *later > page),
                    Ok(Ok(Frame::Picture(picture))) => {
                        if let Ok(found) = recognizer.recognize(&picture.to_pgm()).await {
                            words.insert(picture.page, found);
                        }
                    }
                    Ok(Ok(Frame::Result(_))) => {
                        self.keep(running);
                        return Ok(words);
                    }
                    Ok(Ok(Frame::Part(_) | Frame::Child(_))) => {}
                    Ok(Err(_)) | Err(_) => whole = false,
                }
            }
            drop(running.child.kill().await);
            if left.is_empty() || began.elapsed() >= limit * CONTAINER_FACTOR {
                break;
            }
        }
        Ok(words)
    }

    fn take(&mut self) -> std::io::Result<Running> {
        match self.running.take() {
            Some(running) if running.documents < DOCUMENTS_PER_PROCESS => Ok(running),
            _ => self.start(),
        }
    }

    fn keep(&mut self, running: Running) {
        self.running = Some(Running { documents: running.documents + 1, ..running });
    }

    fn header(&self, (name, bytes): (&str, &[u8]), options: &ExtractOptions, task: Task) -> RequestHeader {
        RequestHeader {
            name: name.to_owned(),
            bytes: bytes.len() as u64,
            cpu_seconds: self.parts.limits.cpu_seconds_max,
            options: options.clone(),
            task,
        }
    }

    fn start(&self) -> std::io::Result<Running> {
        let mut child = Command::new(&self.parts.program)
            .args(["extract-worker", "--memory-bytes", &self.parts.limits.memory_bytes_max.to_string()])
            // What the environment holds, keys and addresses among it, is nothing for what reads strangers' files.
            .env_clear()
            .envs(faults::part_setting())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let missing = || std::io::Error::other("the process has no pipes");
        let input = child.stdin.take().ok_or_else(missing)?;
        let output = child.stdout.take().ok_or_else(missing)?;
        Ok(Running { child, input, output, documents: 0 })
    }

    fn too_slow(&self) -> Failure {
        let seconds = self.parts.limits.wall_time_max.as_secs();
        Failure {
            code: "timeout".to_owned(),
            message: format!("extraction took longer than {seconds} s and was stopped"),
        }
    }

    /// What the end of a process means, and whether it ran out of time.
    #[cfg(unix)]
    fn death(&self, status: ExitStatus) -> (Failure, bool) {
        use std::os::unix::process::ExitStatusExt;
        const SIGXCPU: i32 = 24;
        const SIGABRT: i32 = 6;
        let (code, message) = match status.signal() {
            Some(SIGXCPU) => {
                let seconds = self.parts.limits.cpu_seconds_max;
                ("too_slow", format!("extraction used more than {seconds} s of CPU and was stopped"))
            }
            Some(SIGABRT) => {
                let mebibytes = self.parts.limits.memory_bytes_max >> 20;
                (
                    "too_much_memory",
                    format!("extraction needed more than {mebibytes} MiB of memory, or more stack, and was stopped"),
                )
            }
            _ => ("crashed", format!("the extraction process died ({status})")),
        };
        (Failure { code: code.to_owned(), message }, status.signal() == Some(SIGXCPU))
    }

    #[cfg(not(unix))]
    fn death(&self, status: ExitStatus) -> (Failure, bool) {
        let message = format!("the extraction process died ({status})");
        (Failure { code: "crashed".to_owned(), message }, false)
    }
}

/// Sends the document and listens to what becomes of it.
async fn converse(running: &mut Running, header: &RequestHeader, bytes: &[u8], watch: &mut Watch) -> End {
    match timeout_at(watch.deadline, send_request(&mut running.input, header, bytes)).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) => return End::Broken,
        Err(_) => return End::TooSlow,
    }
    loop {
        match timeout_at(watch.deadline, read_frame(&mut running.output)).await {
            Ok(Ok(Frame::Part(part))) => watch.hear(part, false),
            Ok(Ok(Frame::Drawing(_) | Frame::Picture(_))) => return End::Broken,
            Ok(Ok(Frame::Child(path))) => watch.hear(path, true),
            Ok(Ok(Frame::Result(json))) => return End::Answer(Box::new(understood(&json))),
            Ok(Err(_)) => return End::Broken,
            Err(_) => return End::TooSlow,
        }
    }
}

/// The response. One that cannot be understood comes from a document that no other try would read better.
fn understood(json: &[u8]) -> Response {
    serde_json::from_slice(json).unwrap_or_else(|_| {
        Err(ExtractError::Damaged {
            format: "file".to_owned(),
            reason: "what was read of it cannot be handed on".to_owned(),
        })
    })
}

/// How a process ended that does not talk any more.
async fn ended(child: &mut Child) -> std::io::Result<ExitStatus> {
    if let Ok(status) = timeout(DEATH_WAIT, child.wait()).await {
        return status;
    }
    drop(child.kill().await);
    child.wait().await
}
