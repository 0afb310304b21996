//! `ibid ingest`: a collection becomes equal to a folder.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use serde_json::json;
use tokio::sync::watch;

use super::output::{self, grouped, line};
use super::progress::{IngestProgress, ModelDownload, duration};
use super::{Common, Outcome};
use crate::boot::{Booted, fetch_model};
use crate::config::Config;
use crate::indexing::{MirrorEvent, MirrorOptions, MirrorSummary};
use crate::types::{CollectionName, Principal};

/// What is mirrored, and where to.
#[derive(Debug, clap::Args)]
pub(super) struct SourceArgs {
    /// Folders, or single files.
    #[arg(required = true, value_name = "DIR|FILE")]
    roots: Vec<PathBuf>,
    /// The collection.
    #[arg(long, default_value = "default", value_name = "NAME")]
    pub(super) collection: CollectionName,
    /// Who may read what comes in, such as user:alice,group:staff; without it, whoever may read the collection.
    #[arg(long, value_name = "PRINCIPAL,...", value_delimiter = ',')]
    readers: Option<Vec<Principal>>,
}

impl SourceArgs {
    fn mirror_options(&self, booted: &Booted) -> MirrorOptions {
        let readers = self.readers.as_ref().map(|readers| readers.iter().cloned().collect());
        booted.app.mirror_options(self.collection.clone(), readers)
    }
}

/// Make a collection equal to a folder.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// Only say what would be done.
    #[arg(long)]
    plan: bool,
}

pub(super) async fn run(common: &Common, args: Args) -> anyhow::Result<Outcome> {
    let config = common.load_config()?;
    if !args.plan {
        get_model(common, &config).await;
    }
    let booted = common.open(&config).await?;
    if args.plan {
        return show_plan(common, &booted, &args).await;
    }
    let began = std::time::Instant::now();
    let outcome = tokio::select! {
        outcome = mirror_all(&booted, &args.source, common.json) => outcome,
        _ = tokio::signal::ctrl_c() => {
            booted.app.store.close().await;
            anyhow::bail!("stopped; nothing is lost, and the same command continues");
        }
    };
    let summary = outcome?;
    booted.app.store.close().await;
    say_summary(common.json, &summary, began.elapsed())?;
    Ok(if summary.failed > 0 { Outcome::SomeFailed } else { Outcome::Done })
}

/// Gets the embedding model if it is absent. Without it words are still found, so this is no error.
pub(super) async fn get_model(common: &Common, config: &Config) {
    let mut download = ModelDownload::new(!common.json);
    let fetched = fetch_model(&config.embedding, &mut |step, bytes| download.show(step, bytes)).await;
    match fetched {
        Ok(()) => download.finish(),
        Err(error) => eprintln!("note: the embedding model could not be got, words are found without it: {error:#}"),
    }
}

/// Mirrors every root, with live progress, until all is found by words and by meaning.
pub(super) async fn mirror_all(booted: &Booted, source: &SourceArgs, as_json: bool) -> anyhow::Result<MirrorSummary> {
    let progress =
        IngestProgress::new(!as_json, booted.app.store.embedding_status(booted.app.generations.serving().id).await?);
    let (done, all_read) = watch::channel(false);
    let mirror = async {
        let summary = mirror_words(booted, source, &progress, as_json).await?;
        done.send_replace(true);
        anyhow::Ok(summary)
    };
    let stages = async { Ok(booted.app.indexer.drain(all_read, &|texts| progress.embedded(texts)).await?) };
    let outcome = tokio::select! {
        outcome = async { tokio::try_join!(mirror, stages) } => outcome,
        never = progress.draw() => match never {},
    };
    progress.finish();
    outcome.map(|(summary, ())| summary)
}

/// Mirrors every root; the views follow elsewhere.
pub(super) async fn mirror_words(
    booted: &Booted,
    source: &SourceArgs,
    progress: &IngestProgress,
    as_json: bool,
) -> anyhow::Result<MirrorSummary> {
    let listener = |event: &MirrorEvent| {
        progress.mirror_event(event);
        if as_json {
            drop(output::json(event));
        }
    };
    booted.app.mirroring.store(true, Ordering::Relaxed);
    let mut mirror = booted.app.indexer.mirror(source.mirror_options(booted));
    let mut total = MirrorSummary::default();
    for root in &source.roots {
        let outcome = mirror.mirror(root, &listener).await;
        if outcome.is_err() {
            booted.app.mirroring.store(false, Ordering::Relaxed);
        }
        total += outcome?;
    }
    booted.app.mirroring.store(false, Ordering::Relaxed);
    Ok(total)
}

/// The last lines of an ingest.
pub(super) fn say_summary(as_json: bool, summary: &MirrorSummary, took: std::time::Duration) -> anyhow::Result<()> {
    if as_json {
        return output::json(&json!({"event": "done", "summary": summary, "took_ms": took.as_millis()}));
    }
    line(&format!(
        "{} added, {} changed, {} unchanged, {} removed; {} chunks from {:.1} MB in {}",
        grouped(summary.added as u64),
        grouped(summary.changed as u64),
        grouped(summary.unchanged as u64),
        grouped(summary.removed as u64),
        grouped(summary.chunks as u64),
        summary.bytes as f64 / 1e6,
        duration(took)
    ));
    if summary.media_files > 0 {
        line(&format!("{} pictures, sounds, videos and fonts were passed over", grouped(summary.media_files as u64)));
    }
    let counted = |count: usize, one: &str, more: &str| {
        format!("{} {}", grouped(count as u64), if count == 1 { one } else { more })
    };
    if summary.contained > 0 {
        line(&format!("{} inside archives and mails", counted(summary.contained, "document was", "documents were")));
    }
    if summary.partial > 0 {
        let documents = counted(summary.partial, "document was read in part", "documents were read in part");
        line(&format!("{documents}; `ibid documents` shows the warnings"));
    }
    if summary.pages_need_ocr > 0 {
        let pages = counted(summary.pages_need_ocr, "page seems", "pages seem");
        line(&format!("{pages} to be scanned and cannot be read without text recognition (ingest.ocr)"));
    }
    if summary.failed > 0 {
        let noun = if summary.failed == 1 { "document" } else { "documents" };
        line(&format!(
            "{} {noun} could not be read; `ibid documents --failed` says why",
            grouped(summary.failed as u64)
        ));
    }
    Ok(())
}

async fn show_plan(common: &Common, booted: &Booted, args: &Args) -> anyhow::Result<Outcome> {
    let mirror = booted.app.indexer.mirror(args.source.mirror_options(booted));
    for root in &args.source.roots {
        let (found, plan) = mirror.plan(root).await?;
        let new = plan.read.iter().filter(|read| read.known.is_none()).count();
        if common.json {
            let read: Vec<_> = plan
                .read
                .iter()
                .map(|read| {
                    json!({"uri": read.file.uri, "bytes": read.file.bytes,
                "action": if read.known.is_none() { "add" } else { "change" }})
                })
                .collect();
            let remove: Vec<_> = plan.remove.iter().map(|(uri, _)| uri).collect();
            output::json(&json!({"read": read, "remove": remove, "unchanged": plan.unchanged}))?;
            continue;
        }
        for read in &plan.read {
            line(&format!("{} {}", if read.known.is_none() { "add   " } else { "change" }, read.file.uri));
        }
        plan.remove.iter().for_each(|(uri, _)| line(&format!("remove {uri}")));
        found.problems.iter().for_each(|problem| line(&format!("cannot look at {}: {}", problem.uri, problem.reason)));
        line(&format!(
            "{}: {new} to add, {} to change, {} to remove, {} unchanged; nothing was done",
            root.display(),
            plan.read.len() - new,
            plan.remove.len(),
            plan.unchanged
        ));
    }
    Ok(Outcome::Done)
}
