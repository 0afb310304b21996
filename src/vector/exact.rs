//! Every vector compared with the question: exact, in memory, and the oracle for the approximate indexes.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;

use super::{
    VectorError, VectorIndex, VectorOwner, VectorPoint, check_points, check_vector, dot, normalized, sort_hits,
};
use crate::types::{ChunkId, DocumentId, FacetQuery, LegHit};

/// An index in memory that compares every point. Nothing is durable.
///
/// It serves some ten thousand chunks: 20,000 vectors of 384 numbers take about two milliseconds.
#[derive(Debug, Clone)]
pub struct ExactIndex {
    dimension: usize,
    rows: Arc<RwLock<Rows>>,
}

/// Rows of equal length behind each other, so that a search reads memory in order.
#[derive(Debug, Default)]
struct Rows {
    places: HashMap<ChunkId, usize>,
    owners: Vec<Owner>,
    /// Unit vectors, one a row; zero stays zero.
    numbers: Vec<f32>,
}

#[derive(Debug, Clone)]
struct Owner {
    chunk: ChunkId,
    document: DocumentId,
    facets: Arc<BTreeSet<String>>,
}

/// Below this many multiplications a search is shorter than handing it to another thread.
const INLINE_PRODUCTS_MAX: usize = 200_000;

impl ExactIndex {
    /// An empty index of vectors with `dimension` numbers.
    pub fn new(dimension: usize) -> Self {
        Self { dimension, rows: Arc::default() }
    }

    fn read(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Rows> {
        self.rows.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Rows {
    fn put(&mut self, point: VectorPoint) {
        let width = point.vector.len();
        let unit = normalized(point.vector);
        let owner = Owner { chunk: point.chunk, document: point.document, facets: point.facets };
        match self.places.get(&owner.chunk) {
            Some(&place) => {
                self.numbers[place * width..(place + 1) * width].copy_from_slice(&unit);
                self.owners[place] = owner;
            }
            None => {
                self.places.insert(owner.chunk, self.owners.len());
                self.owners.push(owner);
                self.numbers.extend_from_slice(&unit);
            }
        }
    }

    fn retain(&mut self, width: usize, keep: impl Fn(&Owner) -> bool) {
        let mut kept = 0;
        for place in 0..self.owners.len() {
            if !keep(&self.owners[place]) {
                continue;
            }
            self.owners.swap(kept, place);
            self.numbers.copy_within(place * width..(place + 1) * width, kept * width);
            kept += 1;
        }
        self.owners.truncate(kept);
        self.numbers.truncate(kept * width);
        self.places = self.owners.iter().enumerate().map(|(place, owner)| (owner.chunk, place)).collect();
    }

    fn nearest(&self, query: &[f32], filter: &FacetQuery, k: usize) -> Vec<LegHit> {
        let query = normalized(query.to_vec());
        let mut hits: Vec<LegHit> = self
            .owners
            .iter()
            .zip(self.numbers.chunks_exact(query.len().max(1)))
            .filter(|(owner, _)| filter.is_empty() || filter.matches(&owner.facets))
            .map(|(owner, row)| LegHit { chunk: owner.chunk, score: dot(&query, row) })
            .collect();
        if k < hits.len() {
            hits.select_nth_unstable_by(k, |a, b| b.score.total_cmp(&a.score).then(a.chunk.cmp(&b.chunk)));
            hits.truncate(k);
        }
        sort_hits(&mut hits);
        hits
    }
}

#[async_trait]
impl VectorIndex for ExactIndex {
    async fn upsert(&self, points: Vec<VectorPoint>) -> Result<(), VectorError> {
        check_points(&points, self.dimension)?;
        let mut rows = self.write();
        points.into_iter().for_each(|point| rows.put(point));
        Ok(())
    }

    async fn delete_documents(&self, documents: &[DocumentId]) -> Result<(), VectorError> {
        let gone: HashSet<_> = documents.iter().collect();
        self.write().retain(self.dimension, |owner| !gone.contains(&owner.document));
        Ok(())
    }

    async fn flush(&self) -> Result<(), VectorError> {
        Ok(())
    }

    async fn search(&self, vector: &[f32], filter: &FacetQuery, k: usize) -> Result<Vec<LegHit>, VectorError> {
        check_vector(vector, self.dimension, VectorOwner::Query)?;
        if self.read().numbers.len() <= INLINE_PRODUCTS_MAX {
            return Ok(self.read().nearest(vector, filter, k));
        }
        let (index, query, filter) = (self.clone(), vector.to_vec(), filter.clone());
        tokio::task::spawn_blocking(move || index.read().nearest(&query, &filter, k))
            .await
            .map_err(|stopped| VectorError::Engine(stopped.to_string()))
    }

    async fn count(&self) -> Result<u64, VectorError> {
        Ok(self.read().owners.len() as u64)
    }

    async fn chunk_ids(&self) -> Result<Vec<ChunkId>, VectorError> {
        let mut chunks: Vec<_> = self.read().places.keys().copied().collect();
        chunks.sort_unstable();
        Ok(chunks)
    }

    async fn held(&self, chunks: &[ChunkId]) -> Result<Vec<ChunkId>, VectorError> {
        let rows = self.read();
        Ok(chunks.iter().filter(|chunk| rows.places.contains_key(chunk)).copied().collect())
    }

    async fn clear(&self) -> Result<(), VectorError> {
        *self.write() = Rows::default();
        Ok(())
    }
}
