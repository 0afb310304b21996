//! An extraction error says which limit, format or byte stopped a document, under a code that stays the same.

use serde::{Deserialize, Serialize};

/// Why a document gives no text. It can be serialised, because extraction may run in another process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ExtractError {
    /// There are no bytes, or nothing but white space.
    #[error("document is empty: {bytes} bytes and no visible character")]
    Empty {
        /// Size of the input in bytes.
        bytes: usize,
    },
    /// The bytes are no text in any encoding that is known here.
    #[error("document is binary: {controls} control bytes in the first {sample}")]
    Binary {
        /// Control bytes in the sample.
        controls: usize,
        /// Size of the sample in bytes.
        sample: usize,
    },
    /// The format is recognised and nothing here reads it.
    #[error("format is not supported: {format}")]
    Unsupported {
        /// What the bytes or the name say that it is.
        format: String,
    },
    /// A password is needed.
    #[error("document is encrypted: {format} needs a password")]
    Encrypted {
        /// The format.
        format: String,
    },
    /// The format is right and its content cannot be read.
    #[error("{format} is damaged: {reason}")]
    Damaged {
        /// The format.
        format: String,
        /// What was found.
        reason: String,
    },
    /// A size is above its limit.
    #[error("{what} is too large: {value} bytes, limit {limit}")]
    TooLarge {
        /// What was measured.
        what: String,
        /// Its size in bytes, or the size at which measuring stopped.
        value: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// There are more pages than the limit.
    #[error("document has too many pages: {pages}, limit {limit}")]
    TooManyPages {
        /// Pages in the document.
        pages: usize,
        /// The limit.
        limit: usize,
    },
    /// An archive has more entries than the limit.
    #[error("archive has too many entries: limit {limit}")]
    TooManyEntries {
        /// The limit.
        limit: usize,
    },
    /// The document lies too deep inside others.
    #[error("document lies too deep inside others: limit {limit}")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// The document ended the process that read it, and was left out when what contains it was read again.
    #[error("document stopped its reader and was left out")]
    Quarantined,
    /// There are pages, and no text on them: they were probably scanned.
    #[error("document has no text on {pages} pages: it needs ocr")]
    NoText {
        /// Pages in the document.
        pages: usize,
    },
    /// The text does not decode.
    #[error("text does not decode as {encoding}: {invalid} of {characters} characters are invalid")]
    Encoding {
        /// The encoding that fits best.
        encoding: String,
        /// Characters that could not be decoded.
        invalid: usize,
        /// Characters in all.
        characters: usize,
    },
}

impl ExtractError {
    /// A code that programs may depend on; it never changes for a variant.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty { .. } => "empty",
            Self::Binary { .. } => "binary",
            Self::Unsupported { .. } => "unsupported",
            Self::Encrypted { .. } => "encrypted",
            Self::Damaged { .. } => "damaged",
            Self::TooLarge { .. } => "too_large",
            Self::TooManyPages { .. } => "too_many_pages",
            Self::TooManyEntries { .. } => "too_many_entries",
            Self::TooDeep { .. } => "too_deep",
            Self::Quarantined => "quarantined",
            Self::NoText { .. } => "no_text",
            Self::Encoding { .. } => "encoding",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_process_boundary() {
        let error = ExtractError::TooLarge { what: "document".into(), value: 9, limit: 8 };
        let json = serde_json::to_string(&error).unwrap();
        assert_eq!(serde_json::from_str::<ExtractError>(&json).unwrap(), error);
        assert_eq!(error.to_string(), "document is too large: 9 bytes, limit 8");
    }
}
