//! One configuration on one dataset: documents in, every mode measured.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::json;
use tokio::sync::watch;

use super::Args;
use crate::boot::{Booted, chunking, for_evaluation};
use crate::cli::ingest::get_model;
use crate::cli::progress::{EvalProgress, IngestProgress};
use crate::cli::{Common, open_at};
use crate::config::Config;
use crate::eval::{Dataset, Found, Measurement, Report, Setup, measure_mode, modes, put_corpus};

/// Documents that are kept of each answer, for the list of those that did worst.
const FOUND_KEPT: usize = 5;
/// Documents that are kept of each answer when all are written to a file.
const FOUND_DUMPED: usize = 100;

/// What was measured, and how long the index took before.
pub(super) struct Measured {
    pub(super) dataset: Dataset,
    pub(super) report: Report,
    pub(super) measurements: Vec<Measurement>,
    pub(super) indexed_in: Duration,
}

/// Puts the documents of a dataset into a data folder of their own, and measures.
pub(super) async fn measure_corpus(
    common: &Common,
    args: &Args,
    config: &Config,
    dataset: Dataset,
    data: &Path,
) -> anyhow::Result<Measured> {
    let config = for_evaluation(config);
    get_model(common, &config).await;
    let booted = open_at(&config, data).await?;
    let (held, wanted) = (booted.app.generations.serving().chunking.clone(), chunking(&config));
    anyhow::ensure!(
        held == wanted,
        "{} holds chunks of {} tokens, and {} are configured; take another --keep folder",
        data.display(),
        held.tokens_max,
        wanted.tokens_max
    );
    let indexed_in = index(common, &booted, &dataset).await?;
    measured(common, args, &config, booted, dataset, indexed_in).await
}

/// Measures what is in the data folder, on a file of questions.
pub(super) async fn measure_existing(
    common: &Common,
    args: &Args,
    config: &Config,
    gold: &Path,
) -> anyhow::Result<Measured> {
    let booted = common.open_existing(config).await?;
    let dataset = Dataset::read_gold(gold, booted.app.store.as_ref()).await?;
    let indexed_in = index(common, &booted, &dataset).await?;
    measured(common, args, config, booted, dataset, indexed_in).await
}

/// Brings the documents of a dataset in, if it has any, and the indexes up to date; says how long it took.
async fn index(common: &Common, booted: &Booted, dataset: &Dataset) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let app = &booted.app;
    let waiting = app.store.embedding_status(app.generations.serving().id).await?;
    let progress = IngestProgress::new(!common.json, waiting, app.indexer.ingests());
    let (done, all_read) = watch::channel(false);
    let read = async {
        if let (Some(corpus), Some(digest)) = (&dataset.corpus, dataset.corpus_digest()) {
            let listener = |event: &_| progress.mirror_event(event);
            put_corpus(&app.indexer, app.store.as_ref(), corpus, &digest, &listener).await?;
        }
        done.send_replace(true);
        anyhow::Ok(())
    };
    let stages = async { Ok(app.indexer.drain(all_read, &|texts| progress.embedded(texts)).await?) };
    let outcome = tokio::select! {
        outcome = async { tokio::try_join!(read, stages) } => outcome,
        never = progress.draw() => match never {},
    };
    progress.finish();
    outcome.map(|((), ())| began.elapsed())
}

async fn measured(
    common: &Common,
    args: &Args,
    config: &Config,
    booted: Booted,
    dataset: Dataset,
    indexed_in: Duration,
) -> anyhow::Result<Measured> {
    let began = Instant::now();
    let progress = EvalProgress::new(!common.json);
    let kept = if args.dump.is_some() { FOUND_DUMPED } else { FOUND_KEPT };
    let retriever = &booted.app.retriever;
    let mut measurements = Vec::new();
    for mode in modes(retriever) {
        let show = |name, done, total| progress.show(name, done, total);
        measurements.push(measure_mode(retriever, &dataset, mode, kept, &show).await?);
    }
    progress.finish();
    let setup = setup_of(&booted, config).await?;
    booted.app.store.close().await;
    let report = Report::of(&dataset, setup, &measurements, began.elapsed().as_secs_f64());
    if let Some(file) = &args.dump {
        dump(file, &dataset, &measurements).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(Measured { dataset, report, measurements, indexed_in })
}

async fn setup_of(booted: &Booted, config: &Config) -> anyhow::Result<Setup> {
    let serving = booted.app.generations.serving();
    let status = booted.app.store.embedding_status(serving.id).await?;
    Ok(Setup {
        documents: status.documents,
        chunks: status.chunks,
        model: serving.embedder.as_ref().map(|embedder| embedder.id().to_string()),
        chunk_tokens_max: serving.chunking.tokens_max,
        chunk_overlap_tokens: serving.chunking.overlap_tokens,
        search: format!("{:?}", config.search),
    })
}

/// Writes what each mode found, a question a line.
fn dump(file: &Path, dataset: &Dataset, measurements: &[Measurement]) -> anyhow::Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    let pair = |found: &Found| json!([found.document, found.score]);
    for (at, query) in dataset.queries.iter().enumerate() {
        let mut row = json!({"id": query.id, "query": query.text, "relevant": query.grades});
        for measurement in measurements {
            let answer = &measurement.answers[at];
            row[measurement.mode.name] = answer.found.iter().map(pair).collect();
        }
        writeln!(out, "{row}")?;
    }
    Ok(out.flush()?)
}
