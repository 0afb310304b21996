//! `ibid collections`: what there is to search.

use super::output::{grouped, json, line};
use super::{Common, Outcome};

/// List collections.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(common: &Common) -> anyhow::Result<Outcome> {
    let booted = common.open_existing(&common.load_config()?).await?;
    let collections = booted.app.store.collections().await?;
    if common.json {
        json(&collections)?;
        return Ok(Outcome::Done);
    }
    for collection in &collections {
        line(&format!(
            "{}: {} documents, {} chunks, {} failed, {} with vectors",
            collection.name,
            grouped(collection.documents),
            grouped(collection.chunks),
            grouped(collection.failed),
            grouped(collection.embedded)
        ));
    }
    if collections.is_empty() {
        line("there are no collections; `ibid ingest DIR` makes one");
    }
    Ok(Outcome::Done)
}
