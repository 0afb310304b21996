//! The child process that extracts: our own binary with a hidden subcommand, fenced in by limits on itself.
//!
//! It reads requests from standard input and writes results to standard output. It ends with its input, so it never outlives
//! its parent for longer than one document.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{BufWriter, Read, Seek, Write};
use std::sync::Arc;

use ibid_ingest::{Child, ExtractError, Observer};

use super::fence::close_in;
use super::wire::{Frame, RequestHeader, Response, Task, read_request, write_frame, write_inside, write_result};
use crate::faults;

/// Parsers recurse as deep as a document nests; the main thread's 8 MiB are not enough for real ones.
const STACK_BYTES: usize = 64 << 20;

/// Serves extraction until standard input ends. `memory_bytes_max` bounds the address space of the whole process.
///
/// # Errors
/// When standard input or output breaks.
pub fn serve_extraction(memory_bytes_max: u64) -> std::io::Result<()> {
    // Behind the fence no file can be opened.
    let clock = CpuClock::open();
    close_in(memory_bytes_max)?;
    let out = output()?;
    let serve = move || {
        let mut input = std::io::stdin().lock();
        let out = RefCell::new(BufWriter::with_capacity(64 << 10, out));
        let teller = Teller { out, clock, cpu_seconds: Cell::new(0), apart: Cell::new(false) };
        while let Some((header, bytes)) = read_request(&mut input)? {
            teller.cpu_seconds.set(header.cpu_seconds);
            teller.apart.set(matches!(header.task, Task::ReadApart));
            teller.clock.limit(header.cpu_seconds);
            match &header.task {
                Task::Read | Task::ReadApart => {
                    // The bytes are gone before the result is written out.
                    let response = extract(&header, bytes, &teller);
                    write_result(&mut *teller.out.borrow_mut(), response)?;
                }
                Task::Draw(pages) => {
                    let json = serde_json::to_vec(&draw(&header, &bytes, pages, &teller))?;
                    write_frame(&mut *teller.out.borrow_mut(), &Frame::Result(json))?;
                }
            }
        }
        Ok(())
    };
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(serve)?;
    thread.join().unwrap_or_else(|_| Err(std::io::Error::other("extraction panicked")))
}

/// Standard output. The standard library writes to it line by line, and what goes out here has no lines.
#[cfg(unix)]
fn output() -> std::io::Result<Box<dyn Write + Send>> {
    use std::os::fd::AsFd;
    Ok(Box::new(File::from(std::io::stdout().as_fd().try_clone_to_owned()?)))
}

#[cfg(not(unix))]
fn output() -> std::io::Result<Box<dyn Write + Send>> {
    Ok(Box::new(std::io::stdout()))
}

/// Tells the parent which part is read.
struct Teller {
    out: RefCell<BufWriter<Box<dyn Write + Send>>>,
    clock: CpuClock,
    cpu_seconds: Cell<u64>,
    /// Whether documents inside go out one by one.
    apart: Cell<bool>,
}

impl Observer for Teller {
    fn begins(&self, part: &str) {
        // A parent that does not listen any more ends this process with its next request.
        drop(write_frame(&mut *self.out.borrow_mut(), &Frame::Part(part.to_owned())));
        faults::part(part);
    }

    fn ends(&self) {
        drop(write_frame(&mut *self.out.borrow_mut(), &Frame::Part(String::new())));
    }

    fn begins_child(&self, path: &str) {
        self.clock.limit(self.cpu_seconds.get());
        drop(write_frame(&mut *self.out.borrow_mut(), &Frame::Child(path.to_owned())));
        faults::part(path);
    }

    fn child_read(&self, key: &str, child: Child) -> Option<Child> {
        if !self.apart.get() {
            return Some(child);
        }
        drop(write_inside(&mut *self.out.borrow_mut(), key, child));
        None
    }
}

fn extract(header: &RequestHeader, bytes: Vec<u8>, observer: &dyn Observer) -> Response {
    let bytes = Arc::new(bytes);
    let work =
        std::panic::AssertUnwindSafe(|| ibid_ingest::extract_shared(&header.name, &bytes, &header.options, observer));
    match std::panic::catch_unwind(work) {
        Ok(response) => response,
        Err(_) => {
            Err(ExtractError::Damaged { format: "file".to_owned(), reason: "the parser gave up on it".to_owned() })
        }
    }
}

/// Sends pictures of pages, one after the other.
fn draw(header: &RequestHeader, bytes: &[u8], pages: &[u32], teller: &Teller) -> Result<(), ExtractError> {
    for page in pages {
        teller.clock.limit(header.cpu_seconds);
        drop(write_frame(&mut *teller.out.borrow_mut(), &Frame::Drawing(*page)));
        let draw = || {
            ibid_ingest::page_pictures(bytes, &[*page], &header.options, &mut |picture| {
                drop(write_frame(&mut *teller.out.borrow_mut(), &Frame::Picture(picture)));
            })
        };
        draw()?;
    }
    Ok(())
}

/// The CPU time that this process has used, which it reads from a file that it keeps open.
struct CpuClock(Option<RefCell<File>>);

impl CpuClock {
    fn open() -> Self {
        Self(File::open("/proc/self/stat").ok().map(RefCell::new))
    }

    /// Moves the CPU limit to what was used so far and `seconds` more. The kernel then stops the process in the midst of
    /// the document; where the use cannot be read, the parent's wall clock is the only limit.
    fn limit(&self, seconds: u64) {
        let Some(used) = self.seconds_used() else { return };
        // One process extracts many documents, so the hard limit stays open and only the soft one moves.
        drop(rlimit::setrlimit(rlimit::Resource::CPU, used + seconds, rlimit::INFINITY));
    }

    fn seconds_used(&self) -> Option<u64> {
        const TICKS_PER_SECOND: u64 = 100;
        let mut file = self.0.as_ref()?.borrow_mut();
        let mut stat = String::new();
        file.rewind().ok()?;
        file.read_to_string(&mut stat).ok()?;
        // Fields after the command name, which may hold anything: proc(5) counts utime as 14 and stime as 15.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        Some(ticks / TICKS_PER_SECOND + 1)
    }
}
