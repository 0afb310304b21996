//! `ibid collections`: what there is to search.

use std::collections::BTreeSet;

use super::output::{grouped, json, line};
use super::{Common, Outcome};
use crate::boot::Booted;
use crate::types::{CollectionName, Principal};

/// List collections, or say who may read one.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List them; this is done when nothing else is said.
    List,
    /// Say who may read the documents of a collection that name no readers of their own.
    Readers {
        /// The collection.
        collection: CollectionName,
        /// Such as user:alice, group:staff or everyone; nobody when there are none.
        principals: Vec<Principal>,
    },
}

pub(super) async fn run(common: &Common, args: Args) -> anyhow::Result<Outcome> {
    let booted = common.open_existing(&common.load_config()?).await?;
    let outcome = match args.action {
        None | Some(Action::List) => list(common, &booted).await,
        Some(Action::Readers { collection, principals }) => set_readers(&booted, &collection, principals).await,
    };
    booted.app.store.close().await;
    outcome
}

async fn set_readers(
    booted: &Booted,
    collection: &CollectionName,
    principals: Vec<Principal>,
) -> anyhow::Result<Outcome> {
    let readers: BTreeSet<Principal> = principals.into_iter().collect();
    let known = booted.app.store.set_collection_readers(collection, &readers).await?;
    anyhow::ensure!(known, "there is no collection {collection}; `ibid collections` lists them");
    booted.app.indexer.catch_up().await?;
    line(&format!("{collection} is read by {}", readers_said(&readers)));
    Ok(Outcome::Done)
}

fn readers_said(readers: &BTreeSet<Principal>) -> String {
    if readers.is_empty() {
        return "nobody but the owner".to_owned();
    }
    readers.iter().map(Principal::as_str).collect::<Vec<_>>().join(", ")
}

async fn list(common: &Common, booted: &Booted) -> anyhow::Result<Outcome> {
    let collections = booted.app.store.collections().await?;
    if common.json {
        json(&collections)?;
        return Ok(Outcome::Done);
    }
    for collection in &collections {
        line(&format!(
            "{}: {} documents, {} chunks, {} failed, {} with vectors; read by {}",
            collection.name,
            grouped(collection.documents),
            grouped(collection.chunks),
            grouped(collection.failed),
            grouped(collection.embedded),
            readers_said(&collection.readers)
        ));
    }
    if collections.is_empty() {
        line("there are no collections; `ibid ingest DIR` makes one");
    }
    Ok(Outcome::Done)
}
