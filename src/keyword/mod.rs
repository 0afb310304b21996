//! Words: chunks in, the chunks that say a question's words out, ranked by BM25.
//!
//! One tantivy index in a folder, a view of the store: it follows the change log and keeps, in one commit, its data and
//! how far it has read. It holds terms and identifiers and no text. Every call blocks; callers on a runtime hand it to a
//! blocking thread.
//!
//! Scores are BM25 (k1 1.2, b 0.75), added up over three fields: the text of the chunk, its headings, and its document's
//! title. A filter changes which chunks are found and never their scores, and so do clauses: phrases that a chunk has to
//! have or must not have. Phrases are matched by the positions of their terms. On top of that, the best hundred of what
//! passes gain a little for words that stand next to each other as in the question.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::analysis::Language;
use crate::types::{ChunkId, DocumentId};

mod allowed;
mod clauses;
mod explain;
mod index;
mod neighbours;
mod phrase;
mod query;
mod schema;
mod scoring;
mod search;
mod terms;
#[cfg(test)]
mod tests;

pub use index::{KeywordIndex, KeywordOptions};
pub use query::{ChunkExplanation, KeywordAnswer, KeywordQuery};

/// Text beyond this is not read as a question.
const QUERY_BYTES_MAX: usize = 100_000;

/// A chunk with what it can be found and deleted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeywordEntry {
    /// The chunk.
    pub chunk: ChunkId,
    /// The document that it is a part of.
    pub document: DocumentId,
    /// The document's facets.
    pub facets: Arc<BTreeSet<String>>,
    /// The document's title.
    pub title: String,
    /// Titles of the headings above the chunk, outermost first.
    pub heading_path: Vec<String>,
    /// The chunk's words.
    pub text: String,
    /// The document's language as [`detect_language`](crate::analysis::detect_language) gives it.
    pub language: Option<Language>,
}

/// Changes to an index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeywordBatch {
    /// Documents with all their chunks; they replace whatever the index has of the document. When a document comes
    /// twice the later one counts.
    pub upserts: Vec<(DocumentId, Vec<KeywordEntry>)>,
    /// Documents to remove, before the upserts are applied.
    pub deletes: Vec<DocumentId>,
}

/// What a keyword index cannot do.
#[derive(Debug, thiserror::Error)]
pub enum KeywordError {
    /// Another process, or another value in this one, works on the folder.
    #[error("the keyword index {} is in use by another process", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The folder was written by a version of this program that made other terms of the same text: delete it and build
    /// it again, as every start of the program does.
    #[error("the keyword index {} has version {found}, this program needs {expected}; `ibid reindex` builds it again", path.display())]
    Version {
        /// The folder.
        path: PathBuf,
        /// Its version.
        found: String,
        /// The version that is needed.
        expected: String,
    },
    /// The folder cannot be read as an index.
    #[error("the keyword index {} cannot be opened ({reason}); `ibid reindex` builds it again", path.display())]
    Corrupt {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file system refused.
    #[error("the keyword index {} could not be written or read", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The engine failed. After a failed write everything since the last commit is gone: apply again from
    /// [`KeywordIndex::checkpoint`].
    #[error("the keyword engine failed")]
    Engine(#[source] Box<tantivy::TantivyError>),
}

impl From<tantivy::TantivyError> for KeywordError {
    fn from(failed: tantivy::TantivyError) -> Self {
        Self::Engine(Box::new(failed))
    }
}

impl From<std::io::Error> for KeywordError {
    fn from(failed: std::io::Error) -> Self {
        Self::from(tantivy::TantivyError::from(failed))
    }
}
