//! EXTRACTION: a document out of a file's bytes, read in a child process that is fenced in.
//!
//! `extractor` is the parent's side: it keeps a `process` warm, and `reading` a document watches it, takes what comes, and when
//! it dies leaves out the part that killed it and tries again. `gauge` adds up what all processes hold. `worker` is the
//! child's side, `fence` what it denies itself, `wire` what the two say to each other, `input` the bytes that go there.
//! `recognition` reads scanned pages, whose pictures the child draws.
//! Nothing that a file does to its reader reaches the process that serves.

mod extractor;
mod fence;
mod gauge;
mod input;
mod process;
mod reading;
mod recognition;
mod refusal;
mod wire;
mod worker;

pub use extractor::{ExtractionError, Extractor, ExtractorLimits, ExtractorParts};
pub use gauge::ChildGauge;
pub use input::DocumentSource;
pub use reading::{Read, Reading};
pub use recognition::{Tesseract, TextRecognizer};
pub use refusal::Refusal;
pub use worker::serve_extraction;
