//! Options choose between readers of one format and set the limits.

use serde::{Deserialize, Serialize};

use crate::Limits;

/// How to extract.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtractOptions {
    /// What one document may cost.
    pub limits: Limits,
    /// Which library reads PDF.
    pub pdf_backend: PdfBackend,
}

/// The libraries that read PDF.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PdfBackend {
    /// `hayro-interpret` with the layout rules of this crate: reads damaged files, and CJK fonts that are not embedded.
    #[default]
    Hayro,
    /// `pdf-extract`, behind the cargo feature of the same name.
    PdfExtract,
}
