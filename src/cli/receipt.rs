//! `ibid receipt`: what an ingest did and removed, and what was found when the removed was looked for.

use serde_json::json;

use super::output::{self, grouped, line, printable};
use super::{Common, Outcome};
use crate::boot::Booted;
use crate::store::IngestQuery;
use crate::types::{IngestId, IngestRecord, Removal};

/// Say what an ingest did, or list ingests.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The ingest; `last` is the newest one.
    #[arg(value_name = "ID|last")]
    id: Option<String>,
}

/// Removals that are read at a time.
const PAGE: u32 = 500;
/// Ingests that are listed.
const LISTED: u32 = 50;

pub(super) async fn run(common: &Common, args: Args) -> anyhow::Result<Outcome> {
    let booted = common.open_existing(&common.load_config()?).await?;
    let newest = |limit| IngestQuery { limit, ..IngestQuery::default() };
    let id: IngestId = match args.id.as_deref() {
        None => {
            for ingest in booted.app.store.ingests(&newest(LISTED)).await?.ingests {
                if common.json { output::json(&ingest)? } else { line(&described(&ingest)) }
            }
            return Ok(Outcome::Done);
        }
        Some("last") => {
            let last = booted.app.store.ingests(&newest(1)).await?.ingests.pop();
            last.ok_or_else(|| anyhow::anyhow!("there was no ingest yet"))?.id
        }
        Some(id) => id.parse()?,
    };
    // Proofs that wait for a view are had now, if they can be.
    booted.app.indexer.catch_up().await?;
    let record = booted.app.store.ingest(id).await?;
    let record = record.ok_or_else(|| anyhow::anyhow!("there is no ingest {id}; `ibid receipt` lists them"))?;
    show(common, &booted, &record).await
}

async fn show(common: &Common, booted: &Booted, record: &IngestRecord) -> anyhow::Result<Outcome> {
    if common.json {
        output::json(record)?;
    } else {
        line(&described(record));
    }
    let (mut after, mut removals, mut proven, mut unclean) = (0, 0_u64, 0_u64, 0_u64);
    loop {
        let page = booted.app.store.removals(record.id, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.number;
        for removal in &page {
            removals += 1;
            proven += u64::from(removal.proof.is_some());
            unclean += u64::from(removal.proof.is_some_and(|proof| !proof.is_clean()));
            if common.json { output::json(removal)? } else { line(&removed(removal)) }
        }
    }
    if common.json {
        output::json(&json!({"removals": removals, "proven": proven, "unclean": unclean}))?;
    } else {
        line(&format!(
            "texts removed: {}; looked for in the database and both indexes: {}; of which something was left: {}",
            grouped(removals),
            grouped(proven),
            grouped(unclean)
        ));
    }
    Ok(if unclean > 0 { Outcome::Unwell } else { Outcome::Done })
}

fn described(ingest: &IngestRecord) -> String {
    let roots = ingest.roots.iter().map(|root| printable(root)).collect::<Vec<_>>().join(", ");
    let took = ingest
        .finished_at_ms
        .map_or(String::new(), |end| format!(" in {:.1} s", (end - ingest.started_at_ms).max(0) as f64 / 1e3));
    let count = |name: &str| ingest.summary.as_ref().and_then(|summary| summary[name].as_u64()).unwrap_or(0);
    let counts = ingest.summary.as_ref().map_or(String::new(), |_| {
        format!(
            ": {} added, {} changed, {} moved, {} removed, {} failed",
            grouped(count("added")),
            grouped(count("changed")),
            grouped(count("moved")),
            grouped(count("removed")),
            grouped(count("failed"))
        )
    });
    let error = ingest.error.as_ref().map_or(String::new(), |error| format!(": {error}"));
    format!("{} {} {roots} -> {}{took}{counts}{error}", ingest.id, ingest.state.as_str(), ingest.collection)
}

fn removed(removal: &Removal) -> String {
    let moved = removal.moved_to.map_or(String::new(), |to| format!(" to {to}"));
    let found = match removal.proof {
        None => "not looked for yet".to_owned(),
        Some(proof) if proof.is_clean() => "nothing is left".to_owned(),
        Some(proof) => format!(
            "LEFT: {} in the database, {} in the keyword index, {} in the vector index",
            proof.truth_left, proof.keyword_left, proof.vector_left
        ),
    };
    format!(
        "{:<10} {}{moved}: {} bytes of text (sha256 {}), {} chunks; {found}",
        removal.cause.as_str(),
        printable(&removal.uri),
        grouped(removal.text_bytes),
        removal.text_sha256,
        grouped(removal.chunk_count)
    )
}
