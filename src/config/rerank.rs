//! What can be set for the reranker.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

/// The reranker. There is none unless an endpoint, a folder or a model is named.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RerankConfig {
    /// The address of a reranking service, without the path of its interface.
    pub endpoint: Option<String>,
    /// How it is spoken to.
    pub api: RerankApi,
    /// Its key; `IBID_RERANK_API_KEY`.
    pub api_key: Option<String>,
    /// The model's name at the endpoint. Without one, the name of a model that `ibid models fetch` gets: `ms-marco-minilm`.
    pub model: Option<String>,
    /// The folder of a cross-encoder for this process: `config.json`, `tokenizer.json`, `model.safetensors`.
    pub folder: Option<PathBuf>,
    /// Cores that one search's reranking uses; all when it is not set.
    pub threads: Option<usize>,
    /// Passages that are read again, from the best on. 20: a small cross-encoder takes 70 to 90 ms of CPU for each.
    pub candidates: usize,
    /// Longest time for it in a search. What is not read again by then keeps its place. 1500 ms: most of 20 passages on two
    /// cores.
    pub budget_ms: u64,
}

/// The interfaces that rerankers have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RerankApi {
    /// Cohere's, version 2: `/v2/rerank`.
    #[default]
    Cohere,
    /// Jina's, which vLLM and llama.cpp have as well: `/v1/rerank`.
    Jina,
    /// Text Embeddings Inference: `/rerank`.
    Tei,
}

impl RerankConfig {
    pub(super) fn read_environment(&mut self, variable: impl Fn(&str) -> Option<String>) {
        self.api_key = variable("IBID_RERANK_API_KEY").or_else(|| self.api_key.take());
    }
}

impl Default for RerankConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            api: RerankApi::default(),
            api_key: None,
            model: None,
            folder: None,
            threads: None,
            candidates: 20,
            budget_ms: 1_500,
        }
    }
}

impl fmt::Debug for RerankConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RerankConfig")
            .field("endpoint", &super::shown(self.endpoint.as_ref()))
            .field("api", &self.api)
            .field("api_key", &super::shown(self.api_key.as_ref()))
            .field("model", &self.model)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}
