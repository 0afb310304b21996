//! The parent's side of extraction: one child process, watched, and started again when it dies.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use ibid_ingest::{Document, ExtractOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::IndexingError;
use super::worker::{RequestHeader, Response};
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

/// A child process that extracts one document at a time.
pub struct Extractor {
    program: PathBuf,
    options: ExtractOptions,
    limits: ExtractorLimits,
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
/// A result is the text and little more; a larger one is not ours.
const RESPONSE_BYTES_MAX: u64 = 1 << 30;

impl Extractor {
    /// An extractor that runs `program extract-worker`.
    pub fn new(program: PathBuf, options: ExtractOptions, limits: ExtractorLimits) -> Self {
        Self { program, options, limits, running: None }
    }

    /// Extracts a document. A crash, a hang or a bomb is that document's failure; the next call starts afresh.
    ///
    /// # Errors
    /// [`IndexingError::Extractor`] when no process can be started.
    pub async fn extract(&mut self, name: &str, bytes: &[u8]) -> Result<Result<Document, Failure>, IndexingError> {
        let mut running = match self.running.take() {
            Some(running) if running.documents < DOCUMENTS_PER_PROCESS => running,
            _ => self.start().map_err(IndexingError::Extractor)?,
        };
        let header = RequestHeader {
            name: name.to_owned(),
            bytes: bytes.len() as u64,
            cpu_seconds: self.limits.cpu_seconds_max,
            options: self.options.clone(),
        };
        let limit = self.limits.wall_time_max;
        match tokio::time::timeout(limit, exchange(&mut running, &header, bytes)).await {
            Ok(Ok(response)) => {
                running.documents += 1;
                self.running = Some(running);
                Ok(response)
            }
            Ok(Err(_)) => {
                let status = running.child.wait().await.map_err(IndexingError::Extractor)?;
                Ok(Err(self.death(status)))
            }
            Err(_) => {
                // Waiting for it reaps it; it cannot refuse to die.
                drop(running.child.kill().await);
                Ok(Err(self.too_slow()))
            }
        }
    }

    fn start(&self) -> std::io::Result<Running> {
        let mut child = Command::new(&self.program)
            .args(["extract-worker", "--memory-bytes", &self.limits.memory_bytes_max.to_string()])
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
        let seconds = self.limits.wall_time_max.as_secs();
        Failure {
            code: "timeout".to_owned(),
            message: format!("extraction took longer than {seconds} s and was stopped"),
        }
    }

    #[cfg(unix)]
    fn death(&self, status: ExitStatus) -> Failure {
        use std::os::unix::process::ExitStatusExt;
        const SIGXCPU: i32 = 24;
        const SIGABRT: i32 = 6;
        let (code, message) = match status.signal() {
            Some(SIGXCPU) => {
                let seconds = self.limits.cpu_seconds_max;
                ("too_slow", format!("extraction used more than {seconds} s of CPU and was stopped"))
            }
            Some(SIGABRT) => {
                let mebibytes = self.limits.memory_bytes_max >> 20;
                (
                    "too_much_memory",
                    format!("extraction needed more than {mebibytes} MiB of memory, or more stack, and was stopped"),
                )
            }
            _ => ("crashed", format!("the extraction process died ({status})")),
        };
        Failure { code: code.to_owned(), message }
    }

    #[cfg(not(unix))]
    fn death(&self, status: ExitStatus) -> Failure {
        Failure { code: "crashed".to_owned(), message: format!("the extraction process died ({status})") }
    }
}

async fn exchange(running: &mut Running, header: &RequestHeader, bytes: &[u8]) -> std::io::Result<Response> {
    let json = serde_json::to_vec(header)?;
    let header_bytes = u32::try_from(json.len()).map_err(std::io::Error::other)?;
    running.input.write_all(&header_bytes.to_le_bytes()).await?;
    running.input.write_all(&json).await?;
    running.input.write_all(bytes).await?;
    running.input.flush().await?;
    let length = running.output.read_u64_le().await?;
    if length > RESPONSE_BYTES_MAX {
        return Err(std::io::Error::other("the result is too long"));
    }
    let mut response = vec![0; usize::try_from(length).map_err(std::io::Error::other)?];
    running.output.read_exact(&mut response).await?;
    Ok(serde_json::from_slice(&response)?)
}
