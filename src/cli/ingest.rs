//! `ibid ingest`: a collection becomes equal to a folder.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use serde_json::json;
use tokio::sync::watch;

use super::output::{self, grouped, line};
use super::progress::{IngestProgress, ModelDownload, duration};
use super::{Common, Outcome, follow, plan};
use crate::boot::{Booted, fetch_model};
use crate::config::{Config, OriginalsConfig};
use crate::indexing::{DeletionPolicy, IngestJob, MirrorEvent, MirrorOptions, MirrorSummary, ScanRules};
use crate::types::{CollectionName, Principal};

/// What is mirrored, and where to.
#[derive(Debug, clap::Args)]
pub(super) struct SourceArgs {
    /// Folders, or single files.
    #[arg(required = true, value_name = "DIR|FILE")]
    pub(super) roots: Vec<PathBuf>,
    /// The collection.
    #[arg(long, default_value = "default", value_name = "NAME")]
    pub(super) collection: CollectionName,
    /// Who may read what comes in, such as user:alice,group:staff; without it, whoever may read the collection.
    #[arg(long, value_name = "PRINCIPAL,...", value_delimiter = ',')]
    readers: Option<Vec<Principal>>,
    /// Take only files that match one of these globs, as .gitignore has them.
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,
    /// Leave out files and folders that match, besides what .gitignore and .ibidignore name.
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// The largest share of a folder's documents that may be deleted without --yes, because their files are gone.
    #[arg(long, value_name = "PERCENT", default_value = "50%", value_parser = share)]
    max_delete: f64,
    /// Delete more than that.
    #[arg(long)]
    yes: bool,
    /// What the process may hold in memory, the model and the processes that read documents included; 0 is no limit.
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    max_memory: Option<u64>,
    /// Keep files as they were read, in the data folder or at s3://, gs://, az:// or file://.
    #[arg(long, value_name = "URL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = OriginalsConfig::parsed)]
    keep_originals: Option<OriginalsConfig>,
    /// Do not embed: words are found, meaning is not, until an ingest without this or a server does it.
    #[arg(long)]
    no_embed: bool,
}

impl SourceArgs {
    /// Puts what is set here over the configuration.
    pub(super) fn configure(&self, config: &mut Config) -> anyhow::Result<()> {
        self.rules().check().map_err(|reason| anyhow::anyhow!("a glob cannot be used: {reason}"))?;
        config.ingest.max_memory_bytes = self.max_memory.unwrap_or(config.ingest.max_memory_bytes);
        config.ingest.embed &= !self.no_embed;
        if let Some(kept) = &self.keep_originals {
            config.ingest.keep_originals.clone_from(kept);
        }
        Ok(())
    }

    fn rules(&self) -> ScanRules {
        ScanRules { include: self.include.clone(), exclude: self.exclude.clone() }
    }

    /// `withhold` says what happens to more deletions than may be: whether they wait, or nothing is done at all.
    pub(super) fn mirror_options(&self, booted: &Booted, withhold: bool) -> MirrorOptions {
        let readers = self.readers.as_ref().map(|readers| readers.iter().cloned().collect());
        MirrorOptions {
            rules: self.rules(),
            deletion: DeletionPolicy { share_max: self.max_delete, confirmed: self.yes, withhold },
            ..booted.app.mirror_options(self.collection.clone(), readers)
        }
    }
}

/// `50%` or `0.5` as a share.
fn share(text: &str) -> Result<f64, String> {
    let number = |digits: &str| digits.trim().parse::<f64>().ok();
    let share =
        text.strip_suffix('%').map_or_else(|| number(text), |percent| number(percent).map(|number| number / 100.0));
    share.filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| "it is not a share such as 50%".to_owned())
}

/// `512MiB`, `2G` or a number of bytes.
fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "k" | "kb" | "kib" => Some(1 << 10),
        "m" | "mb" | "mib" => Some(1 << 20),
        "g" | "gb" | "gib" => Some(1_u64 << 30),
        _ => None,
    };
    let number = text[..digits].parse::<u64>().ok();
    let size = number.zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
    size.ok_or_else(|| "it is not a size such as 512MiB".to_owned())
}

/// How long work that is stopped may take to say so.
const STOP_PATIENCE: std::time::Duration = std::time::Duration::from_millis(400);

/// Make a collection equal to a folder.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// Only say what would be done.
    #[arg(long)]
    plan: bool,
    /// Compare what files hold, also where length and date are those of before.
    #[arg(long)]
    checksum: bool,
    /// Try everything again that could not be read, whatever the reason was.
    #[arg(long)]
    retry_failed: bool,
    /// Go on following the folder until Ctrl-C.
    #[arg(long, conflicts_with = "plan")]
    watch: bool,
}

pub(super) async fn run(common: &Common, args: Args) -> anyhow::Result<Outcome> {
    let mut config = common.load_config()?;
    args.source.configure(&mut config)?;
    if !args.plan && config.ingest.embed {
        get_model(common, &config).await;
    }
    let booted = common.open(&config).await?;
    let options = MirrorOptions {
        checksum: args.checksum,
        retry_failed: args.retry_failed,
        ..args.source.mirror_options(&booted, false)
    };
    if args.plan {
        return plan::show(common, &booted, &args.source.roots, options).await;
    }
    let began = std::time::Instant::now();
    let job = IngestJob { roots: args.source.roots.clone(), options };
    let mut work = std::pin::pin!(mirror_all(&booted, job.clone(), common.json));
    let outcome = tokio::select! {
        outcome = &mut work => outcome,
        _ = tokio::signal::ctrl_c() => {
            booted.app.indexer.ingests().list().iter().for_each(|live| live.cancel());
            // It notes that it was stopped; a disk that does not answer must not keep anybody waiting for that.
            drop(tokio::time::timeout(STOP_PATIENCE, &mut work).await);
            drop(tokio::time::timeout(STOP_PATIENCE, booted.app.store.close()).await);
            anyhow::bail!("stopped; nothing is lost, and the same command continues");
        }
    };
    let summary = outcome?;
    say_summary(common.json, &summary, began.elapsed(), &booted)?;
    if args.watch {
        follow::follow(common, &booted, job).await?;
    }
    booted.app.store.close().await;
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
pub(super) async fn mirror_all(booted: &Booted, job: IngestJob, as_json: bool) -> anyhow::Result<MirrorSummary> {
    let status = booted.app.store.embedding_status(booted.app.generations.serving().id).await?;
    let progress = IngestProgress::new(!as_json, status, booted.app.indexer.ingests());
    let (done, all_read) = watch::channel(false);
    let mirror = async {
        let summary = mirror_words(booted, job, &progress, as_json).await?;
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
    job: IngestJob,
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
    let outcome = booted.app.indexer.ingest(job, &listener).await;
    booted.app.mirroring.store(false, Ordering::Relaxed);
    Ok(outcome?)
}

/// The last lines of an ingest.
pub(super) fn say_summary(
    as_json: bool,
    summary: &MirrorSummary,
    took: std::time::Duration,
    booted: &Booted,
) -> anyhow::Result<()> {
    let memory = booted.app.indexer.memory().look();
    if as_json {
        let (took_ms, cgroup_peak_bytes) = (took.as_millis(), crate::memory::cgroup_peak());
        return output::json(&json!({"event": "done", "summary": summary, "took_ms": took_ms, "memory": memory,
            "cgroup_peak_bytes": cgroup_peak_bytes}));
    }
    line(&format!(
        "{} added, {} changed, {} moved, {} unchanged, {} removed; {} chunks from {:.1} MB in {}, at most {} MiB of memory",
        grouped(summary.added as u64),
        grouped(summary.changed as u64),
        grouped(summary.moved as u64),
        grouped(summary.unchanged as u64),
        grouped(summary.removed as u64),
        grouped(summary.chunks as u64),
        summary.bytes as f64 / 1e6,
        duration(took),
        memory.peak_bytes >> 20
    ));
    if summary.withheld > 0 {
        line(&format!(
            "{} documents have no file any more and stay, because that is more than may be deleted unasked: \
             `ibid ingest --yes` deletes them",
            grouped(summary.withheld as u64)
        ));
    }
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
