//! What can be set, what it is when nobody sets it, and why. Read here, turned into plain values in `boot`.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The whole configuration. A file sets what it names and leaves the rest as it is.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The HTTP server.
    pub server: ServerConfig,
    /// The embedding model.
    pub embedding: EmbeddingConfig,
    /// The chat model.
    pub chat: ChatConfig,
    /// The search.
    pub search: SearchConfig,
    /// Extraction and chunking.
    pub ingest: IngestConfig,
    /// The database that holds the truth.
    pub store: StoreConfig,
    /// The vector index.
    pub vector: VectorConfig,
}

/// The database that holds the truth.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// `postgres://user:password@host:port/database`, also from `DATABASE_URL`; a file in the data folder when it is not set.
    pub url: Option<String>,
    /// Connections to Postgres. 16: a search takes one for a moment, and a server allows a hundred in all.
    pub connections_max: u32,
    /// Longest wait for a connection, to the server or out of the pool.
    pub connect_timeout_s: u64,
}

/// The HTTP server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Where it listens. Loopback: there is no login yet, so the network is not let in unasked.
    pub listen: SocketAddr,
    /// Largest request body. 8 MiB: a conversation of a thousand long turns.
    pub body_bytes_max: usize,
    /// Runs at the same time; the next one is told to come back. Each holds a model call.
    pub runs_max: usize,
    /// Browser origins other than our own that may call, such as `https://app.example.org`.
    pub allowed_origins: Vec<String>,
}

/// The embedding model.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmbeddingConfig {
    /// Which one; that of the data folder when it is not set, and `e5-small-q4` for a new one.
    pub model: Option<EmbeddingModel>,
    /// The folder with model files; the user's cache when it is not set.
    pub folder: Option<PathBuf>,
    /// Cores that embedding uses while documents come in; all when it is not set.
    pub threads: Option<usize>,
}

/// The embedding models that can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum EmbeddingModel {
    /// multilingual-e5-small in 4 bits: English, Korean and 92 other languages.
    #[default]
    #[value(name = "e5-small-q4")]
    #[serde(rename = "e5-small-q4")]
    E5SmallQ4,
    /// Hashed words: no file, no meaning; for machines that can get no model.
    Hashing,
}

/// The chat model. Without a base URL or a key the built-in extractive one answers.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChatConfig {
    /// An OpenAI-compatible address up to the version; `OPENAI_BASE_URL`.
    pub base_url: Option<String>,
    /// Its key; `OPENAI_API_KEY`.
    pub api_key: Option<String>,
    /// The model's name there; `OPENAI_MODEL`.
    pub model: String,
    /// Longest wait for a connection.
    pub connect_timeout_s: u64,
    /// Longest silence. 60 s: a large local model reads a long prompt for that long before its first word.
    pub silence_timeout_s: u64,
    /// Longest answer in tokens.
    pub tokens_max: u32,
    /// Longest run from question to last word.
    pub run_timeout_s: u64,
    /// Longest answer in bytes; a model that writes without end is cut off here.
    pub answer_bytes_max: usize,
}

/// The search.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchConfig {
    /// How the lists of words and of meaning become one; `adaptive` when it is not set, `convex` when `vector_weight` is.
    pub fusion: Option<FusionKind>,
    /// The vector leg's share in `convex` fusion, 0 to 1; 0.5 when it is not set.
    pub vector_weight: Option<f32>,
    /// A file with coefficients for `adaptive` fusion, such as `cargo bench --bench fusion` fits; those of the program when it
    /// is not set.
    pub weights: Option<PathBuf>,
    /// Passages that an answer is written from. 8 of 256 tokens fit every model's window.
    pub passages: usize,
}

/// The ways to make one list of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FusionKind {
    /// Absolute scales, and weights by what the question and its lists show.
    Adaptive,
    /// Scales from worst to best, and fixed weights.
    Convex,
    /// Reciprocal rank fusion with k = 60.
    Rrf,
}

/// Extraction and chunking.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IngestConfig {
    /// Largest file. 128 MiB: books with pictures pass.
    pub file_bytes_max: u64,
    /// Longest chunk in tokens of a new data folder. 256 when it is not set: half of the embedder's window, so that headings
    /// fit beside it. What is indexed is cut anew by `ibid models switch`.
    pub chunk_tokens_max: Option<usize>,
    /// Which library reads PDF.
    pub pdf_backend: ibid_ingest::PdfBackend,
    /// Address space of the extraction process. 2 GiB: a bomb of 4 kB takes more.
    pub memory_bytes_max: u64,
    /// CPU time of one document. 30 s: a PDF of 5,000 pages takes less.
    pub cpu_seconds_max: u64,
    /// Wall time of one document; longer than the CPU time, because machines are shared.
    pub wall_seconds_max: u64,
    /// Documents that are extracted side by side; one a core when it is not set.
    pub lanes: Option<usize>,
    /// How long a process that stops answering keeps its work from the others on a shared database. Every step extends it,
    /// and takes seconds on the slowest machine.
    pub lease_s: u64,
}

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

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration {0} cannot be read ({1})")]
    Unreadable(PathBuf, std::io::Error),
    /// The file is not what it should be.
    #[error("the configuration {0} is not valid: {1}")]
    Invalid(PathBuf, String),
}

impl Config {
    /// The configuration in `path`, or in `ibid.toml` of the data folder if there is one, then the environment.
    ///
    /// # Errors
    /// [`ConfigError`] when a file is there and cannot be used.
    pub fn load(path: Option<&Path>, data: &Path) -> Result<Self, ConfigError> {
        let beside_data = data.join("ibid.toml");
        let path = path.or_else(|| beside_data.exists().then_some(beside_data.as_path()));
        let mut config = match path {
            None => Self::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|e| ConfigError::Unreadable(path.to_owned(), e))?;
                toml::from_str(&text).map_err(|e| ConfigError::Invalid(path.to_owned(), without_source(&text, &e)))?
            }
        };
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        config.chat.read_environment(variable);
        config.vector.qdrant.api_key = variable("QDRANT_API_KEY").or_else(|| config.vector.qdrant.api_key.take());
        Ok(config)
    }
}

impl ChatConfig {
    fn read_environment(&mut self, variable: impl Fn(&str) -> Option<String>) {
        self.base_url = variable("OPENAI_BASE_URL").or_else(|| self.base_url.take());
        self.api_key = variable("OPENAI_API_KEY").or_else(|| self.api_key.take());
        if let Some(model) = variable("OPENAI_MODEL") {
            self.model = model;
        }
    }

    /// Whether an endpoint answers, and not the extractive model.
    pub fn is_remote(&self) -> bool {
        self.base_url.is_some() || self.api_key.is_some()
    }
}

/// What is wrong with a file, and in which line; not the line itself, which may hold a password.
fn without_source(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
    line.map_or_else(|| error.message().to_owned(), |line| format!("line {line}: {}", error.message()))
}

/// What of an address may be shown.
fn shown(url: Option<&String>) -> Option<&'static str> {
    url.map(|_| "set")
}

impl fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreConfig")
            .field("url", &shown(self.url.as_ref()))
            .field("connections_max", &self.connections_max)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for QdrantConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QdrantConfig")
            .field("collection", &self.collection)
            .field("api_key", &shown(self.api_key.as_ref()))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ChatConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatConfig")
            .field("model", &self.model)
            .field("base_url", &shown(self.base_url.as_ref()))
            .field("api_key", &shown(self.api_key.as_ref()))
            .finish_non_exhaustive()
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            body_bytes_max: 8 << 20,
            runs_max: 32,
            allowed_origins: Vec::new(),
        }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { url: None, connections_max: 16, connect_timeout_s: 10 }
    }
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

impl Default for ChatConfig {
    fn default() -> Self {
        Self {
            base_url: None,
            api_key: None,
            model: "gpt-4o-mini".to_owned(),
            connect_timeout_s: 5,
            silence_timeout_s: 60,
            tokens_max: 1_024,
            run_timeout_s: 300,
            answer_bytes_max: 64 << 10,
        }
    }
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self { fusion: None, vector_weight: None, weights: None, passages: 8 }
    }
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            file_bytes_max: 128 << 20,
            chunk_tokens_max: None,
            pdf_backend: ibid_ingest::PdfBackend::Hayro,
            memory_bytes_max: 2 << 30,
            cpu_seconds_max: 30,
            wall_seconds_max: 120,
            lanes: None,
            lease_s: 60,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_sets_what_it_names_and_secrets_stay_out_of_debug_output() {
        let text = "[chat]\napi_key = \"sk-secret\"\n[server]\nlisten = \"127.0.0.1:9000\"\n";
        let mut config: Config = toml::from_str(text).unwrap();
        assert_eq!(config.server.listen.port(), 9000);
        assert_eq!(config.search.passages, 8);
        config.chat.read_environment(|name| (name == "OPENAI_BASE_URL").then(|| "http://u:p@localhost/v1".to_owned()));
        let shown = format!("{config:?}");
        assert!(!shown.contains("sk-secret") && !shown.contains("u:p"), "{shown}");
        assert!(toml::from_str::<Config>("[sever]\n").is_err());
        let mistyped = "[store]\nulr = \"postgres://ibid:secret@db/ibid\"\n";
        let said = without_source(mistyped, &toml::from_str::<Config>(mistyped).unwrap_err());
        assert!(said.starts_with("line 2: ") && said.contains("ulr") && !said.contains("secret"), "{said}");
    }
}
