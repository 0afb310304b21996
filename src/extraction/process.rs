//! One child process: how it is started, what it holds, and what its end means.

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::BufReader;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, sleep_until, timeout};

use super::extractor::{ExtractorLimits, ExtractorParts};
use super::gauge::Meter;
use super::wire::{Frame, read_frame};
use crate::faults;
use crate::types::Failure;

/// A fresh process now and then bounds what parsers leak.
const DOCUMENTS_PER_PROCESS: u32 = 200;
/// A process that holds more after a document is let go, because allocators keep what they once had. 64 MiB: an ordinary
/// document costs less, so it is the large ones that are followed by a fresh process.
const IDLE_BYTES_MAX: u64 = 64 << 20;
/// A document that is not small is worth a look at what it left behind; small ones together are, too.
const LOOK_FROM_BYTES: u64 = 64 << 10;
const DOCUMENTS_PER_LOOK: u32 = 16;
/// How often a process that works is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// How long a process that closed its output is waited for.
const DEATH_WAIT: Duration = Duration::from_secs(5);

/// A child process, and what its pipes carry.
pub(super) struct Process {
    child: Child,
    pub(super) input: ChildStdin,
    output: BufReader<ChildStdout>,
    meter: Meter,
    documents: u32,
    resident_bytes_max: u64,
}

/// What came of waiting for a frame.
pub(super) enum Heard {
    Frame(Frame),
    /// The process is gone or talks nonsense.
    Broken,
    TooSlow,
    /// It holds more memory than one document may cost.
    TooLarge,
}

impl Process {
    pub(super) fn start(parts: &ExtractorParts) -> std::io::Result<Self> {
        let mut child = Command::new(&parts.program)
            .args(["extract-worker", "--memory-bytes", &parts.limits.memory_bytes_max.to_string()])
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
        let output = BufReader::with_capacity(64 << 10, child.stdout.take().ok_or_else(missing)?);
        let meter = Meter::of(child.id(), Arc::clone(&parts.gauge));
        let resident_bytes_max = parts.limits.resident_bytes_max;
        Ok(Self { child, input, output, meter, documents: 0, resident_bytes_max })
    }

    /// Waits for what the child says, and watches it meanwhile.
    pub(super) async fn hear(&mut self, deadline: Instant) -> Heard {
        let mut frame = std::pin::pin!(read_frame(&mut self.output));
        let mut look = Instant::now() + LOOK_INTERVAL;
        loop {
            tokio::select! {
                biased;
                heard = &mut frame => return heard.map_or(Heard::Broken, Heard::Frame),
                () = sleep_until(look.min(deadline)) => {}
            }
            if Instant::now() >= deadline {
                return Heard::TooSlow;
            }
            look += LOOK_INTERVAL;
            if self.meter.look() > self.resident_bytes_max {
                return Heard::TooLarge;
            }
        }
    }

    /// The process again, if it may read another document after one of `bytes`.
    pub(super) fn after_document(mut self, bytes: u64) -> Option<Self> {
        self.documents += 1;
        let may_be_large = bytes >= LOOK_FROM_BYTES || self.documents.is_multiple_of(DOCUMENTS_PER_LOOK);
        let holds_much = may_be_large && self.meter.look() > IDLE_BYTES_MAX;
        (self.documents < DOCUMENTS_PER_PROCESS && !holds_much).then_some(self)
    }

    /// Ends it. Waiting for it reaps it; it cannot refuse to die.
    pub(super) async fn kill(mut self) {
        self.meter.look();
        drop(self.child.kill().await);
    }

    /// How a process ended that does not talk any more.
    pub(super) async fn ended(mut self) -> std::io::Result<ExitStatus> {
        if let Ok(status) = timeout(DEATH_WAIT, self.child.wait()).await {
            return status;
        }
        drop(self.child.kill().await);
        self.child.wait().await
    }
}

/// What the end of a process means, and whether it ran out of time.
#[cfg(unix)]
pub(super) fn death(status: ExitStatus, limits: &ExtractorLimits) -> (Failure, bool) {
    use std::os::unix::process::ExitStatusExt;
    const SIGXCPU: i32 = 24;
    const SIGABRT: i32 = 6;
    let failure = match status.signal() {
        Some(SIGXCPU) => {
            let seconds = limits.cpu_seconds_max;
            failure("too_slow", format!("extraction used more than {seconds} s of CPU and was stopped"))
        }
        Some(SIGABRT) => {
            let mebibytes = limits.memory_bytes_max >> 20;
            let message = "extraction needed more than {} MiB of memory, or more stack, and was stopped";
            failure("too_much_memory", message.replace("{}", &mebibytes.to_string()))
        }
        _ => failure("crashed", format!("the extraction process died ({status})")),
    };
    (failure, status.signal() == Some(SIGXCPU))
}

/// What the end of a process means, and whether it ran out of time.
#[cfg(not(unix))]
pub(super) fn death(status: ExitStatus, _: &ExtractorLimits) -> (Failure, bool) {
    (failure("crashed", format!("the extraction process died ({status})")), false)
}

pub(super) fn too_slow(limits: &ExtractorLimits) -> Failure {
    let seconds = limits.wall_time_max.as_secs();
    failure("timeout", format!("extraction took longer than {seconds} s and was stopped"))
}

pub(super) fn too_large(limits: &ExtractorLimits) -> Failure {
    let mebibytes = limits.resident_bytes_max >> 20;
    failure("too_much_memory", format!("extraction needed more than {mebibytes} MiB of memory and was stopped"))
}

fn failure(code: &str, message: String) -> Failure {
    Failure { code: code.to_owned(), message }
}
