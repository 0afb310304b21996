//! `ibid search`: passages for a query, and why they are the ones.

mod explanation;

use super::filters::FilterArgs;
use super::output::{json, line, place, snippet};
use super::{Common, Outcome};
use crate::retrieval::{Expand, PerDocument, SearchRequest, SearchResponse};
use crate::types::SearchMode;

/// Find passages.
///
/// A query is plain words; "a phrase", -word, title:word, uri:docs/guide, type:pdf, lang:ko, date:2024-05, after:2024 and
/// before:2024-05 narrow it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to look for.
    #[arg(allow_hyphen_values = true)]
    query: String,
    /// How many passages.
    #[arg(short, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    k: u16,
    /// Both ways of finding, or one alone.
    #[arg(long, value_enum, default_value_t = Mode::Hybrid)]
    mode: Mode,
    /// Take every character of the query as plain words.
    #[arg(long)]
    plain: bool,
    /// At most this many passages of one document; without it, 3, and more only when nothing else is left.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    max_per_document: Option<u16>,
    /// Keep passages that nearly repeat a better one.
    #[arg(long)]
    keep_duplicates: bool,
    /// How much text comes with a passage.
    #[arg(long, value_enum, default_value_t = ExpandArg::Neighbours)]
    expand: ExpandArg,
    /// Leave out the reranker, if one is configured.
    #[arg(long)]
    no_rerank: bool,
    /// Show why each passage stands where it stands.
    #[arg(long)]
    explain: bool,
    /// Say where a document (its URI or id) or a chunk (its id, such as c7) stands, and what keeps it out.
    #[arg(long, value_name = "TARGET")]
    why_not: Option<String>,
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

/// How much text comes with a passage.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ExpandArg {
    /// One chunk.
    None,
    /// Chunks that touch and were both found, as one.
    Neighbours,
    /// The whole section, too.
    Section,
}

impl Args {
    fn request(self) -> anyhow::Result<SearchRequest> {
        let new = SearchRequest::new(self.query);
        Ok(SearchRequest {
            plain: self.plain,
            k: usize::from(self.k),
            mode: match self.mode {
                Mode::Hybrid => SearchMode::Hybrid,
                Mode::Keyword => SearchMode::Keyword,
                Mode::Vector => SearchMode::Vector,
            },
            filter: self.filters.filter()?,
            caller: self.filters.caller(),
            rerank: !self.no_rerank,
            per_document: self.max_per_document.map_or(new.per_document, |most| PerDocument::AtMost(most.into())),
            keep_duplicates: self.keep_duplicates,
            expand: match self.expand {
                ExpandArg::None => Expand::None,
                ExpandArg::Neighbours => Expand::Neighbours,
                ExpandArg::Section => Expand::Section,
            },
            explain: self.explain,
            why_not: self.why_not,
            ..new
        })
    }
}

pub(super) async fn run(common: &Common, args: Args) -> anyhow::Result<Outcome> {
    let booted = common.open_existing(&common.load_config()?).await?;
    booted.app.indexer.catch_up().await?;
    let found = booted.app.retriever.search(&args.request()?).await?;
    if common.json {
        json(&found)?;
    } else {
        show(&found);
    }
    Ok(Outcome::Done)
}

fn show(found: &SearchResponse) {
    found.notices.iter().for_each(|notice| line(&format!("note: {notice}")));
    if let Some(query) = &found.explanation {
        explanation::query(query).iter().for_each(|row| line(row));
        explanation::evidence(&found.evidence).iter().for_each(|row| line(row));
    }
    for (at, hit) in found.hits.iter().enumerate() {
        line(&format!("{}. {} ({:.3})", at + 1, place(hit), hit.score));
        if hit.legs.is_some() {
            explanation::hit(hit).iter().for_each(|row| line(&format!("   {row}")));
        }
        line(&format!("   {}\n", snippet(hit)));
        if let Some(section) = &hit.section {
            line(&format!("{}{}\n", section.text.trim(), if section.cut { " […]" } else { "" }));
        }
    }
    if found.hits.is_empty() {
        line("nothing found");
    }
    if let Some(why_not) = &found.why_not {
        explanation::why_not(why_not).iter().for_each(|row| line(row));
    }
}
