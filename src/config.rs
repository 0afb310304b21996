//! What can be set, what it is when nobody sets it, and why. Read here, turned into plain values in `boot`.

mod ingest;
mod rerank;
mod vector;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use ingest::{IngestConfig, OcrEngine, Passwords};
pub use rerank::{RerankApi, RerankConfig};
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
        config.rerank.read_environment(variable);
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
