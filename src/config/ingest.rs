//! What can be set of extraction and chunking.

use std::fmt;

use ibid_ingest::PdfBackend;
use serde::Deserialize;

use super::OriginalsConfig;

/// Extraction and chunking.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IngestConfig {
    /// Largest file. 128 MiB: books with pictures pass.
    pub file_bytes_max: u64,
    /// Longest chunk in tokens of a new data folder. 256 when it is not set: half of the embedder's window, so that headings
    /// fit beside it. What is indexed is cut anew by `ibid models switch`.
    pub chunk_tokens_max: Option<usize>,
    /// Which library reads PDF.
    pub pdf_backend: PdfBackend,
    /// Passwords to try on encrypted documents, in this order.
    pub passwords: Passwords,
    /// Whether only the article of a web page is read, without what stands around it. Off: a wrong guess loses text.
    pub html_article: bool,
    /// What reads scanned pages. Off: it takes seconds a page.
    pub ocr: OcrEngine,
    /// Languages that are looked for on scanned pages, as Tesseract names them.
    pub ocr_languages: String,
    /// Address space of the extraction process. 2 GiB: a bomb of 4 kB takes more.
    pub memory_bytes_max: u64,
    /// What the whole process may hold in memory, the model and the processes that read documents included. 512 MiB: a small
    /// machine has it beside everything else. 0 is no limit.
    pub max_memory_bytes: u64,
    /// CPU time of one document. 30 s: a PDF of 5,000 pages takes less.
    pub cpu_seconds_max: u64,
    /// Wall time of one document; longer than the CPU time, because machines are shared.
    pub wall_seconds_max: u64,
    /// Whether what comes in is embedded. Without it words are found, and meaning when somebody embeds later.
    pub embed: bool,
    /// Documents that are extracted side by side; two more than cores when it is not set, because a reader waits for its next
    /// file now and then.
    pub lanes: Option<usize>,
    /// How long a process that stops answering keeps its work from the others on a shared database. Every step extends it,
    /// and takes seconds on the slowest machine.
    pub lease_s: u64,
    /// Sources that are ingested side by side. 1: each reads with as many processes as there are cores.
    pub sources_at_once: usize,
    /// Whether and where files are kept as they were read: `true`, or an address.
    pub keep_originals: OriginalsConfig,
}

/// What reads scanned pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OcrEngine {
    /// Nothing; such pages are counted.
    #[default]
    Off,
    /// The program `tesseract`, which has to be installed.
    Tesseract,
}

/// Passwords, which are never shown.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Passwords(pub Vec<String>);

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} set", self.0.len())
    }
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            file_bytes_max: 128 << 20,
            chunk_tokens_max: None,
            pdf_backend: PdfBackend::Hayro,
            passwords: Passwords::default(),
            html_article: false,
            ocr: OcrEngine::Off,
            ocr_languages: "kor+eng".to_owned(),
            memory_bytes_max: 2 << 30,
            max_memory_bytes: 512 << 20,
            cpu_seconds_max: 30,
            wall_seconds_max: 120,
            embed: true,
            lanes: None,
            lease_s: 60,
            sources_at_once: 1,
            keep_originals: OriginalsConfig::Off,
        }
    }
}
