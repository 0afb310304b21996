//! What stops indexing as a whole; what stops one document is a [`crate::types::Failure`] and stops nothing else.

use std::path::PathBuf;

use crate::extraction::ExtractionError;
use crate::generations::RefreshError;
use crate::keyword::KeywordError;
use crate::models::EmbedError;
use crate::originals::OriginalsError;
use crate::store::StoreError;
use crate::vector::VectorError;

/// An error that ends an ingest.
#[derive(Debug, thiserror::Error)]
pub enum IndexingError {
    /// The truth fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keyword index fails.
    #[error(transparent)]
    Keyword(#[from] KeywordError),
    /// The vector index fails.
    #[error(transparent)]
    Vector(#[from] VectorError),
    /// The generations cannot be opened as the truth has them.
    #[error(transparent)]
    Generations(#[from] RefreshError),
    /// The embedder fails.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The folder or file is not there; nothing was changed.
    #[error("{0} cannot be read ({1}); nothing was changed")]
    Root(PathBuf, String),
    /// More documents would go than may without being asked for.
    #[error(
        "{deleted} of {known} documents below {root} have no file any more, which is more than may be deleted unasked \
         (--max-delete); nothing was changed; --yes deletes them",
        root = root.display()
    )]
    TooManyDeletions {
        /// The folder.
        root: PathBuf,
        /// Documents that would go.
        deleted: usize,
        /// Documents that are known below it.
        known: usize,
    },
    /// The extraction process cannot be started.
    #[error(transparent)]
    Extractor(#[from] ExtractionError),
    /// The place of originals takes nothing.
    #[error(transparent)]
    Originals(#[from] OriginalsError),
    /// There is no such generation.
    #[error("there is no generation {0}; `ibid generations` lists them")]
    NoGeneration(crate::types::GenerationId),
    /// The work was dropped before it ended.
    #[error("indexing was cancelled; the same command continues it")]
    Cancelled,
}
