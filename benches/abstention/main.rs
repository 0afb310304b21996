//! Whether searches know when the documents do not answer: evidence on questions that are answered, on questions near the
//! documents that are not, and on questions of other documents. With `--fit FILE` it fits the coefficients first.
//!
//! Documents are read into data folders beforehand. A dataset is a folder in the layout of BEIR, whose questions without a
//! judgement above 0 are those that no document answers, or a file of questions such as `ibid eval --make` writes. Behind a comma
//! come the datasets whose questions the documents do not answer.
//!
//! ```text
//! ibid eval SETS/clapnq-dev --keep FOLDERS/clapnq-dev
//! cargo bench --bench abstention -- SETS/clapnq-dev=FOLDERS/clapnq-dev,SETS/xquad-de,SETS/belebele-ko ...
//!     [--keep FILE] [--fit evidence.toml]
//! ```
//!
//! Each question is searched by words alone and by words and meaning. One half of every set fits coefficients and the other half
//! is judged by them, both ways round; then each set is judged under a fit of all the others. `--keep` writes what the searches
//! showed, and reads it when it is there.

mod asked;
mod fit;
mod report;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ibid::retrieval::{Coefficients, EvidenceModel};
use ibid::types::SearchMode;

use self::asked::{Asked, Source};
use self::fit::{COST_OF_ANSWERING, COST_OF_REFUSING, fitted};
use self::report::{Judged, print_near, print_sets};

/// The signals of both models. What is left out earned nothing on sets left out (docs/QUALITY.md).
const BY_WORDS: [&str; 3] = ["coverage", "first", "pairs"];
const BY_MEANING: [&str; 5] = ["coverage", "sentence", "meaning", "strange", "strange_lead"];

struct Args {
    sources: Vec<Source>,
    keep: Option<PathBuf>,
    fit: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::read()?;
    if args.sources.is_empty() && args.keep.is_none() {
        println!(
            "no datasets are given, so nothing is judged: -- DATASET=FOLDER,OTHER ... (see the head of this file)"
        );
        return Ok(());
    }
    let asked = asked(&args)?;
    let both = [("words", SearchMode::Keyword, &BY_WORDS[..]), ("meaning", SearchMode::Hybrid, &BY_MEANING[..])];
    let mut models = Vec::new();
    for (name, mode, signals) in both {
        let of_mode: Vec<&Asked> = asked.iter().filter(|it| it.mode == mode).collect();
        judge(name, &of_mode, signals);
        models.push((name, fitted(&of_mode, signals)));
    }
    if let Some(file) = &args.fit {
        std::fs::write(file, written(&models, &asked))
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(())
}

/// The searches that are kept, or those that are made.
fn asked(args: &Args) -> anyhow::Result<Vec<Asked>> {
    if let Some(file) = args.keep.as_ref().filter(|file| file.exists()) {
        let text = std::fs::read_to_string(file)?;
        return text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect();
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let mut asked = Vec::new();
    for source in &args.sources {
        asked.extend(runtime.block_on(source.ask())?);
    }
    if let Some(file) = &args.keep {
        let lines: Result<Vec<String>, _> = asked.iter().map(serde_json::to_string).collect();
        std::fs::write(file, lines?.join("\n")).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(asked)
}

/// Judges the coefficients that the program has, those that halves give each other, and those of the other sets.
fn judge(name: &str, asked: &[&Asked], signals: &[&str]) {
    let model = EvidenceModel::built_in();
    let built_in = if name == "words" { &model.words } else { &model.meaning };
    println!("\n== by {name}, with the coefficients of the program");
    print_all(&scored(asked, |_| built_in));
    println!("\n== by {name}, with the rule that the extractive model had");
    print_all(&asked.iter().map(|it| Judged { asked: it, log_odds: extractive(it) }).collect::<Vec<_>>());
    let halves = [0, 1].map(|half| fitted(&filtered(asked, |it| it.half != half), signals));
    println!("\n== by {name}, each half judged by a fit of the other");
    print_all(&scored(asked, |it| &halves[it.half]));
    let documents_of = |it: &Asked| it.set.split(" < ").next().unwrap_or_default().to_owned();
    let mut sets: Vec<String> = asked.iter().map(|it| documents_of(it)).collect();
    sets.sort();
    sets.dedup();
    let others: Vec<(String, Coefficients)> = sets
        .into_iter()
        .map(|set| (set.clone(), fitted(&filtered(asked, |it| documents_of(it) != set), signals)))
        .collect();
    println!("\n== by {name}, each set judged by a fit of the others");
    let of_others =
        |it: &Asked| &others.iter().find(|(set, _)| *set == documents_of(it)).expect("every set is fitted").1;
    print_all(&scored(asked, of_others));
}

/// Above 0 where one sentence says half of the question, or a passage is as near as 0.86 under E5.
fn extractive(asked: &Asked) -> f32 {
    let signal = |name: &str| asked.signals.get(name).copied().unwrap_or(0.0);
    (signal("sentence") - 0.5).max(signal("meaning") - 0.44)
}

fn filtered<'a>(asked: &[&'a Asked], is_meant: impl Fn(&Asked) -> bool) -> Vec<&'a Asked> {
    asked.iter().copied().filter(|it| is_meant(it)).collect()
}

fn scored<'a, 'b>(asked: &[&'a Asked], coefficients: impl Fn(&Asked) -> &'b Coefficients) -> Vec<Judged<'a>> {
    let judged = |it: &&'a Asked| Judged { asked: it, log_odds: coefficients(it).log_odds(&it.signals) };
    asked.iter().map(judged).collect()
}

fn print_all(judged: &[Judged<'_>]) {
    print_sets(judged);
    print_near(judged);
}

/// The file of both models, which says what they were fitted on.
fn written(models: &[(&str, Coefficients)], asked: &[Asked]) -> String {
    let mut sets: Vec<&str> = asked.iter().map(|it| it.set.as_str()).filter(|set| !set.contains('<')).collect();
    sets.sort_unstable();
    sets.dedup();
    let fitted = format!(
        "by logistic regression on {} searches of {}, each set counting once in its class; the intercepts are moved to where \
         refusing at a cost of {COST_OF_REFUSING} and answering at {COST_OF_ANSWERING} cost least together (cargo bench --bench abstention)",
        asked.len(),
        sets.join(", ")
    );
    let mut text = format!("fitted = {fitted:?}\n");
    for (name, coefficients) in models {
        writeln!(text, "\n[{name}]\nintercept = {}", coefficients.intercept).expect("a string takes what is written");
        for (signal, coefficient) in &coefficients.signals {
            writeln!(text, "{signal} = {coefficient}").expect("a string takes what is written");
        }
    }
    text
}

impl Args {
    fn read() -> anyhow::Result<Self> {
        let mut args = Self { sources: Vec::new(), keep: None, fit: None };
        // Cargo adds `--bench`.
        let mut given = std::env::args().skip(1).filter(|arg| arg != "--bench");
        while let Some(arg) = given.next() {
            match arg.as_str() {
                "--fit" => args.fit = Some(given.next().context("--fit takes a file")?.into()),
                "--keep" => args.keep = Some(given.next().context("--keep takes a file")?.into()),
                source => args.sources.push(read_source(source)?),
            }
        }
        Ok(args)
    }
}

fn read_source(text: &str) -> anyhow::Result<Source> {
    let (dataset, rest) = text.split_once('=').with_context(|| format!("{text} is no DATASET=FOLDER"))?;
    let mut paths = rest.split(',').map(|path| Path::new(path).to_owned());
    let folder = paths.next().context("a folder stands behind =")?;
    Ok(Source { dataset: dataset.into(), folder, elsewhere: paths.collect() })
}
