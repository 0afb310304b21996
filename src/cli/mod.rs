//! The command line: one file a command.

mod ask;
mod collections;
mod doctor;
mod documents;
mod eval;
mod extract;
mod extract_worker;
mod filters;
mod follow;
mod generations;
mod ingest;
mod models;
mod output;
mod plan;
mod progress;
mod prompts;
mod receipt;
mod reindex;
mod search;
mod serve;
mod threads;
mod transfer;
mod up;
mod worker;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::boot::{self, Booted};
use crate::config::{Config, EmbeddingModel, VectorBackend};
use crate::memory::settle_allocator;
use crate::telemetry;

/// ibid: folders of documents in, cited answers out.
///
/// `ibid up DIR` is all that most people need: it reads the folder, starts the chat page and says where it is.
#[derive(Parser)]
#[command(name = "ibid", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Options that every command takes.
#[derive(Clone, clap::Args)]
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
    /// Postgres in the place of the file in the data folder: postgres://user:password@host:port/database. The data folder
    /// then holds only the indexes of this process.
    #[arg(long, global = true, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    store: Option<String>,
    /// The vector index: edge and exact are in this process, pgvector is in the Postgres of --store, qdrant is a server.
    #[arg(long, global = true, value_name = "NAME", env = "IBID_VECTOR")]
    vector: Option<VectorBackend>,
    /// Where Qdrant answers gRPC; its key is in QDRANT_API_KEY.
    #[arg(long, global = true, value_name = "URL", env = "QDRANT_URL", hide_env_values = true)]
    qdrant_url: Option<String>,
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
    /// Show what would be indexed of files, without indexing them.
    Extract(extract::Args),
    /// Find passages.
    Search(search::Args),
    /// Answer one question, with citations.
    Ask(ask::Args),
    /// List conversations, read one, rename or delete it.
    Threads(threads::Args),
    /// Show the prompt templates that chat models are given.
    Prompts(prompts::Args),
    /// Serve the chat page and the API over what is indexed.
    Serve(serve::Args),
    /// List documents, those that could not be read, or the work that is left.
    Documents(documents::Args),
    /// Say what an ingest did: above all what it removed, and that nothing of it is left. Without an id, list ingests.
    Receipt(receipt::Args),
    /// List collections, or say who may read one.
    Collections(collections::Args),
    /// Build both indexes again from the stored text and vectors; nothing is embedded again.
    Reindex(reindex::Args),
    /// Say what is configured, reachable and consistent.
    Doctor(doctor::Args),
    /// Get and check model files, and switch from one to another.
    Models(models::Args),
    /// List the generations of the index, compare them, and choose the one that serves.
    Generations(generations::Args),
    /// Measure how well searches answer, on a dataset or on questions of your own.
    Eval(eval::Args),
    /// Embed and index what other processes bring into a shared database.
    Worker(worker::Args),
    /// Write the truth, vectors included, to a file that `ibid import` reads into any database.
    Export(transfer::ExportArgs),
    /// Read what `ibid export` wrote into an empty database; nothing is embedded again.
    Import(transfer::ImportArgs),
    /// Extract documents for another ibid process.
    #[command(hide = true)]
    ExtractWorker(extract_worker::Args),
}

impl Command {
    /// Whether it may hold much for long.
    fn is_long(&self) -> bool {
        matches!(
            self,
            Self::Up(_)
                | Self::Ingest(_)
                | Self::Serve(_)
                | Self::Reindex(_)
                | Self::Models(_)
                | Self::Generations(_)
                | Self::Eval(_)
                | Self::Worker(_)
                | Self::Import(_)
        )
    }
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
    if cli.command.is_long() {
        settle_allocator();
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
        Command::Extract(args) => extract::run(common, args).await,
        Command::Search(args) => search::run(common, args).await,
        Command::Ask(args) => ask::run(common, args).await,
        Command::Threads(args) => threads::run(common, args).await,
        Command::Prompts(args) => prompts::run(common, &args),
        Command::Serve(args) => serve::run(common, args).await,
        Command::Documents(args) => documents::run(common, args).await,
        Command::Receipt(args) => receipt::run(common, args).await,
        Command::Collections(args) => collections::run(common, args).await,
        Command::Reindex(_) => reindex::run(common).await,
        Command::Doctor(_) => doctor::run(common).await,
        Command::Models(args) => models::run(common, args).await,
        Command::Generations(args) => generations::run(common, args).await,
        Command::Eval(args) => eval::run(common, args).await,
        Command::Worker(_) => worker::run(common).await,
        Command::Export(args) => transfer::export(common, args).await,
        Command::Import(args) => transfer::import(common, args).await,
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
        self.load_config_from(self.config.as_deref())
    }

    /// The configuration in `file`, with what the other options say over it.
    fn load_config_from(&self, file: Option<&Path>) -> anyhow::Result<Config> {
        let mut config = Config::load(file, &self.data)?;
        if let Some(model) = self.embedder {
            config.embedding.model = Some(model);
        }
        if let Some(url) = &self.store {
            config.store.url = Some(url.clone());
        }
        if let Some(backend) = self.vector {
            config.vector.backend = Some(backend);
        }
        if let Some(url) = &self.qdrant_url {
            config.vector.qdrant.url.clone_from(url);
        }
        Ok(config)
    }

    /// Opens the data folder and says on standard error what it does without.
    async fn open(&self, config: &Config) -> anyhow::Result<Booted> {
        open_at(config, &self.data).await
    }

    /// Opens a data folder that is there already; reading commands do not make one.
    async fn open_existing(&self, config: &Config) -> anyhow::Result<Booted> {
        anyhow::ensure!(
            boot::store_exists(config, &self.data),
            "there is no data folder at {}; `ibid ingest DIR` makes one",
            self.data.display()
        );
        self.open(config).await
    }
}

/// Opens a data folder and says on standard error what it does without.
async fn open_at(config: &Config, data: &Path) -> anyhow::Result<Booted> {
    let booted = boot::open(config, data).await?;
    for notice in &booted.notices {
        eprintln!("note: {notice}");
    }
    Ok(booted)
}
