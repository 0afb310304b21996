//! A dataset: documents, queries, and which documents and passages answer them.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::metrics::Grades;
use super::spans::GoldSpan;
use crate::indexing::TextDocument;
use crate::store::StoreError;

/// Documents, queries, and what answers them.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The name of the folder or file.
    pub name: String,
    /// The documents; `None` when they are those of a data folder.
    pub corpus: Option<Vec<TextDocument>>,
    /// The queries that some document answers, in the order of the file.
    pub queries: Vec<JudgedQuery>,
    /// Queries that no document answers. They are left out, since every ranking of them is as good as any other.
    pub unanswerable: usize,
}

/// A query with what answers it.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedQuery {
    /// Its name in the dataset, or its line in a gold file.
    pub id: String,
    /// The question.
    pub text: String,
    /// The documents that are judged, by the name that hits have as their URI.
    pub grades: Grades,
    /// The passages that answer; empty when the dataset has none for this query.
    pub spans: Vec<GoldSpan>,
}

/// Why a dataset cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A file cannot be read.
    #[error("{0} cannot be read ({1})")]
    Unreadable(PathBuf, std::io::Error),
    /// A line is not what it should be.
    #[error("{}:{line}: {what}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// There is nothing to measure on.
    #[error("{0} has no {1}")]
    Empty(PathBuf, &'static str),
    /// The truth, which a gold file is held against, fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Dataset {
    /// A digest of the queries and of what answers them: measurements on different ones are not compared.
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for query in &self.queries {
            let judged = (&query.id, &query.text, &query.grades, &query.spans);
            hasher.update(serde_json::to_string(&judged).unwrap_or_default());
            hasher.update([0]);
        }
        short_digest(hasher)
    }

    /// A digest of the documents, or `None` when they are those of a data folder.
    pub fn corpus_digest(&self) -> Option<String> {
        let mut hasher = Sha256::new();
        for document in self.corpus.as_ref()? {
            hasher.update(&document.uri);
            hasher.update([0]);
            hasher.update(document.sha256());
        }
        Some(short_digest(hasher))
    }

    /// Whether some query says which passages answer.
    pub fn has_spans(&self) -> bool {
        self.queries.iter().any(|query| !query.spans.is_empty())
    }
}

/// The first 16 hexadecimal digits: enough to tell sets apart that people make.
pub(super) fn short_digest(hasher: Sha256) -> String {
    hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Takes out the queries that no document answers, and counts them.
pub(super) fn answerable(queries: Vec<JudgedQuery>) -> (Vec<JudgedQuery>, usize) {
    let all = queries.len();
    let is_answerable = |query: &JudgedQuery| query.grades.values().any(|grade| *grade > 0.0);
    let answerable: Vec<JudgedQuery> = queries.into_iter().filter(is_answerable).collect();
    let unanswerable = all - answerable.len();
    (answerable, unanswerable)
}
