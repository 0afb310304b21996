//! Which reranker runs: an endpoint, a folder, a fetched model, or none.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use super::models::{ModelProgress, model_folder, verify_once};
use crate::config::{Config, RerankApi, RerankConfig};
use crate::models::{
    HUB_RERANKERS, HubModel, LocalReranker, RerankEndpoint, RerankEndpointOptions, RerankShape, Reranker,
};

/// Where the hub is unless `HF_ENDPOINT` says otherwise, as its own tools read it.
const HUB_URL: &str = "https://huggingface.co";
/// A connection that takes longer leaves no time for an answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The configured reranker. One whose files can be fetched and are not there is done without, and `notices` says so.
///
/// # Errors
/// One sentence when the configuration names two, or one that is not known, or one that cannot be used.
pub fn open_reranker(config: &Config, notices: &mut Vec<String>) -> anyhow::Result<Option<Arc<dyn Reranker>>> {
    let rerank = &config.rerank;
    match (&rerank.endpoint, &rerank.folder, &rerank.model) {
        (Some(_), Some(_), _) => anyhow::bail!("endpoint and folder in [rerank] name two rerankers; take one out"),
        (Some(endpoint), None, _) => Ok(Some(Arc::new(RerankEndpoint::new(options(rerank, endpoint))?))),
        (None, Some(folder), _) => {
            let name =
                folder.file_name().map_or_else(|| "folder".to_owned(), |name| name.to_string_lossy().into_owned());
            Ok(Some(Arc::new(local(rerank, folder, name)?)))
        }
        (None, None, Some(name)) => fetched(config, hub_model(name)?, notices),
        (None, None, None) => Ok(None),
    }
}

fn fetched(config: &Config, model: &HubModel, notices: &mut Vec<String>) -> anyhow::Result<Option<Arc<dyn Reranker>>> {
    let folder = model_folder(&config.embedding);
    let Some(place) = model.locate(&folder) else {
        notices.push(format!(
            "no reranker {} in {}: the order of a search stays as it is; `ibid models fetch {}` gets it",
            model.name,
            folder.display(),
            model.name
        ));
        return Ok(None);
    };
    for file in model.files {
        verify_once(&place.join(file.name), file.sha256, || model.verify(&place))?;
    }
    Ok(Some(Arc::new(local(&config.rerank, &place, model.name.to_owned())?)))
}

fn local(config: &RerankConfig, folder: &Path, name: String) -> anyhow::Result<LocalReranker> {
    Ok(LocalReranker::open(folder, name, config.threads.unwrap_or_else(super::cores))?)
}

fn options(config: &RerankConfig, endpoint: &str) -> RerankEndpointOptions {
    RerankEndpointOptions {
        shape: match config.api {
            RerankApi::Cohere => RerankShape::Cohere,
            RerankApi::Jina => RerankShape::Jina,
            RerankApi::Tei => RerankShape::Tei,
        },
        base_url: endpoint.to_owned(),
        api_key: config.api_key.clone().unwrap_or_default(),
        model: config.model.clone().unwrap_or_default(),
        connect_timeout: CONNECT_TIMEOUT,
    }
}

fn hub_model(name: &str) -> anyhow::Result<&'static HubModel> {
    let known = HUB_RERANKERS.iter().find(|model| model.name == name).copied();
    known.with_context(|| {
        let names: Vec<&str> = HUB_RERANKERS.iter().map(|model| model.name).collect();
        format!(
            "no reranker {name:?} is known without an endpoint or a folder in [rerank]; there is {}",
            names.join(", ")
        )
    })
}

/// Gets the files of a reranker by name. `progress` hears how far the download is, and of how many bytes.
///
/// # Errors
/// When the name is not known or a file cannot be had; what was there before stays.
pub async fn fetch_reranker(config: &Config, name: &str, progress: ModelProgress<'_>) -> anyhow::Result<()> {
    let model = hub_model(name)?;
    let base_url = std::env::var("HF_ENDPOINT").ok().filter(|url| !url.is_empty());
    let base_url = base_url.unwrap_or_else(|| HUB_URL.to_owned());
    model.fetch(&base_url, &model_folder(&config.embedding), |step| progress(step, model.bytes())).await?;
    Ok(())
}
