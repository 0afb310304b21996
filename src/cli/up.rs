//! `ibid up`: folders in, chat page out, in one command.

use super::ask::{Scope, answer};
use super::ingest::{SourceArgs, get_model, mirror_all, mirror_words, say_summary};
use super::progress::IngestProgress;
use super::serve::{self, ListenArgs};
use super::{Common, Outcome};
use crate::agent::Verification;
use crate::boot::Booted;
use crate::config::Config;
use crate::indexing::{IngestJob, MirrorSummary};
use crate::types::{Caller, Filter};

/// Read folders, then serve the chat page.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// Print one cited answer and exit, instead of serving.
    #[arg(long, value_name = "QUESTION")]
    ask: Option<String>,
    #[command(flatten)]
    listen: ListenArgs,
}

pub(super) async fn run(common: &Common, args: Args) -> anyhow::Result<Outcome> {
    let mut config = common.load_config()?;
    args.source.configure(&mut config)?;
    if let Some(question) = &args.ask {
        return ask_once(common, &config, &args, question).await;
    }
    let listener = serve::bind(&config, args.listen).await?;
    if config.ingest.embed {
        get_model(common, &config).await;
    }
    let mut booted = common.open(&config).await?;
    serve::announce(&mut booted, &listener)?;
    let url = serve::chat_url(&listener)?;
    // The page is up while documents come in: what is read can be found, and the page says how far it is.
    let serving = serve::serve(&booted, &config, listener);
    let reading = async {
        match read_and_say(common, &booted, &args, &url).await {
            // The server goes on after its folders are read.
            Ok(()) => std::future::pending().await,
            Err(error) => error,
        }
    };
    tokio::select! {
        outcome = serving => outcome.map(|()| Outcome::Done),
        error = reading => {
            booted.app.store.close().await;
            Err(error)
        }
    }
}

/// A page that answers is worth more than a refusal, so deletions that are too many wait.
fn job(booted: &Booted, args: &Args) -> IngestJob {
    IngestJob { roots: args.source.roots.clone(), options: args.source.mirror_options(booted, true) }
}

async fn ask_once(common: &Common, config: &Config, args: &Args, question: &str) -> anyhow::Result<Outcome> {
    if config.ingest.embed {
        get_model(common, config).await;
    }
    let booted = common.open(config).await?;
    let summary = mirror_all(&booted, job(&booted, args), common.json).await?;
    let filter = Filter { collections: vec![args.source.collection.clone()], ..Filter::default() };
    let scope = Scope { filter, caller: Caller::Owner, verification: Verification::Annotate, thread: None };
    answer(&booted.app, question, scope, common.json).await?;
    booted.app.store.close().await;
    if summary.failed > 0 {
        eprintln!("{} documents could not be read; `ibid documents --failed` says why", summary.failed);
        return Ok(Outcome::SomeFailed);
    }
    Ok(Outcome::Done)
}

/// Reads the folders, says where the page is as soon as words are found, and then how embedding goes.
async fn read_and_say(common: &Common, booted: &Booted, args: &Args, url: &str) -> anyhow::Result<()> {
    let began = std::time::Instant::now();
    let waiting = booted.app.store.embedding_status(booted.app.generations.serving().id).await?;
    let progress = IngestProgress::new(!common.json, waiting, booted.app.indexer.ingests());
    let work = async {
        let summary: MirrorSummary = mirror_words(booted, job(booted, args), &progress, common.json).await?;
        booted.app.indexer.catch_up().await?;
        say_summary(common.json, &summary, began.elapsed(), booted)?;
        if common.json {
            super::output::json(&serde_json::json!({"event": "serving", "url": url}))?;
        } else {
            super::output::line(&format!("ask at {url} (Ctrl-C stops)"));
        }
        follow_embedding(booted, &progress).await
    };
    let outcome = tokio::select! {
        outcome = work => outcome,
        never = progress.draw() => match never {},
    };
    progress.finish();
    outcome
}

/// The server embeds; this only looks on.
async fn follow_embedding(booted: &Booted, progress: &IngestProgress) -> anyhow::Result<()> {
    if booted.app.generations.serving().embedder.is_none() {
        return Ok(());
    }
    loop {
        let status = booted.app.store.embedding_status(booted.app.generations.serving().id).await?;
        progress.embedded_so_far(booted.app.indexer.embedded_texts());
        if status.chunks_embedded >= status.chunks {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    progress.say("every passage can be found by meaning, too");
    Ok(())
}
