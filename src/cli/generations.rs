//! `ibid generations`: what serves, what is built beside it, how they compare, and which shall serve.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

use super::output::{self, grouped, line};
use super::{Common, Outcome};
use crate::boot::{self, DataFolderError, now_ms};
use crate::config::Config;
use crate::eval::{self, Comparison};
use crate::store::{EmbeddingStatus, GoldQuery, Served, Store};
use crate::types::{Generation, GenerationId};

/// List the generations of the index, compare them, and choose the one that serves.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List them with size, progress and score; this is done when nothing else is said.
    List,
    /// Let another generation serve. Refused while it is not complete, and when it answers worse.
    Swap {
        /// Which one; the newest when it is not said.
        id: Option<GenerationId>,
        /// How far the mean nDCG@10 may fall.
        #[arg(long, default_value_t = 0.01, value_name = "SHARE")]
        max_drop: f64,
        /// Swap whatever the comparison says.
        #[arg(long)]
        force: bool,
    },
    /// Let the generation serve that served before.
    Rollback,
    /// Remove a generation that does not serve, with its indexes.
    Drop {
        /// Which one.
        id: GenerationId,
    },
    /// Take the queries that generations are compared on from a file of JSON lines:
    /// {"query": "...", "relevant": ["docs/a.md"]}.
    Gold {
        /// The file.
        file: PathBuf,
    },
}

pub(super) async fn run(common: &Common, args: Args) -> anyhow::Result<Outcome> {
    let config = common.load_config()?;
    anyhow::ensure!(boot::store_exists(&config, &common.data), "there is no data folder at {}", common.data.display());
    // The truth alone is enough, so another process may hold the data folder meanwhile.
    let store = boot::open_store(&config, &common.data).await?;
    match args.action.unwrap_or(Action::List) {
        Action::List => list(common, store.as_ref()).await?,
        Action::Swap { id, max_drop, force } => swap(common, store.as_ref(), id, max_drop, force).await?,
        Action::Rollback => rollback(common, store.as_ref()).await?,
        Action::Drop { id } => drop_one(common, &config, store.as_ref(), id).await?,
        Action::Gold { file } => gold(common, store.as_ref(), &file).await?,
    }
    store.close().await;
    Ok(Outcome::Done)
}

async fn list(common: &Common, store: &dyn Store) -> anyhow::Result<()> {
    for generation in store.generations().await? {
        let status = store.embedding_status(generation.id).await?;
        if common.json {
            output::json(&json!({"generation": generation, "progress": status,
                "ndcg_at_10": generation.score.as_ref().map(|score| score.mean())}))?;
        } else {
            line(&described(&generation, &status));
        }
    }
    Ok(())
}

fn described(generation: &Generation, status: &EmbeddingStatus) -> String {
    let state = match (generation.serving, status.is_complete()) {
        (true, _) => "serves",
        (false, true) => "complete",
        (false, false) => "being built",
    };
    let chunking = generation.chunking.as_ref().map_or("-".to_owned(), |chunking| {
        format!("{} tokens a chunk, {} repeated", chunking.tokens_max, chunking.overlap_tokens)
    });
    let score = generation.score.as_ref().map_or("not measured".to_owned(), |score| {
        format!("nDCG@10 {:.4} on {} queries", score.mean(), score.ndcg_at_10.len())
    });
    format!(
        "{}. {state}: {}, {chunking}; {} of {} documents chunked, {} with vectors, {} chunks; {score}",
        generation.id,
        generation.model.as_ref().map_or("no model yet", |model| &model.0),
        grouped(status.chunked),
        grouped(status.documents),
        grouped(status.embedded),
        grouped(status.chunks)
    )
}

/// Said when there is nothing to compare on.
pub(super) const UNCOMPARED: &str = "not compared: there are no queries yet; `ibid generations gold FILE` takes some";

/// The comparison in words.
pub(super) fn said(comparison: &Comparison) -> String {
    format!(
        "nDCG@10 {:.4} against {:.4} of the one that serves, on {} queries (paired test: p = {:.3})",
        comparison.mean_after, comparison.mean_before, comparison.queries, comparison.p_value
    )
}

async fn swap(
    common: &Common,
    store: &dyn Store,
    id: Option<GenerationId>,
    max_drop: f64,
    force: bool,
) -> anyhow::Result<()> {
    let known = store.generations().await?;
    let newest = known.iter().rev().find(|generation| !generation.serving).map(|generation| generation.id);
    let id = id.or(newest).context("there is no other generation; `ibid models switch` begins one")?;
    if !force {
        match eval::comparison(&known, id) {
            Some(comparison) if comparison.is_worse(max_drop) => anyhow::bail!(
                "generation {id} has {}, which is more than {max_drop} worse; it does not serve (--force swaps all the same)",
                said(&comparison)
            ),
            Some(comparison) if !common.json => line(&format!("generation {id} has {}", said(&comparison))),
            Some(_) => {}
            None if eval::queries(store).await?.is_empty() => {
                if !common.json {
                    line(UNCOMPARED);
                }
            }
            None => anyhow::bail!(
                "generation {id} and the one that serves are not both measured yet; a process that serves does it within \
                 seconds of the last vector (--force swaps all the same)"
            ),
        }
    }
    serve(common, store, id).await
}

/// Lets a generation serve, and says so.
pub(super) async fn serve(common: &Common, store: &dyn Store, id: GenerationId) -> anyhow::Result<()> {
    match store.serve_generation(id, now_ms()).await? {
        Served::Done if common.json => output::json(&json!({"serving": id})),
        Served::Done => {
            line(&format!("generation {id} serves; `ibid generations rollback` goes back"));
            Ok(())
        }
        Served::Unknown => anyhow::bail!("there is no generation {id}; `ibid generations` lists them"),
        Served::Incomplete(waiting) => anyhow::bail!(
            "generation {id} lacks {waiting} documents; a process that serves, or `ibid models switch`, completes it"
        ),
    }
}

async fn rollback(common: &Common, store: &dyn Store) -> anyhow::Result<()> {
    let known = store.generations().await?;
    let before = known.iter().filter(|generation| !generation.serving && generation.served_at_ms.is_some());
    let before = before.max_by_key(|generation| generation.served_at_ms);
    let before = before.context("no generation served before the present one")?.id;
    serve(common, store, before).await
}

async fn drop_one(common: &Common, config: &Config, store: &dyn Store, id: GenerationId) -> anyhow::Result<()> {
    // Whoever has its indexes open removes them: the process that holds the folder, or else this one.
    let opened = match boot::open(config, &common.data).await {
        Ok(booted) => Some(booted),
        Err(error) if error.downcast_ref::<DataFolderError>().is_some_and(DataFolderError::is_in_use) => None,
        Err(error) => return Err(error),
    };
    anyhow::ensure!(
        store.drop_generation(id).await?,
        "generation {id} serves, or there is none of this number; `ibid generations` lists them"
    );
    if let Some(booted) = opened {
        booted.app.generations.refresh().await?;
        booted.app.store.close().await;
    }
    if common.json {
        return output::json(&json!({"dropped": id}));
    }
    line(&format!("generation {id} is dropped, with its chunks and indexes"));
    Ok(())
}

async fn gold(common: &Common, store: &dyn Store, file: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let mut queries: Vec<GoldQuery> = Vec::new();
    for (at, json) in text.lines().enumerate().filter(|(_, json)| !json.trim().is_empty()) {
        let query = serde_json::from_str(json);
        queries.push(query.with_context(|| format!("{}:{} is not a query", file.display(), at + 1))?);
    }
    store.set_gold_queries(&queries).await?;
    if common.json {
        return output::json(&json!({"queries": queries.len()}));
    }
    line(&format!(
        "{} queries; generations are measured on them by the next process that serves or switches",
        queries.len()
    ));
    Ok(())
}
