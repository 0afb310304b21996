//! The command line: one file a command.

mod ask;
mod collections;
mod doctor;
mod documents;
mod extract_worker;
mod filters;
mod ingest;
mod models;
mod output;
mod progress;
mod reindex;
mod search;
mod serve;
mod up;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::boot::{self, Booted};
use crate::config::{Config, EmbeddingModel};
use crate::telemetry;

/// ibid: folders of documents in, cited answers out.
///
/// `ibid up DIR` is all that most people need: it reads the folder, starts the chat page and says where it is.
#[derive(Debug, Parser)]
#[command(name = "ibid", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, clap::Args)]
struct Common {
    /// The folder that holds the index and everything else ibid writes.
    #[arg(long, global = true, value_name = "DIR", default_value = "ibid-data", env = "IBID_DATA")]
    data: PathBuf,
    /// A configuration file; `ibid.toml` in the data folder is read when there is one.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The embedding model, over what the configuration says.
    #[arg(long, global = true, value_name = "NAME", env = "IBID_EMBEDDER")]
    embedder: Option<EmbeddingModel>,
    /// Print JSON for programs.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read folders, then serve the chat page: the main job in one command.
    Up(up::Args),
    /// Make a collection equal to a folder: new files come in, changed ones are replaced, gone ones leave.
    Ingest(ingest::Args),
    /// Find passages.
    Search(search::Args),
    /// Answer one question, with citations.
    Ask(ask::Args),
    /// Serve the chat page and the API over what is indexed.
    Serve(serve::Args),
    /// List documents, or those that could not be read.
    Documents(documents::Args),
    /// List collections.
    Collections(collections::Args),
    /// Build both indexes again from the stored text and vectors; nothing is embedded again.
    Reindex(reindex::Args),
    /// Say what is configured, reachable and consistent.
    Doctor(doctor::Args),
    /// Get and check model files.
    Models(models::Args),
    /// Extract documents for another ibid process.
    #[command(hide = true)]
    ExtractWorker(extract_worker::Args),
}

/// Some documents could not be read; the rest is done.
const EXIT_SOME_FAILED: u8 = 3;

/// How a command that did its work ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// All of it.
    Done,
    /// All but some documents.
    SomeFailed,
    /// It looked and found something wrong.
    Unwell,
}

/// Runs the command line and gives the exit code: 0 done, 1 failed, 2 wrong usage, 3 some documents failed.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    if let Command::ExtractWorker(args) = &cli.command {
        return extract_worker::run(args);
    }
    telemetry::init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::anyhow!("the runtime cannot start: {error}")),
    };
    let outcome = runtime.block_on(runtime.spawn(command(cli))).unwrap_or_else(|broken| Err(bug(broken)));
    // Blocking work that nobody waits for must not hold the exit.
    runtime.shutdown_background();
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Unwell) => ExitCode::FAILURE,
        Ok(Outcome::SomeFailed) => ExitCode::from(EXIT_SOME_FAILED),
        Err(error) => failed(&error),
    }
}

async fn command(cli: Cli) -> anyhow::Result<Outcome> {
    let common = &cli.common;
    match cli.command {
        Command::Up(args) => up::run(common, args).await,
        Command::Ingest(args) => ingest::run(common, args).await,
        Command::Search(args) => search::run(common, args).await,
        Command::Ask(args) => ask::run(common, args).await,
        Command::Serve(args) => serve::run(common, args).await,
        Command::Documents(args) => documents::run(common, args).await,
        Command::Collections(_) => collections::run(common).await,
        Command::Reindex(_) => reindex::run(common).await,
        Command::Doctor(_) => doctor::run(common).await,
        Command::Models(args) => models::run(common, args).await,
        Command::ExtractWorker(_) => Ok(Outcome::Done),
    }
}

/// A command that panicked.
fn bug(broken: tokio::task::JoinError) -> anyhow::Error {
    let said = broken.try_into_panic().ok().and_then(|payload| {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| payload.downcast_ref::<String>().cloned())
    });
    let said: String = said.unwrap_or_default().lines().take(1).collect();
    anyhow::anyhow!("internal error: {said}; this is a bug in ibid, and nothing that was committed is lost")
}

fn failed(error: &anyhow::Error) -> ExitCode {
    let said = format!("{error:#}");
    // Each library wraps it in its own way, and the number is the same in all; errno 28 is ENOSPC.
    if said.contains("os error 28") {
        eprintln!("ibid: {}", crate::store::StoreError::DiskFull);
    } else {
        eprintln!("ibid: {said}");
    }
    ExitCode::FAILURE
}

impl Common {
    fn load_config(&self) -> anyhow::Result<Config> {
        let mut config = Config::load(self.config.as_deref(), &self.data)?;
        if let Some(model) = self.embedder {
            config.embedding.model = model;
        }
        Ok(config)
    }

    /// Opens the data folder and says on standard error what it does without.
    async fn open(&self, config: &Config) -> anyhow::Result<Booted> {
        let booted = boot::open(config, &self.data).await?;
        for notice in &booted.notices {
            eprintln!("note: {notice}");
        }
        Ok(booted)
    }

    /// Opens a data folder that is there already; reading commands do not make one.
    async fn open_existing(&self, config: &Config) -> anyhow::Result<Booted> {
        anyhow::ensure!(
            self.data.join("ibid.db").exists(),
            "there is no data folder at {}; `ibid ingest DIR` makes one",
            self.data.display()
        );
        self.open(config).await
    }
}
