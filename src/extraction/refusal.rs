//! A refusal says why a document gave nothing: its reader said so, or the process that read it ended.

use ibid_ingest::ExtractError;

use crate::types::Failure;

/// Why a document gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Its reader says why.
    Reader(ExtractError),
    /// The process that read it ended.
    Process(Failure),
}

impl Refusal {
    /// Scanned pages that nobody read, when that is the reason.
    pub fn pages_need_ocr(&self) -> usize {
        match self {
            Self::Reader(ExtractError::NoText { pages }) => *pages,
            _ => 0,
        }
    }
}

impl From<ExtractError> for Failure {
    fn from(error: ExtractError) -> Self {
        Self { code: error.code().to_owned(), message: error.to_string() }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Reader(error) => error.into(),
            Refusal::Process(failure) => failure,
        }
    }
}
