//! EXTRACTION: a document out of a file's bytes, read in a child process that is fenced in.
//!
//! `extractor` is the parent's side: it keeps a process warm, watches it, and when it dies leaves out the part that killed it
//! and tries again. `worker` is the child's side, `fence` what it denies itself, `wire` what the two say to each other.
//! `recognition` reads scanned pages, whose pictures the child draws.
//! Nothing that a file does to its reader reaches the process that serves.

mod extractor;
mod fence;
mod recognition;
mod refusal;
mod wire;
mod worker;

pub use extractor::{ExtractionError, Extractor, ExtractorLimits, ExtractorParts};
pub use recognition::{Tesseract, TextRecognizer};
pub use refusal::Refusal;
pub use worker::serve_extraction;
