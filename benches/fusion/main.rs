//! The law of fusion: on no dataset more than one point of nDCG@10 below the better leg, above both on average, and better than
//! reciprocal rank fusion and fixed weights. With `--fit FILE` it fits the weights first.
//!
//! Weights that were fitted on a dataset flatter it, so each dataset is also judged under weights that were fitted on all the
//! others. Datasets are read into data folders beforehand:
//!
//! ```text
//! ibid eval SETS/belebele-ko --keep FOLDERS/belebele-ko
//! cargo bench --bench fusion -- SETS/belebele-ko=FOLDERS/belebele-ko ... [--signals known,length] [--fit weights.toml]
//! ```

mod fit;
mod questions;

use std::path::PathBuf;

use anyhow::Context;
use ibid::retrieval::{Fusion, WeightModel};

use self::fit::{coefficients_of, fitted};
use self::questions::QuestionSet;

/// How far below the better leg a dataset may be.
const BELOW_MAX: f64 = 0.010;

struct Args {
    sets: Vec<(PathBuf, PathBuf)>,
    signals: Vec<String>,
    fit: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::read()?;
    if args.sets.is_empty() {
        println!("no datasets are given, so nothing is judged: -- DATASET=FOLDER ... (see the head of this file)");
        return Ok(());
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let mut sets = Vec::new();
    for (dataset, folder) in &args.sets {
        sets.push(runtime.block_on(QuestionSet::read(dataset, folder))?);
    }
    let model = match &args.fit {
        None => WeightModel::built_in().clone(),
        Some(file) => {
            let model = fitted(&sets.iter().collect::<Vec<_>>(), &args.signals);
            std::fs::write(file, coefficients_of(&model, &sets))
                .with_context(|| format!("{} cannot be written", file.display()))?;
            model
        }
    };
    judge(&sets, &model, &args.signals)
}

impl Args {
    fn read() -> anyhow::Result<Self> {
        let mut args = Self { sets: Vec::new(), signals: Vec::new(), fit: None };
        // Cargo adds `--bench`.
        let mut given = std::env::args().skip(1).filter(|arg| arg != "--bench");
        while let Some(arg) = given.next() {
            match arg.as_str() {
                "--fit" => args.fit = Some(given.next().context("--fit takes a file")?.into()),
                "--signals" => {
                    let names = given.next().context("--signals takes names, with commas between them")?;
                    args.signals = names.split(',').map(str::to_owned).collect();
                }
                pair => {
                    let (dataset, folder) =
                        pair.split_once('=').with_context(|| format!("{pair} is no DATASET=FOLDER"))?;
                    args.sets.push((dataset.into(), folder.into()));
                }
            }
        }
        Ok(args)
    }
}

/// The means of one dataset, in the order of the table.
struct Row {
    keyword: f64,
    vector: f64,
    rrf: f64,
    half: f64,
    adaptive: f64,
    held_out: f64,
}

impl Row {
    fn values(&self) -> [f64; 6] {
        [self.keyword, self.vector, self.rrf, self.half, self.adaptive, self.held_out]
    }

    fn better_leg(&self) -> f64 {
        self.keyword.max(self.vector)
    }
}

fn judge(sets: &[QuestionSet], model: &WeightModel, signals: &[String]) -> anyhow::Result<()> {
    let heads = ["keyword", "vector", "RRF(60)", "fixed 0.5", "adaptive", "held out"];
    println!("{:<20} {:>7} {}", "nDCG@10", "queries", heads.map(|head| format!("{head:>9}")).join(" "));
    let mut rows = Vec::new();
    for (place, set) in sets.iter().enumerate() {
        let is_other = |other: &(usize, &QuestionSet)| other.0 != place;
        let others: Vec<&QuestionSet> = sets.iter().enumerate().filter(is_other).map(|other| other.1).collect();
        let held_out = if others.is_empty() { model.clone() } else { fitted(&others, signals) };
        let row = Row {
            keyword: set.mean(&Fusion::Convex { vector_weight: 0.0 }),
            vector: set.mean(&Fusion::Convex { vector_weight: 1.0 }),
            rrf: set.mean(&Fusion::Rrf { k: 60.0 }),
            half: set.mean(&Fusion::Convex { vector_weight: 0.5 }),
            adaptive: set.mean(&Fusion::Adaptive(model.clone())),
            held_out: set.mean(&Fusion::Adaptive(held_out)),
        };
        println!("{:<20} {:>7} {}", set.name, set.len(), printed(row.values()));
        rows.push(row);
    }
    let mean = |value: fn(&Row) -> f64| rows.iter().map(value).sum::<f64>() / rows.len() as f64;
    let means = Row {
        keyword: mean(|row| row.keyword),
        vector: mean(|row| row.vector),
        rrf: mean(|row| row.rrf),
        half: mean(|row| row.half),
        adaptive: mean(|row| row.adaptive),
        held_out: mean(|row| row.held_out),
    };
    println!("{:<20} {:>7} {}", "mean", "", printed(means.values()));
    let below = rows.iter().map(|row| row.better_leg() - row.adaptive.min(row.held_out)).fold(f64::MIN, f64::max);
    println!("most below the better leg, held out or not: {:+.4}", -below);
    anyhow::ensure!(below <= BELOW_MAX, "the law is broken: a dataset is {below:.4} below its better leg");
    let worst_mean = means.adaptive.min(means.held_out);
    anyhow::ensure!(worst_mean > means.better_leg(), "the law is broken: on average a leg alone is better");
    anyhow::ensure!(worst_mean > means.rrf.max(means.half), "the law is broken: fixed fusion is better on average");
    Ok(())
}

fn printed(values: [f64; 6]) -> String {
    values.map(|value| format!("{value:>9.4}")).join(" ")
}
