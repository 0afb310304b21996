//! Meaning: vectors in, the chunks nearest to a vector out.
//!
//! An index here is a view. The store is the truth and applies its change log to it; whatever an index loses can be
//! given to it again, and it may be deleted at any time.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use crate::types::{ChunkId, DocumentId, FacetQuery, LegHit};

pub mod edge;
pub mod exact;
pub mod pgvector;
pub mod qdrant;
mod shard;

#[cfg(test)]
mod conformance;
#[cfg(test)]
#[path = "../tests/qdrant_peer/mod.rs"]
mod qdrant_peer;
#[cfg(test)]
mod tests;

pub use edge::{EdgeIndex, EdgeOptions};
pub use exact::ExactIndex;
pub use pgvector::{PgvectorIndex, PgvectorOptions, PgvectorStorage};
pub use qdrant::{QdrantIndex, QdrantOptions, Quantisation};

/// A chunk's vector with what it can be found and deleted by.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorPoint {
    /// The chunk, the point's identity.
    pub chunk: ChunkId,
    /// The document that it is a part of.
    pub document: DocumentId,
    /// The document's facets.
    pub facets: Arc<BTreeSet<String>>,
    /// The embedding, of any length but zero; indexes compare directions.
    pub vector: Vec<f32>,
}

/// What an index of vectors cannot do.
#[derive(Debug, thiserror::Error)]
pub enum VectorError {
    /// The vector is of another model: embed again, or `ibid reindex`.
    #[error("the vector has {found} dimensions, the index has {expected}")]
    Dimension {
        /// Dimensions of the index.
        expected: usize,
        /// Dimensions of the vector.
        found: usize,
    },
    /// The vector holds a number that is not finite.
    #[error("the vector of {0} holds a number that is not finite")]
    NotFinite(VectorOwner),
    /// Another process works on the folder.
    #[error("the vector index {} is in use by another process", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The folder cannot be read as an index: `ibid reindex` builds it again.
    #[error("the vector index {} cannot be opened ({reason}); `ibid reindex` builds it again", path.display())]
    Corrupt {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file system refused.
    #[error("the vector index {} could not be written or read", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No space is left.
    #[error(
        "the disk that holds the vector index is full; free some space and run the same command again: nothing is lost"
    )]
    DiskFull,
    /// The address of the server is not one.
    #[error("--qdrant-url cannot be used: {reason}")]
    Url {
        /// What is wrong with it; nothing of what was given is repeated.
        reason: String,
    },
    /// The server is away: the same call may work later.
    #[error(
        "the Qdrant server at {address} does not answer ({reason}); check --qdrant-url and that the server runs, then run \
         the same command again: nothing is lost"
    )]
    Unreachable {
        /// Scheme, host and port.
        address: String,
        /// What the connection says.
        reason: String,
    },
    /// The key is missing, wrong, or not allowed to do this.
    #[error("the Qdrant server at {address} refuses access; set QDRANT_API_KEY to a key that may manage collections")]
    Refused {
        /// Scheme, host and port.
        address: String,
    },
    /// The server lacks what is needed of it.
    #[error("the Qdrant server at {address} has version {found}, and {needed} or later is needed; update the server")]
    TooOld {
        /// Scheme, host and port.
        address: String,
        /// Its version.
        found: String,
        /// The first version that serves.
        needed: String,
    },
    /// A collection of the server has the name, but holds something else.
    #[error("the Qdrant collection {collection} holds something else ({reason}); choose another collection name")]
    Foreign {
        /// Its name in the server.
        collection: String,
        /// What tells that it does.
        reason: String,
    },
    /// The collection was deleted while it was in use.
    #[error("the Qdrant collection {collection} is gone; `ibid reindex` builds it again")]
    Missing {
        /// Its name in the server.
        collection: String,
    },
    /// The database that holds the index went away, or does not answer.
    #[error("the vector database at {place} cannot be reached ({reason}); nothing is lost, it is tried again")]
    Unavailable {
        /// Host, port and database.
        place: String,
        /// Why.
        reason: String,
    },
    /// The database has no extension `vector`, and this user may not create it.
    #[error(
        "{place} has no extension `vector`; let a superuser run `create extension vector` in that database (its owner may, where the extension is trusted)"
    )]
    MissingExtension {
        /// Host, port and database.
        place: String,
    },
    /// The database, or what was asked of it, is beyond what pgvector can do.
    #[error("{place} cannot hold the vector index: {reason}")]
    Unsupported {
        /// Host, port and database.
        place: String,
        /// Why.
        reason: String,
    },
    /// The engine failed; what was applied since the last flush may be lost and has to be applied again.
    #[error("the vector engine failed: {0}")]
    Engine(String),
}

impl VectorError {
    /// Whether the same call may work later, with nothing changed here.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unavailable { .. })
    }
}

/// Whose vector it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VectorOwner {
    /// A chunk's.
    Chunk(ChunkId),
    /// The question's.
    Query,
}

impl std::fmt::Display for VectorOwner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Chunk(chunk) => write!(f, "chunk {chunk}"),
            Self::Query => f.write_str("the query"),
        }
    }
}

/// An index of vectors, one a chunk.
///
/// - **Atomic**: nothing across calls. A call that fails may have applied a part of its points.
/// - **Ordered**: calls take effect in the order in which they return; a search sees every call that returned before it
///   began, flushed or not.
/// - **Repeatable**: every write. Applying a sequence of writes again, whole or from any point after the last flush,
///   ends in the same state, so a caller keeps its checkpoint after `flush` and repeats what came later.
/// - **Durable**: what returned before a `flush` that returned. What came later may be there or not after a crash.
/// - **Cancelled**: a dropped future may still take effect.
#[async_trait]
pub trait VectorIndex: Send + Sync {
    /// Puts points in place of those with the same chunk.
    ///
    /// # Errors
    /// [`VectorError::Dimension`] and [`VectorError::NotFinite`] before any point is applied; others at any time.
    async fn upsert(&self, points: Vec<VectorPoint>) -> Result<(), VectorError>;

    /// Removes every point of these documents; those without points are no error.
    ///
    /// # Errors
    /// [`VectorError::Engine`] when the engine fails.
    async fn delete_documents(&self, documents: &[DocumentId]) -> Result<(), VectorError>;

    /// Makes durable what was applied, and tidies the index where that makes searches faster.
    ///
    /// # Errors
    /// [`VectorError::Engine`] when the engine fails: nothing since the last flush may be counted on.
    async fn flush(&self) -> Result<(), VectorError>;

    /// The `k` points that pass `filter` with the largest cosine to `vector`, largest first, equal ones by chunk.
    /// An approximate index may miss some. A point of length zero has the score 0.
    ///
    /// # Errors
    /// [`VectorError::Dimension`] and [`VectorError::NotFinite`] for a vector that cannot be compared.
    async fn search(&self, vector: &[f32], filter: &FacetQuery, k: usize) -> Result<Vec<LegHit>, VectorError>;

    /// How many points there are.
    ///
    /// # Errors
    /// [`VectorError::Engine`] when the engine fails.
    async fn count(&self) -> Result<u64, VectorError>;

    /// The chunk of every point, ascending.
    ///
    /// # Errors
    /// [`VectorError::Engine`] when the engine fails.
    async fn chunk_ids(&self) -> Result<Vec<ChunkId>, VectorError>;

    /// Of these chunks, those that have a point, in any order.
    ///
    /// # Errors
    /// [`VectorError::Engine`] when the engine fails.
    async fn held(&self, chunks: &[ChunkId]) -> Result<Vec<ChunkId>, VectorError> {
        let all = self.chunk_ids().await?;
        Ok(chunks.iter().filter(|chunk| all.binary_search(chunk).is_ok()).copied().collect())
    }

    /// Builds an index that the truth itself writes again from the truth; for every other one there is nothing to do here,
    /// because a follower gives it everything again.
    ///
    /// # Errors
    /// [`VectorError::Engine`] when the engine fails: the index is as it was.
    async fn rebuild(&self) -> Result<(), VectorError> {
        Ok(())
    }

    /// Called when this index is the one that searches read, so that others who look for it find it. An index that nobody else
    /// can see has nothing to do.
    ///
    /// # Errors
    /// [`VectorError::Engine`] when the engine fails; the one before stays in its place.
    async fn promote(&self) -> Result<(), VectorError> {
        Ok(())
    }

    /// Removes the index with everything that was made for it outside of this process; afterwards it is not used. What is gone
    /// already is no error. Folders are removed by whoever made them.
    ///
    /// # Errors
    /// As [`Self::clear`].
    async fn discard(&self) -> Result<(), VectorError> {
        self.clear().await
    }

    /// Removes every point, durably.
    ///
    /// # Errors
    /// [`VectorError::Io`] or [`VectorError::Engine`]; the index may then hold all points or none.
    async fn clear(&self) -> Result<(), VectorError>;
}

/// Checks that a vector can be compared.
fn check_vector(vector: &[f32], dimension: usize, owner: VectorOwner) -> Result<(), VectorError> {
    if vector.len() != dimension {
        return Err(VectorError::Dimension { expected: dimension, found: vector.len() });
    }
    if !vector.iter().all(|number| number.is_finite()) {
        return Err(VectorError::NotFinite(owner));
    }
    Ok(())
}

fn check_points(points: &[VectorPoint], dimension: usize) -> Result<(), VectorError> {
    points.iter().try_for_each(|point| check_vector(&point.vector, dimension, VectorOwner::Chunk(point.chunk)))
}

/// Largest score first, equal ones by chunk.
fn sort_hits(hits: &mut [LegHit]) {
    hits.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.chunk.cmp(&b.chunk)));
}

/// The vector at length one. Scaling by the largest number first keeps the squares of very large and very small
/// numbers in range.
fn normalized(mut vector: Vec<f32>) -> Vec<f32> {
    let largest = vector.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
    if largest == 0.0 {
        return vector;
    }
    vector.iter_mut().for_each(|number| *number /= largest);
    let length = dot(&vector, &vector).sqrt();
    vector.iter_mut().for_each(|number| *number /= length);
    vector
}

/// Numbers that are summed beside each other, so that the compiler can use wide registers.
const LANES: usize = 16;

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (wide_a, wide_b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = wide_a.remainder().iter().zip(wide_b.remainder()).map(|(x, y)| x * y).sum();
    for (left, right) in wide_a.zip(wide_b) {
        for lane in 0..LANES {
            sums[lane] += left[lane] * right[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}
