//! `ibid serve`: the chat page and the API over what is indexed, and over the folders that are followed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::{Common, Outcome};
use crate::agent::Agent;
use crate::api::{self, ApiLimits};
use crate::boot::{Booted, now_ms};
use crate::config::Config;
use crate::eval;
use crate::indexing::{Indexer, SourceIngest};
use crate::retrieval::Retriever;

/// How long a generation that is complete waits to be measured.
const MEASURE_INTERVAL: Duration = Duration::from_secs(5);
/// How often expired threads are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(600);
/// How often originals of documents that are gone are looked for: all of them are listed.
const ORIGINALS_INTERVAL: Duration = Duration::from_secs(6 * 60 * 60);
/// How long the events of a run are kept after its end: a day, in which a browser may come back to them.
const EVENTS_KEPT_MS: i64 = 24 * 60 * 60 * 1_000;

/// Serve the chat page and the API.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    listen: ListenArgs,
}

/// Where to listen.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct ListenArgs {
    /// Address and port, over what the configuration says (127.0.0.1:8080). There is no login yet: on any other address
    /// than this machine's own, whoever reaches the port reads the documents.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

pub(super) async fn run(common: &Common, args: Args) -> anyhow::Result<Outcome> {
    let config = common.load_config()?;
    let listener = bind(&config, args.listen).await?;
    let mut booted = common.open(&config).await?;
    announce(&mut booted, &listener)?;
    eprintln!("serving {}", chat_url(&listener)?);
    serve(&booted, &config, listener).await?;
    Ok(Outcome::Done)
}

/// Takes the port before any other work, so that a taken one is known at once.
pub(super) async fn bind(config: &Config, args: ListenArgs) -> anyhow::Result<TcpListener> {
    let address = args.listen.unwrap_or(config.server.listen);
    TcpListener::bind(address).await.with_context(|| {
        format!("{address} cannot be listened on; --listen takes another address, such as 127.0.0.1:8081")
    })
}

/// The address of the page.
pub(super) fn chat_url(listener: &TcpListener) -> anyhow::Result<String> {
    Ok(format!("http://{}/chat/", listener.local_addr()?))
}

/// Tells the next process that wants this data folder where to ask instead.
pub(super) fn announce(booted: &mut Booted, listener: &TcpListener) -> anyhow::Result<()> {
    let holder = format!("process {}, which serves {}", std::process::id(), chat_url(listener)?);
    Ok(booted.folder.describe(&holder)?)
}

/// Serves until the process is told to stop, and keeps the indexes up to date meanwhile.
pub(super) async fn serve(booted: &Booted, config: &Config, listener: TcpListener) -> anyhow::Result<()> {
    let limits = ApiLimits {
        body_bytes_max: config.server.body_bytes_max,
        upload_bytes_max: config.server.upload_bytes_max,
        body_silence: Duration::from_secs(config.server.body_silence_s.max(1)),
        uploads_max: config.server.uploads_max,
        allowed_origins: config.server.allowed_origins.clone(),
        loopback_only: listener.local_addr()?.ip().is_loopback(),
    };
    let (stop, stopped) = watch::channel(false);
    let stop = Arc::new(stop);
    let indexer = Arc::clone(&booted.app.indexer);
    let stop_indexing = stopped.clone();
    let indexing = tokio::spawn(async move { indexer.run(stop_indexing).await });
    let sources = booted.app.sources.clone();
    let (ingest, at_once) = (source_ingest(booted), config.ingest.sources_at_once);
    let following = tokio::spawn(async move { sources.run(ingest, at_once, stopped).await });
    let measuring = tokio::spawn(measure_generations(booted.app.retriever.clone()));
    let sweeping = tokio::spawn(sweep_threads(booted.app.agent.clone()));
    let tidying = tokio::spawn(sweep_originals(Arc::clone(&booted.app.indexer)));
    let router = api::router(booted.app.clone(), &limits);
    let (told, ingests) = (Arc::clone(&stop), booted.app.indexer.ingests().clone());
    let stop_work = async move {
        stop_signal().await;
        // Each notes that it was stopped, and whoever follows one hears of its end.
        told.send_replace(true);
        ingests.list().iter().for_each(|live| live.cancel());
    };
    let outcome = api::serve(listener, router, booted.app.agent.live.clone(), stop_work).await;
    stop.send_replace(true);
    measuring.abort();
    sweeping.abort();
    tidying.abort();
    drop(following.await);
    drop(indexing.await);
    booted.app.store.close().await;
    Ok(outcome?)
}

/// How a source is ingested here.
pub(super) fn source_ingest(booted: &Booted) -> SourceIngest {
    let indexer = Arc::clone(&booted.app.indexer);
    Arc::new(move |job, listener| {
        let indexer = Arc::clone(&indexer);
        Box::pin(async move { indexer.ingest(job, listener.as_ref()).await })
    })
}

/// Measures generations as they become complete, so that they can be compared.
async fn measure_generations(retriever: Retriever) {
    loop {
        tokio::time::sleep(MEASURE_INTERVAL).await;
        if retriever.generations.all().len() < 2 {
            continue;
        }
        if let Err(error) = eval::measure(&retriever, now_ms()).await {
            tracing::warn!(%error, "generations could not be measured");
        }
    }
}

/// Deletes threads that have expired, and forgets the events of runs that nobody comes back to.
async fn sweep_threads(agent: Agent) {
    loop {
        let now_ms = (agent.clock)();
        let swept = async {
            agent.store.expire_threads(now_ms).await?;
            agent.store.forget_events(now_ms - EVENTS_KEPT_MS).await
        };
        if let Err(error) = swept.await {
            tracing::warn!(%error, "threads could not be swept");
        }
        tokio::time::sleep(SWEEP_INTERVAL).await;
    }
}

/// Deletes originals of documents that are gone.
async fn sweep_originals(indexer: Arc<Indexer>) {
    while indexer.originals().is_some() {
        match indexer.sweep_originals().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "originals of documents that are gone were deleted"),
            Err(error) => tracing::warn!(%error, "originals could not be swept"),
        }
        tokio::time::sleep(ORIGINALS_INTERVAL).await;
    }
}

/// Ends when the process is asked to stop.
pub(super) async fn stop_signal() {
    let interrupt = async { drop(tokio::signal::ctrl_c().await) };
    #[cfg(unix)]
    {
        let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(terminate) => terminate,
            Err(_) => return interrupt.await,
        };
        tokio::select! {
            () = interrupt => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    interrupt.await;
}
