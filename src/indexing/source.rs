//! Reading a file whole, within a limit, and noticing when it changes meanwhile.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use super::scan::FoundFile;
use crate::types::{Failure, SourceStamp};

/// A file's bytes and what it looked like when they were read.
pub(super) struct Source {
    pub(super) bytes: Vec<u8>,
    pub(super) stamp: SourceStamp,
}

/// Reads a file whole. A file that changes meanwhile is read once more, and then given up.
pub(super) async fn read_file(file: &FoundFile, bytes_max: u64) -> Result<Source, Failure> {
    let path = file.path.clone();
    let read = move || match read_steady(&path, bytes_max) {
        Ok(None) => read_steady(&path, bytes_max),
        steady => steady,
    };
    let cancelled = |_| failure("unreadable", "reading was cancelled".to_owned());
    let source = tokio::task::spawn_blocking(read).await.map_err(cancelled)??;
    source.ok_or_else(|| failure("changed", "the file changed while it was read, twice".to_owned()))
}

/// Reads a file whole that nobody else has.
pub(super) async fn read_open(mut file: File, bytes_max: u64) -> Result<Source, Failure> {
    let read = move || {
        file.rewind().map_err(io)?;
        read_to_end(file, bytes_max)
    };
    let cancelled = |_| failure("unreadable", "reading was cancelled".to_owned());
    let source = tokio::task::spawn_blocking(read).await.map_err(cancelled)??;
    source.ok_or_else(|| failure("changed", "the file changed while it was read".to_owned()))
}

/// The file's bytes, or `None` when it changed while it was read.
fn read_steady(path: &Path, bytes_max: u64) -> Result<Option<Source>, Failure> {
    read_to_end(File::open(path).map_err(io)?, bytes_max)
}

/// What a file holds, read piece by piece.
pub(super) fn hash_file(path: &Path) -> Result<SourceStamp, Failure> {
    let mut file = File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    let mut hasher = Sha256::new();
    let bytes = std::io::copy(&mut file, &mut hasher).map_err(io)?;
    let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modified_ns = since.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0);
    let sha256 = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(SourceStamp { bytes, modified_ns, sha256 })
}

#[expect(clippy::needless_pass_by_value, reason = "it is the form that map_err takes")]
fn io(error: std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::NotFound => failure("vanished", "the file vanished before it was read".to_owned()),
        _ => failure("unreadable", format!("the file cannot be read ({error})")),
    }
}

fn read_to_end(mut file: File, bytes_max: u64) -> Result<Option<Source>, Failure> {
    let before = file.metadata().map_err(io)?;
    if before.len() > bytes_max {
        let message = format!("the file has {} bytes, the limit is {bytes_max} (limits.file_bytes_max)", before.len());
        return Err(failure("too_large", message));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(before.len()).unwrap_or(0));
    // One byte more than it said shows that it grew, and is never a memory without bound.
    file.by_ref().take(before.len() + 1).read_to_end(&mut bytes).map_err(io)?;
    let after = file.metadata().map_err(io)?;
    let modified = after.modified().ok();
    if bytes.len() as u64 != after.len() || modified != before.modified().ok() {
        return Ok(None);
    }
    let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modified_ns = since.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0);
    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let stamp = SourceStamp { bytes: bytes.len() as u64, modified_ns, sha256 };
    Ok(Some(Source { bytes, stamp }))
}

fn failure(code: &str, message: String) -> Failure {
    Failure { code: code.to_owned(), message }
}
