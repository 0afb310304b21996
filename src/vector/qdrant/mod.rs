//! Vectors in a Qdrant server or cluster, for when one machine is not enough.
//!
//! - **One collection a generation.** `{collection}_g{generation}` holds the points; `{collection}` is an alias for
//!   whoever else reads the cluster, and [`QdrantIndex::promote`] moves it in one step. This index always works on its own
//!   generation, so a new one is filled while the old one serves.
//! - **Every write is awaited.** Qdrant takes a write before it applies it, and a search in between would miss it: all
//!   writes ask to be answered after they are applied (`wait`). By then they are in the server's log, so they outlive its
//!   restart, and `flush` has nothing left to do. Batches of one upsert go out together, calls one after the other.
//! - **Calls are repeated** when the server is away or busy, with growing random pauses; every write may be. One that timed
//!   out here may still be applied there, but before its repetition, because the server keeps the order of arrival.
//! - **Clearing deletes points, not the collection**, because an alias does not outlive its collection.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt, stream};
use qdrant_client::qdrant::{CountPoints, Filter, ScrollPoints};
use tokio::sync::Mutex;

use super::{VectorError, VectorIndex, VectorOwner, VectorPoint, check_points, check_vector, sort_hits};
use crate::types::{ChunkId, DocumentId, FacetQuery, LegHit, chunk_ranges};

use connection::Connection;
use points::{Walk, applied, chunk_of, deletion, last_of_each, nearest, no_payload, of_documents, upsertion};

mod collection;
mod connection;
mod points;

#[cfg(test)]
mod tests;

/// Candidates that a search of a graph keeps unless set otherwise: recall@10 is above 0.99 from here on.
const SEARCH_BREADTH: u64 = 128;
/// From this many wanted hits on it is asked whether they are a large part of all, because walking a graph does not
/// reach every point.
const MANY_HITS: usize = 1000;
const SCROLL_PAGE: u32 = 10_000;
/// Documents that one request deletes: some hundred kilobytes of identifiers.
const DOCUMENTS_PER_REQUEST: usize = 1000;

/// Smaller numbers that a search reads first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantisation {
    /// A byte a number: a quarter of the memory, nearly the same answers.
    Scalar,
    /// A bit a number: a 32nd of the memory, for models of 1024 numbers and more.
    Binary,
}

/// Where the server is, and how an index is built and searched there.
#[derive(Clone)]
pub struct QdrantOptions {
    /// The server's gRPC address, such as `http://localhost:6334`; 6334 is meant where no port is named.
    pub url: String,
    /// The key that the server asks for; it needs the right to manage collections.
    pub api_key: Option<String>,
    /// The alias, and the first part of the names of its collections.
    pub collection: String,
    /// Which of its collections; the caller counts up when it changes the model.
    pub generation: u64,
    /// Numbers in a vector.
    pub dimension: usize,
    /// Copies of every shard; the server's default when absent. This and the following take effect when the collection is
    /// made.
    pub replication_factor: Option<u32>,
    /// Parts over which points are spread; the server's default when absent.
    pub shard_number: Option<u32>,
    /// Copies that have to take a write before it counts; the server's default when absent.
    pub write_consistency_factor: Option<u32>,
    /// Smaller numbers beside the exact ones; none when absent.
    pub quantisation: Option<Quantisation>,
    /// Keeps vectors, graph and payload on disk instead of in memory; the server's defaults when false.
    pub on_disk: bool,
    /// Time for a connection to stand.
    pub connect_timeout: Duration,
    /// Time for an answer to one request.
    pub request_timeout: Duration,
    /// Points in one request of an upsert.
    pub batch_points: usize,
    /// Requests of one upsert on their way at a time.
    pub parallel_requests: usize,
    /// Candidates that a search keeps; 128 when absent. Twice the wanted hits are kept in any case.
    pub ef_search: Option<u64>,
    /// How often a call is sent before it fails.
    pub attempts: u32,
    /// The longest first pause between two attempts; it doubles each time, up to five seconds.
    pub backoff: Duration,
}

impl QdrantOptions {
    /// The first generation of `collection` for vectors of `dimension` numbers, with the choices that suit most.
    pub fn new(url: impl Into<String>, collection: impl Into<String>, dimension: usize) -> Self {
        Self {
            url: url.into(),
            api_key: None,
            collection: collection.into(),
            generation: 1,
            dimension,
            replication_factor: None,
            shard_number: None,
            write_consistency_factor: None,
            quantisation: None,
            on_disk: false,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(60),
            // One or two megabytes with common models: large enough to be worth a round trip, small enough to repeat.
            batch_points: 256,
            parallel_requests: 4,
            ef_search: None,
            // Pauses of up to 0.2, 0.4, 0.8 and 1.6 seconds.
            attempts: 5,
            backoff: Duration::from_millis(200),
        }
    }
}

impl std::fmt::Debug for QdrantOptions {
    /// Everything but the key and the address, which may hold one by mistake.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QdrantOptions")
            .field("api_key", &self.api_key.as_ref().map(|_| "…"))
            .field("collection", &self.collection)
            .field("generation", &self.generation)
            .field("dimension", &self.dimension)
            .field("replication_factor", &self.replication_factor)
            .field("shard_number", &self.shard_number)
            .field("write_consistency_factor", &self.write_consistency_factor)
            .field("quantisation", &self.quantisation)
            .field("on_disk", &self.on_disk)
            .finish_non_exhaustive()
    }
}

/// An index in a Qdrant server. Clones share the connection.
#[derive(Clone)]
pub struct QdrantIndex {
    inner: Arc<Inner>,
}

struct Inner {
    connection: Connection,
    options: QdrantOptions,
    /// The physical collection.
    name: String,
    /// Held by whoever writes, so that calls of this process take effect in the order in which they return.
    writing: Mutex<()>,
}

impl std::fmt::Debug for QdrantIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QdrantIndex").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

impl QdrantIndex {
    /// Connects, and makes the generation's collection with its indexes where they are absent.
    ///
    /// # Errors
    /// [`VectorError::Url`], [`VectorError::Unreachable`], [`VectorError::Refused`] and [`VectorError::TooOld`] about the
    /// server; [`VectorError::Dimension`] and [`VectorError::Foreign`] about a collection that holds something else.
    pub async fn open(options: QdrantOptions) -> Result<Self, VectorError> {
        let name = format!("{}_g{}", options.collection, options.generation);
        let connection = Connection::new(&options, name.clone())?;
        connection.check_version().await?;
        collection::ensure(&connection, &options, &name).await?;
        Ok(Self { inner: Arc::new(Inner { connection, options, name, writing: Mutex::new(()) }) })
    }

    /// The collection that holds this generation's points.
    pub fn physical_collection(&self) -> &str {
        &self.inner.name
    }

    async fn put(&self, points: &[VectorPoint]) -> Result<(), VectorError> {
        let connection = &self.inner.connection;
        let send = || {
            let mut client = connection.points();
            let request = upsertion(&self.inner.name, points);
            async move { applied(client.upsert(request).await) }
        };
        connection.call(send).await.map(drop)
    }

    async fn delete(&self, passing: Filter) -> Result<(), VectorError> {
        let connection = &self.inner.connection;
        let send = || {
            let mut client = connection.points();
            let request = deletion(&self.inner.name, passing.clone());
            async move { applied(client.delete(request).await) }
        };
        connection.call(send).await.map(drop)
    }

    async fn count_points(&self, filter: Option<Filter>, exact: bool) -> Result<u64, VectorError> {
        let connection = &self.inner.connection;
        let send = || {
            let mut client = connection.points();
            let request = CountPoints {
                collection_name: self.inner.name.clone(),
                filter: filter.clone(),
                exact: Some(exact),
                ..CountPoints::default()
            };
            async move { client.count(request).await }
        };
        Ok(connection.call(send).await?.result.unwrap_or_default().count)
    }

    /// Whether so many hits are wanted that every point is compared.
    async fn is_scanned(&self, filter: &FacetQuery, k: usize) -> Result<bool, VectorError> {
        if k < MANY_HITS {
            return Ok(false);
        }
        let passing = self.count_points(points::facet_filter(filter), false).await?;
        Ok(k as u64 >= passing / 4)
    }
}

#[async_trait]
impl VectorIndex for QdrantIndex {
    /// Points the alias at this generation's collection, in one atomic request.
    async fn promote(&self) -> Result<(), VectorError> {
        let inner = &self.inner;
        collection::promote(&inner.connection, &inner.options.collection, &inner.name).await
    }

    /// Deletes this generation's collection, and an alias that stands for it; later calls on this index are errors.
    async fn discard(&self) -> Result<(), VectorError> {
        let _writing = self.inner.writing.lock().await;
        collection::delete(&self.inner.connection, &self.inner.name).await
    }

    async fn upsert(&self, points: Vec<VectorPoint>) -> Result<(), VectorError> {
        check_points(&points, self.inner.options.dimension)?;
        let points = last_of_each(points);
        let _writing = self.inner.writing.lock().await;
        let batches: Vec<_> =
            points.chunks(self.inner.options.batch_points.max(1)).map(|batch| self.put(batch)).collect();
        let sent = stream::iter(batches).buffer_unordered(self.inner.options.parallel_requests.max(1));
        // After a failure the others are awaited too: none may take effect after a call that follows this one.
        sent.fold(Ok(()), |all, one| async { all.and(one) }).await
    }

    async fn delete_documents(&self, documents: &[DocumentId]) -> Result<(), VectorError> {
        let _writing = self.inner.writing.lock().await;
        for batch in documents.chunks(DOCUMENTS_PER_REQUEST) {
            self.delete(of_documents(batch.iter().map(DocumentId::to_string).collect())).await?;
        }
        Ok(())
    }

    /// Returns at once: every write that returned is in the server's log, and the server tidies by itself.
    async fn flush(&self) -> Result<(), VectorError> {
        Ok(())
    }

    async fn search(&self, vector: &[f32], filter: &FacetQuery, k: usize) -> Result<Vec<LegHit>, VectorError> {
        check_vector(vector, self.inner.options.dimension, VectorOwner::Query)?;
        if k == 0 || filter.groups.iter().any(Vec::is_empty) {
            return Ok(Vec::new());
        }
        let exact = self.is_scanned(filter, k).await?;
        let least = self.inner.options.ef_search.unwrap_or(SEARCH_BREADTH);
        let breadth = least.max((k as u64).saturating_mul(2));
        let walk = Walk { breadth, exact, quantisation: self.inner.options.quantisation };
        let connection = &self.inner.connection;
        let send = || {
            let mut client = connection.points();
            let request = nearest(&self.inner.name, vector, filter, k, walk);
            async move { client.query(request).await }
        };
        let found = connection.call(send).await?.result;
        let hit = |point: &qdrant_client::qdrant::ScoredPoint| {
            Ok(LegHit { chunk: chunk_of(point.id.as_ref())?, score: point.score })
        };
        let mut hits = found.iter().map(hit).collect::<Result<Vec<_>, VectorError>>()?;
        sort_hits(&mut hits);
        Ok(hits)
    }

    async fn count(&self) -> Result<u64, VectorError> {
        self.count_points(None, true).await
    }

    async fn chunk_ids(&self) -> Result<Vec<ChunkId>, VectorError> {
        let connection = &self.inner.connection;
        let mut chunks = Vec::new();
        let mut offset = None;
        loop {
            let send = || {
                let mut client = connection.points();
                let request = ScrollPoints {
                    collection_name: self.inner.name.clone(),
                    offset: offset.clone(),
                    limit: Some(SCROLL_PAGE),
                    with_payload: Some(no_payload()),
                    ..ScrollPoints::default()
                };
                async move { client.scroll(request).await }
            };
            let page = connection.call(send).await?;
            for point in &page.result {
                chunks.push(chunk_of(point.id.as_ref())?);
            }
            match page.next_page_offset {
                Some(next) => offset = Some(next),
                None => break,
            }
        }
        chunks.sort_unstable();
        Ok(chunks)
    }

    /// Points come in the order of their numbers, so chunks in a row are one page.
    async fn held(&self, chunks: &[ChunkId]) -> Result<Vec<ChunkId>, VectorError> {
        let connection = &self.inner.connection;
        let wanted: std::collections::BTreeSet<ChunkId> = chunks.iter().copied().collect();
        let mut held = Vec::new();
        for (first, last) in chunk_ranges(wanted.iter().map(|chunk| chunk.0)) {
            let mut from = first;
            while from <= last {
                let send = || {
                    let mut client = connection.points();
                    let request = ScrollPoints {
                        collection_name: self.inner.name.clone(),
                        offset: Some(from.into()),
                        limit: Some(SCROLL_PAGE.min(u32::try_from(last - from + 1).unwrap_or(SCROLL_PAGE))),
                        with_payload: Some(no_payload()),
                        ..ScrollPoints::default()
                    };
                    async move { client.scroll(request).await }
                };
                let page = connection.call(send).await?;
                let found = page.result.iter().map(|point| chunk_of(point.id.as_ref()));
                let found = found.collect::<Result<Vec<_>, _>>()?;
                let Some(newest) = found.last().copied() else { break };
                held.extend(found.into_iter().filter(|chunk| wanted.contains(chunk)));
                from = newest.0 + 1;
            }
        }
        Ok(held)
    }

    async fn clear(&self) -> Result<(), VectorError> {
        let _writing = self.inner.writing.lock().await;
        self.delete(Filter::default()).await
    }
}
