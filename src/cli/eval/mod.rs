//! `ibid eval`: how well searches answer, on a dataset or on questions of one's own.

mod make;
mod measure;
mod saved;
mod table;

use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::TempDir;

use self::measure::{Measured, measure_corpus, measure_existing};
use self::saved::Previous;
use super::output::{self, line};
use super::{Common, Outcome};
use crate::boot::{same_index, temporary_folder};
use crate::config::Config;
use crate::eval::{Dataset, ModeDifference, Report, WorstQuery, differences, worst};

/// Measure how well searches answer.
///
/// DATASET is a folder in the layout of BEIR (corpus.jsonl, queries.jsonl, qrels.tsv, perhaps spans.jsonl): its documents
/// are read into a data folder of their own, which is deleted afterwards. Or it is a file of JSON lines about the documents in
/// --data: {"query": "...", "relevant": ["docs/a.md"], "spans": [{"uri": "docs/a.md", "start": 0, "end": 42}]}.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A folder in the layout of BEIR, or a file of questions about what is in --data.
    #[arg(value_name = "DIR|FILE", required_unless_present = "make")]
    dataset: Option<PathBuf>,
    /// Keep the data folder of DIR here, so that the next run with it only measures.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Measure under two configurations and say whether they differ.
    #[arg(long, num_args = 2, value_names = ["A.toml", "B.toml"])]
    compare: Option<Vec<PathBuf>>,
    /// Keep the report in --data, so that later runs on the same questions show the difference.
    #[arg(long, conflicts_with = "compare")]
    save: bool,
    /// List this many of the questions that did worst, with what was expected and what was found.
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "compare")]
    worst: usize,
    /// Write the documents that each leg finds for each question, with their scores, as JSON lines.
    #[arg(long, value_name = "FILE", hide = true, conflicts_with = "compare")]
    dump: Option<PathBuf>,
    #[command(flatten)]
    make: make::MakeArgs,
}

/// The folder of a measurement, which is deleted at the end unless it is kept.
struct Place {
    path: PathBuf,
    _temporary: Option<TempDir>,
}

impl Place {
    fn of(kept: Option<PathBuf>) -> anyhow::Result<Self> {
        if let Some(path) = kept {
            return Ok(Self { path, _temporary: None });
        }
        let temporary = temporary_folder()?;
        Ok(Self { path: temporary.path().to_owned(), _temporary: Some(temporary) })
    }
}

/// One report, for programs.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    report: &'a Report,
    indexed_in_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<&'a Previous>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    worst: &'a [WorstQuery],
}

/// Two reports, for programs.
#[derive(Serialize)]
struct ToldBoth<'a> {
    a: &'a Report,
    b: &'a Report,
    differences: &'a [ModeDifference],
}

pub(super) async fn run(common: &Common, args: Args) -> anyhow::Result<Outcome> {
    // What is dropped takes its temporary folders along.
    tokio::select! {
        outcome = asked(common, &args) => outcome,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("stopped; nothing was saved"),
    }
}

async fn asked(common: &Common, args: &Args) -> anyhow::Result<Outcome> {
    match (args.dataset.as_deref(), args.compare.as_deref()) {
        (Some(dataset), Some([a, b])) => measure_both(common, args, dataset, [a, b]).await?,
        (Some(dataset), _) => measure_one(common, args, dataset).await?,
        (None, _) => make::run(common, &args.make).await?,
    }
    Ok(Outcome::Done)
}

async fn measure_one(common: &Common, args: &Args, dataset: &Path) -> anyhow::Result<()> {
    let config = common.load_config()?;
    let measured = if dataset.is_dir() {
        let read = read_beir(dataset).await?;
        let place = Place::of(args.keep.clone())?;
        measure_corpus(common, args, &config, read, &place.path).await?
    } else {
        measure_existing(common, args, &config, dataset).await?
    };
    let worst = worst(&measured.dataset, &measured.measurements, args.worst);
    let previous = saved::exchange(common, &config, &measured.report, args.save).await?;
    if common.json {
        return output::json(&Told {
            report: &measured.report,
            indexed_in_s: measured.indexed_in.as_secs_f64(),
            previous: previous.as_ref(),
            worst: &worst,
        });
    }
    say(&measured);
    if let Some(previous) = &previous {
        line(&format!("\nsince the report that was saved {} ago:", previous.age()));
        table::differences(&previous.differences, ["then", "now"]);
    }
    table::worst(&worst);
    Ok(())
}

async fn measure_both(common: &Common, args: &Args, dataset: &Path, files: [&PathBuf; 2]) -> anyhow::Result<()> {
    let configs = [common.load_config_from(Some(files[0]))?, common.load_config_from(Some(files[1]))?];
    let [first, second] = if dataset.is_dir() {
        corpus_under_both(common, args, dataset, &configs).await?
    } else {
        let first = measure_existing(common, args, &configs[0], dataset).await?;
        [first, measure_existing(common, args, &configs[1], dataset).await?]
    };
    let found = differences(&first.report, &second.report);
    if common.json {
        return output::json(&ToldBoth { a: &first.report, b: &second.report, differences: &found });
    }
    for (file, measured) in files.iter().zip([&first, &second]) {
        line(&format!("{}:", file.display()));
        say(measured);
        line("");
    }
    line("b against a:");
    table::differences(&found, ["a", "b"]);
    Ok(())
}

/// Measures the documents of a dataset under two configurations, in one data folder when their chunks and vectors are the
/// same.
async fn corpus_under_both(
    common: &Common,
    args: &Args,
    dataset: &Path,
    configs: &[Config; 2],
) -> anyhow::Result<[Measured; 2]> {
    let read = read_beir(dataset).await?;
    let [a, b] = configs;
    let below = |name: &str| args.keep.as_ref().map(|folder| folder.join(name));
    let shared = same_index(a, b);
    let place = Place::of(if shared { args.keep.clone() } else { below("a") })?;
    let first = measure_corpus(common, args, a, read.clone(), &place.path).await?;
    let other = if shared { None } else { Some(Place::of(below("b"))?) };
    let second = measure_corpus(common, args, b, read, &other.as_ref().unwrap_or(&place).path).await?;
    Ok([first, second])
}

/// Reads a folder away from the threads of the runtime.
async fn read_beir(folder: &Path) -> anyhow::Result<Dataset> {
    let folder = folder.to_owned();
    Ok(tokio::task::spawn_blocking(move || Dataset::read_beir(&folder)).await??)
}

fn say(measured: &Measured) {
    table::heading(&measured.report, measured.indexed_in);
    table::modes(&measured.report);
}
