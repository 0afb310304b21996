//! `ibid search`: passages for a query.

use super::filters::FilterArgs;
use super::output::{json, line, place, snippet};
use super::{Common, Outcome};
use crate::retrieval::SearchRequest;
use crate::types::{Hit, LegRank, SearchMode};

/// Find passages.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to look for, in plain words.
    query: String,
    /// How many passages.
    #[arg(short, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    k: u16,
    /// Both ways of finding, or one alone.
    #[arg(long, value_enum, default_value_t = Mode::Hybrid)]
    mode: Mode,
    /// Show what each leg says of each passage.
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    filters: FilterArgs,
}

/// How to search.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Mode {
    /// By words and by meaning, fused.
    Hybrid,
    /// By words only.
    Keyword,
    /// By meaning only.
    Vector,
}

pub(super) async fn run(common: &Common, args: Args) -> anyhow::Result<Outcome> {
    let booted = common.open_existing(&common.load_config()?).await?;
    booted.app.indexer.catch_up().await?;
    let request = SearchRequest {
        k: usize::from(args.k),
        mode: match args.mode {
            Mode::Hybrid => SearchMode::Hybrid,
            Mode::Keyword => SearchMode::Keyword,
            Mode::Vector => SearchMode::Vector,
        },
        filter: args.filters.filter()?,
        caller: args.filters.caller(),
        explain: args.explain,
        ..SearchRequest::new(args.query)
    };
    let found = booted.app.retriever.search(&request).await?;
    if common.json {
        json(&found)?;
        return Ok(Outcome::Done);
    }
    for (at, hit) in found.hits.iter().enumerate() {
        line(&format!("{}. {} ({:.3})", at + 1, place(hit), hit.score));
        if args.explain {
            line(&format!("   {}", explained(hit)));
        }
        line(&format!("   {}\n", snippet(hit)));
    }
    if found.hits.is_empty() {
        line("nothing found");
    }
    Ok(Outcome::Done)
}

fn explained(hit: &Hit) -> String {
    let leg = |name: &str, rank: Option<LegRank>| match rank {
        Some(rank) => format!(
            "{name} rank {} score {:.3} normalised {:.3} weight {:.2}",
            rank.rank, rank.score, rank.normalized, rank.weight
        ),
        None => format!("{name} not found"),
    };
    let legs = hit.legs.clone().unwrap_or_default();
    format!("{}; {}", leg("keyword", legs.keyword), leg("vector", legs.vector))
}
