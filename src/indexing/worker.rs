//! The child process that extracts: our own binary with a hidden subcommand, fenced in by limits on itself.
//!
//! It reads requests from standard input and writes results to standard output: a length, a JSON header, for requests
//! the bytes. It ends with its input, so it never outlives its parent for longer than one document.

use std::io::{Read, Write};

use ibid_ingest::{Document, ExtractOptions};
use serde::{Deserialize, Serialize};

use crate::types::Failure;

/// What precedes the bytes of a document.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RequestHeader {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) cpu_seconds: u64,
    pub(super) options: ExtractOptions,
}

/// The result of one document.
pub(super) type Response = Result<Document, Failure>;

/// Parsers recurse as deep as a document nests; the main thread's 8 MiB are not enough for real ones.
const STACK_BYTES: usize = 64 << 20;

/// Serves extraction until standard input ends. `memory_bytes_max` bounds the address space of the whole process.
///
/// # Errors
/// When standard input or output breaks.
pub fn serve_extraction(memory_bytes_max: u64) -> std::io::Result<()> {
    use rlimit::Resource;
    for (resource, limit) in [(Resource::AS, memory_bytes_max), (Resource::CORE, 0), (Resource::FSIZE, 0)] {
        rlimit::setrlimit(resource, limit, limit)?;
    }
    let serve = || {
        let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
        while let Some((header, bytes)) = read_request(&mut input)? {
            limit_cpu(header.cpu_seconds);
            let response = extract(&header, &bytes);
            drop(bytes);
            write_response(&mut output, &response)?;
        }
        Ok(())
    };
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(serve)?;
    thread.join().unwrap_or_else(|_| Err(std::io::Error::other("extraction panicked")))
}

fn extract(header: &RequestHeader, bytes: &[u8]) -> Response {
    let work = std::panic::AssertUnwindSafe(|| ibid_ingest::extract(&header.name, bytes, &header.options));
    match std::panic::catch_unwind(work) {
        Ok(Ok(document)) => Ok(document),
        Ok(Err(error)) => Err(Failure { code: error.code().to_owned(), message: error.to_string() }),
        Err(_) => Err(Failure {
            code: "damaged".to_owned(),
            message: "the parser gave up on this file; it is probably damaged".to_owned(),
        }),
    }
}

fn read_request(input: &mut impl Read) -> std::io::Result<Option<(RequestHeader, Vec<u8>)>> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut header = vec![0; u32::from_le_bytes(length) as usize];
    input.read_exact(&mut header)?;
    let header: RequestHeader = serde_json::from_slice(&header)?;
    let mut bytes = vec![0; usize::try_from(header.bytes).map_err(std::io::Error::other)?];
    input.read_exact(&mut bytes)?;
    Ok(Some((header, bytes)))
}

fn write_response(output: &mut impl Write, response: &Response) -> std::io::Result<()> {
    let json = serde_json::to_vec(response)?;
    output.write_all(&(json.len() as u64).to_le_bytes())?;
    output.write_all(&json)?;
    output.flush()
}

/// Moves the CPU limit to what was used so far and `seconds` more. The kernel then stops the process in the midst of
/// the document; where the use cannot be read, the parent's wall clock is the only limit.
fn limit_cpu(seconds: u64) {
    let Some(used) = cpu_seconds_used() else { return };
    // One process extracts many documents, so the hard limit stays open and only the soft one moves.
    drop(rlimit::setrlimit(rlimit::Resource::CPU, used + seconds, rlimit::INFINITY));
}

fn cpu_seconds_used() -> Option<u64> {
    const TICKS_PER_SECOND: u64 = 100;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // Fields after the command name, which may hold anything: proc(5) counts utime as 14 and stime as 15.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(ticks / TICKS_PER_SECOND + 1)
}
