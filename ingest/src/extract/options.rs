//! Options choose between readers of one format and set the limits.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::Limits;

/// How to extract.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtractOptions {
    /// What one document may cost.
    pub limits: Limits,
    /// Which library reads PDF.
    pub pdf_backend: PdfBackend,
    /// Passwords to try on encrypted files, in this order, after the empty one.
    #[serde(default)]
    pub passwords: Vec<String>,
    /// Whether a document of nothing but scanned pages is given, without text, rather than refused: for one who can read them.
    #[serde(default)]
    pub scans: bool,
    /// Whether only the article of a web page is read, without what stands around it.
    #[serde(default)]
    pub html_article: bool,
    /// Parts that are left out, named as an [`Observer`](super::Observer) hears them: they ended the process before.
    #[serde(default)]
    pub skip: BTreeSet<String>,
    /// Documents inside that an [`Observer`](super::Observer) has from an earlier try, by their keys: they are not read again.
    #[serde(default)]
    pub given: BTreeSet<String>,
}

impl std::fmt::Debug for ExtractOptions {
    /// Without the passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExtractOptions")
            .field("limits", &self.limits)
            .field("pdf_backend", &self.pdf_backend)
            .field("passwords", &self.passwords.len())
            .field("scans", &self.scans)
            .field("html_article", &self.html_article)
            .field("skip", &self.skip)
            .field("given", &self.given.len())
            .finish()
    }
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
