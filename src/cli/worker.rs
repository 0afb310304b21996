//! `ibid worker`: embeds and follows for a shared database, with no port.

use std::sync::Arc;

use tokio::sync::watch;

use super::serve::stop_signal;
use super::{Common, Outcome};

/// Embed and index what other processes bring into a shared database.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(common: &Common) -> anyhow::Result<Outcome> {
    let config = common.load_config()?;
    anyhow::ensure!(
        config.store.url.is_some(),
        "a worker shares a database with other processes: give it --store postgres://user:password@host/database"
    );
    let booted = common.open(&config).await?;
    eprintln!("working for {}", booted.app.store.place());
    let (stop, stopped) = watch::channel(false);
    let indexer = Arc::clone(&booted.app.indexer);
    let indexing = tokio::spawn(async move { indexer.run(stopped).await });
    stop_signal().await;
    stop.send_replace(true);
    drop(indexing.await);
    booted.app.store.close().await;
    Ok(Outcome::Done)
}
