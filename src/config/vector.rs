//! What can be set for the vector index.

use std::fmt;

use serde::Deserialize;

/// The vector index.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VectorConfig {
    /// Which one; `edge` beside a file, `pgvector` on Postgres when it is not set.
    pub backend: Option<VectorBackend>,
    /// When it is pgvector.
    pub pgvector: PgvectorConfig,
    /// When it is Qdrant.
    pub qdrant: QdrantConfig,
}

/// The vector index in Postgres.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PgvectorConfig {
    /// `vector` keeps 4 bytes a number, `halfvec` 2, for half of the memory and a little of the precision.
    pub storage: PgvectorStorage,
    /// Links of a point in the graph.
    pub m: u32,
    /// Candidates while the graph is built.
    pub ef_construction: u32,
    /// Candidates while it is searched. 100: as many as a search takes from each leg.
    pub ef_search: u32,
    /// Points that a filtered search looks at before it gives up.
    pub max_scan_tuples: u32,
}

/// How pgvector keeps numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PgvectorStorage {
    /// 32 bits.
    #[default]
    Vector,
    /// 16 bits.
    Halfvec,
}

/// The vector index in a Qdrant server or cluster.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QdrantConfig {
    /// Where it answers gRPC; `QDRANT_URL`.
    pub url: String,
    /// Its key; `QDRANT_API_KEY`.
    pub api_key: Option<String>,
    /// The alias under which other programs find the generation that serves. `ibid_` and a part of the database's identity
    /// when it is not set, so that two databases never meet in one collection.
    pub collection: Option<String>,
    /// Copies of each shard; the server's default when it is not set. So with the next two.
    pub replication_factor: Option<u32>,
    /// Shards of a collection.
    pub shard_number: Option<u32>,
    /// Copies that have to confirm a write.
    pub write_consistency_factor: Option<u32>,
    /// Smaller vectors for the search, beside the exact ones.
    pub quantization: Option<QdrantQuantization>,
    /// Whether vectors and payload stay on disk.
    pub on_disk: bool,
    /// Candidates while the graph is searched; the server's default when it is not set.
    pub ef_search: Option<u64>,
    /// Longest wait for an answer.
    pub timeout_s: u64,
    /// Points that one request writes. 256 of 384 numbers are 400 kB, far below what a server takes.
    pub batch_points: usize,
    /// Requests at the same time.
    pub requests_max: usize,
}

/// How Qdrant shortens vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QdrantQuantization {
    /// 8 bits a number.
    Scalar,
    /// 1 bit a number.
    Binary,
}

/// The vector indexes that can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum VectorBackend {
    /// Qdrant's engine in this process.
    Edge,
    /// A scan over all vectors in memory, built from the truth at each start.
    Exact,
    /// The extension of Postgres, in the database that holds the truth.
    Pgvector,
    /// A Qdrant server or cluster.
    Qdrant,
}

impl Default for PgvectorConfig {
    fn default() -> Self {
        Self { storage: PgvectorStorage::Vector, m: 16, ef_construction: 128, ef_search: 100, max_scan_tuples: 20_000 }
    }
}

impl Default for QdrantConfig {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:6334".to_owned(),
            api_key: None,
            collection: None,
            replication_factor: None,
            shard_number: None,
            write_consistency_factor: None,
            quantization: None,
            on_disk: false,
            ef_search: None,
            timeout_s: 30,
            batch_points: 256,
            requests_max: 4,
        }
    }
}

impl fmt::Debug for QdrantConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QdrantConfig")
            .field("collection", &self.collection)
            .field("api_key", &super::shown(self.api_key.as_ref()))
            .finish_non_exhaustive()
    }
}
