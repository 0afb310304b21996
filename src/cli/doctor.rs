//! `ibid doctor`: what is configured, reachable and consistent.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::output::{json, line};
use super::{Common, Outcome};
use crate::boot::{Booted, ChatProbe, model_folder, open_reranker, probe_chat};
use crate::config::{Config, EmbeddingModel};
use crate::indexing::Difference;
use crate::models::{E5_SMALL_Q4, locate, verify};

/// How long a reranker may take for one passage, its first.
const RERANK_PATIENCE: Duration = Duration::from_secs(10);

/// Say what is configured, reachable and consistent.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    well: bool,
    detail: String,
}

pub(super) async fn run(common: &Common) -> anyhow::Result<Outcome> {
    let mut findings = Vec::new();
    match common.load_config() {
        Ok(config) => look(common, &config, &mut findings).await,
        Err(error) => findings.push(Finding { what: "configuration", well: false, detail: format!("{error:#}") }),
    }
    for finding in &findings {
        if !common.json {
            line(&format!("{:>4}  {}: {}", if finding.well { "ok" } else { "BAD" }, finding.what, finding.detail));
        }
    }
    if common.json {
        json(&findings)?;
    }
    let well = findings.iter().all(|finding| finding.well);
    Ok(if well { Outcome::Done } else { Outcome::Unwell })
}

async fn look(common: &Common, config: &Config, findings: &mut Vec<Finding>) {
    chat_models(config, findings).await;
    findings.push(embedding_model(config));
    findings.push(reranker(config).await);
    if !crate::boot::store_exists(config, &common.data) {
        let detail = format!("none at {} yet; `ibid ingest DIR` makes one", common.data.display());
        findings.push(Finding { what: "data folder", well: true, detail });
        return;
    }
    match common.open(config).await {
        Ok(booted) => {
            let outcome = look_inside(&booted, findings).await;
            if let Err(error) = outcome {
                findings.push(Finding { what: "data folder", well: false, detail: format!("{error:#}") });
            }
        }
        Err(error) => findings.push(Finding { what: "data folder", well: false, detail: format!("{error:#}") }),
    }
}

/// Which models answer, and whether their endpoints do. No model is called, and no key is shown.
async fn chat_models(config: &Config, findings: &mut Vec<Finding>) {
    let quotes = || "extractive, which quotes".to_owned();
    match probe_chat(&config.chat).await {
        Err(error) => findings.push(Finding { what: "chat model", well: false, detail: format!("{error:#}") }),
        Ok(probes) if probes.is_empty() => {
            let detail = format!("{}; OPENAI_BASE_URL and OPENAI_MODEL set another", quotes());
            findings.push(Finding { what: "chat model", well: true, detail });
        }
        Ok(probes) => {
            findings.extend(probes.into_iter().map(chat_finding));
            if config.chat.fallback.as_ref().is_some_and(|fallback| fallback.extractive) {
                findings.push(Finding { what: "fallback chat model", well: true, detail: quotes() });
            }
        }
    }
}

fn chat_finding(probe: ChatProbe) -> Finding {
    let ChatProbe { what, model, listed } = probe;
    // Ollama lists a model that has no tag as `latest`.
    let latest = format!("{model}:latest");
    let (well, detail) = match listed {
        Err(error) => (false, format!("{model}: {error}")),
        Ok(None) => (true, format!("{model} at an address that answers and lists no models")),
        Ok(Some(listed)) if listed.iter().any(|name| *name == model || *name == latest) => {
            (true, format!("{model} at an address that answers and lists it"))
        }
        Ok(Some(listed)) => {
            (false, format!("{model} is not one of the {} models that the address lists", listed.len()))
        }
    };
    Finding { what, well, detail }
}

fn embedding_model(config: &Config) -> Finding {
    let what = "embedding model";
    if config.embedding.model == Some(EmbeddingModel::Hashing) {
        return Finding { what, well: true, detail: "hashing: words only, no meaning".to_owned() };
    }
    let folder = model_folder(&config.embedding);
    let Some(path) = locate(&E5_SMALL_Q4, &folder) else {
        let detail = format!("{} is absent from {}; `ibid models fetch` gets it", E5_SMALL_Q4.name, folder.display());
        return Finding { what, well: false, detail };
    };
    match verify(&E5_SMALL_Q4, &path) {
        Ok(()) => {
            Finding { what, well: true, detail: format!("{} in {}, verified", E5_SMALL_Q4.name, folder.display()) }
        }
        Err(error) => Finding { what, well: false, detail: error.to_string() },
    }
}

/// Whether the configured reranker scores a passage.
async fn reranker(config: &Config) -> Finding {
    let what = "reranker";
    let mut notices = Vec::new();
    let opened = match open_reranker(config, &mut notices) {
        Ok(opened) => opened,
        Err(error) => return Finding { what, well: false, detail: format!("{error:#}") },
    };
    let Some(reranker) = opened else {
        let none = || "none; [rerank] in the configuration names one".to_owned();
        return Finding { what, well: notices.is_empty(), detail: notices.pop().unwrap_or_else(none) };
    };
    let id = reranker.id();
    let tried = reranker.rerank("a question", &["a passage".to_owned()], Instant::now() + RERANK_PATIENCE).await;
    let (well, detail) = match tried {
        Ok(reranked) if reranked.scores.is_empty() => (false, format!("{id} gave no score in {RERANK_PATIENCE:?}")),
        Ok(_) => (true, format!("{id} gives scores")),
        Err(error) => (false, error.to_string()),
    };
    Finding { what, well, detail }
}

async fn look_inside(booted: &Booted, findings: &mut Vec<Finding>) -> anyhow::Result<()> {
    let app = &booted.app;
    let check = app.store.integrity_check().await?;
    let well = check == "ok";
    findings.push(Finding { what: "database", well, detail: if well { "whole".to_owned() } else { check } });
    app.indexer.catch_up().await?;
    let (keyword, vector) = app.indexer.differences().await?;
    findings.push(index("keyword index", keyword));
    let serving = app.generations.serving();
    if serving.embedder.is_some() {
        findings.push(index("vector index", vector));
    }
    let counts = app.store.embedding_status(serving.id).await?;
    let detail = format!(
        "{} documents, {} chunks, {} with vectors, {} failed",
        counts.documents, counts.chunks, counts.chunks_embedded, counts.failed
    );
    findings.push(Finding { what: "content", well: true, detail });
    Ok(())
}

fn index(what: &'static str, difference: Difference) -> Finding {
    let well = difference == Difference::default();
    let detail = if well {
        "equal to the truth".to_owned()
    } else {
        format!(
            "{} chunks missing, {} too many; `ibid reindex` builds it again",
            difference.missing, difference.surplus
        )
    };
    Finding { what, well, detail }
}
