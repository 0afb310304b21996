//! What can be set, what it is when nobody sets it, and why. Read here, turned into plain values in `boot`.

mod chat;
mod ingest;
mod originals;
mod rerank;
mod sources;
mod vector;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use chat::{ChatConfig, FallbackConfig, PriceConfig};
pub use ingest::{IngestConfig, OcrEngine, Passwords};
pub use originals::OriginalsConfig;
pub use rerank::{RerankApi, RerankConfig};
pub use sources::{Percent, SourceConfig};
pub use vector::{PgvectorConfig, PgvectorStorage, QdrantConfig, QdrantQuantization, VectorBackend, VectorConfig};

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
    /// Conversations.
    pub threads: ThreadsConfig,
    /// The search.
    pub search: SearchConfig,
    /// The reranker.
    pub rerank: RerankConfig,
    /// Extraction and chunking.
    pub ingest: IngestConfig,
    /// The database that holds the truth.
    pub store: StoreConfig,
    /// The vector index.
    pub vector: VectorConfig,
    /// Folders that are followed while the server runs.
    pub sources: Vec<SourceConfig>,
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
    /// Largest request body of an upload. 512 MiB: four files of the largest size.
    pub upload_bytes_max: u64,
    /// Uploads at the same time; the next one is told to come back. Each holds its files on the disk, and a process that
    /// reads them.
    pub uploads_max: usize,
    /// How long a request body may take until its next bytes come. 30 s: a slow line pauses, and does not stop for longer.
    pub body_silence_s: u64,
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

/// Conversations.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ThreadsConfig {
    /// Days that a thread is kept after its last run; for ever when it is 0, which nobody should decide for a user.
    pub keep_days: u64,
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
        if let (Some(path), Some(reason)) = (path, sources::wrong(&config.sources)) {
            return Err(ConfigError::Invalid(path.to_owned(), reason));
        }
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        config.chat.read_environment(variable);
        config.rerank.read_environment(variable);
        config.vector.qdrant.api_key = variable("QDRANT_API_KEY").or_else(|| config.vector.qdrant.api_key.take());
        Ok(config)
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

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            body_bytes_max: 8 << 20,
            upload_bytes_max: 512 << 20,
            uploads_max: 4,
            body_silence_s: 30,
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

impl Default for SearchConfig {
    fn default() -> Self {
        Self { fusion: None, vector_weight: None, weights: None, passages: 8 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_sets_what_it_names_and_secrets_stay_out_of_debug_output() {
        let text = "[chat]\napi_key = \"sk-secret\"\n[server]\nlisten = \"127.0.0.1:9000\"\n\
                    [rerank]\nendpoint = \"http://u:p@localhost\"\napi = \"tei\"\n";
        let mut config: Config = toml::from_str(text).unwrap();
        assert_eq!(config.server.listen.port(), 9000);
        assert_eq!(config.search.passages, 8);
        assert_eq!((config.rerank.api, config.rerank.candidates), (RerankApi::Tei, 20));
        config.rerank.read_environment(|name| (name == "IBID_RERANK_API_KEY").then(|| "sk-secret".to_owned()));
        assert_eq!(config.rerank.api_key.as_deref(), Some("sk-secret"));
        config.chat.read_environment(|name| (name == "OPENAI_BASE_URL").then(|| "http://u:p@localhost/v1".to_owned()));
        let shown = format!("{config:?}");
        assert!(!shown.contains("sk-secret") && !shown.contains("u:p"), "{shown}");
        assert!(toml::from_str::<Config>("[sever]\n").is_err());
        let mistyped = "[store]\nulr = \"postgres://ibid:secret@db/ibid\"\n";
        let said = without_source(mistyped, &toml::from_str::<Config>(mistyped).unwrap_err());
        assert!(said.starts_with("line 2: ") && said.contains("ulr") && !said.contains("secret"), "{said}");
    }
}
