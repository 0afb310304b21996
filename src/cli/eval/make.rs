//! `ibid eval --make`: questions about one's own documents, so that anyone can measure their own folder.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

use crate::cli::Common;
use crate::cli::output::{self, grouped, line};
use crate::eval::{GoldLine, MakeOptions, make_gold};

/// How questions are made.
#[derive(Debug, clap::Args)]
pub(super) struct MakeArgs {
    /// Write questions about what is in --data to a file that `ibid eval FILE` measures: from headings, from rare words of
    /// sentences, and with a configured chat model, which then reads passages, such as it writes.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dataset", "keep", "compare", "save", "dump"])]
    pub(super) make: Option<PathBuf>,
    /// How many questions to make.
    #[arg(short, long = "questions", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    n: u32,
    /// The same seed gives the same questions, but for those of a chat model.
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

pub(super) async fn run(common: &Common, args: &MakeArgs) -> anyhow::Result<()> {
    let file = args.make.as_ref().context("--make names the file to write")?;
    let config = common.load_config()?;
    let booted = common.open_existing(&config).await?;
    let app = &booted.app;
    let options = MakeOptions {
        questions: args.n as usize,
        seed: args.seed,
        generation: app.generations.serving().id,
        writer: config.chat.is_remote().then_some(app.agent.model.as_ref()),
    };
    let questions = make_gold(app.store.as_ref(), options).await?;
    app.store.close().await;
    write(file, &questions).with_context(|| format!("{} cannot be written", file.display()))?;
    if common.json {
        return output::json(&json!({"questions": questions.len(), "file": file}));
    }
    line(&format!(
        "{} questions in {}; `ibid eval {}` measures on them",
        grouped(questions.len() as u64),
        file.display(),
        file.display()
    ));
    Ok(())
}

fn write(file: &Path, questions: &[GoldLine]) -> anyhow::Result<()> {
    // A file that is there under its name is whole.
    let unfinished = file.with_extension("unfinished");
    let mut out = std::io::BufWriter::new(std::fs::File::create(&unfinished)?);
    for question in questions {
        writeln!(out, "{}", serde_json::to_string(question)?)?;
    }
    out.flush()?;
    Ok(std::fs::rename(&unfinished, file)?)
}
