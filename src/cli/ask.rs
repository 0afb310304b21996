//! `ibid ask`: one cited answer.

use std::io::Write;

use anyhow::bail;
use serde_json::json;

use super::filters::FilterArgs;
use super::output::{self, cited_place, line};
use super::{Common, Outcome};
use crate::agent::{AgentEvent, RunInput, RunSummary, Verification};
use crate::app::App;
use crate::types::{Caller, Citation, Filter, Verdict};

/// Answer one question, with citations.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The question.
    question: String,
    /// Hold back every sentence that no passage supports.
    #[arg(long)]
    strict: bool,
    /// Go on with a thread, whose earlier questions the new one may lean on; `ibid threads` lists them.
    #[arg(long, value_name = "ID")]
    thread: Option<String>,
    #[command(flatten)]
    filters: FilterArgs,
}

pub(super) async fn run(common: &Common, args: Args) -> anyhow::Result<Outcome> {
    let booted = common.open_existing(&common.load_config()?).await?;
    booted.app.indexer.catch_up().await?;
    let verification = if args.strict { Verification::Strict } else { Verification::Annotate };
    let scope =
        Scope { filter: args.filters.filter()?, caller: args.filters.caller(), verification, thread: args.thread };
    answer(&booted.app, &args.question, scope, common.json).await?;
    booted.app.store.close().await;
    Ok(Outcome::Done)
}

/// What an answer may be taken from, and how strictly.
pub(super) struct Scope {
    pub(super) filter: Filter,
    pub(super) caller: Caller,
    pub(super) verification: Verification,
    pub(super) thread: Option<String>,
}

/// What a run said.
#[derive(Default)]
struct Told {
    text: String,
    citations: Vec<Citation>,
    grounded: bool,
    withheld: u32,
    searched: Option<String>,
    summary: RunSummary,
}

/// Writes the answer to standard output as it comes, then its sources.
pub(super) async fn answer(app: &App, question: &str, scope: Scope, as_json: bool) -> anyhow::Result<()> {
    let thread_id = scope.thread.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let input = RunInput {
        run_id: uuid::Uuid::now_v7().to_string(),
        thread_id: thread_id.clone(),
        listed: true,
        question: question.to_owned(),
        history: None,
        context: Vec::new(),
        filter: scope.filter,
        caller: scope.caller,
        k: app.passages,
        verification: scope.verification,
        keeps_on: false,
        tokens_max: None,
    };
    let told = follow(app, input, as_json).await?;
    if as_json {
        return output::json(&json!({
            "answer": told.text, "citations": told.citations, "grounded": told.grounded, "withheld": told.withheld,
            "search_query": told.searched, "thread_id": thread_id, "run": told.summary,
        }));
    }
    line("\n");
    let mut listed = std::collections::BTreeSet::new();
    for citation in &told.citations {
        let verdict = match citation.verdict {
            Verdict::Supported => String::new(),
            _ => format!("  ({})", citation.reason),
        };
        let source = format!("[{}] {}{verdict}", citation.n, cited_place(citation));
        if listed.insert(source.clone()) {
            line(&source);
        }
    }
    if told.withheld > 0 {
        line(&format!("{} sentences were held back, because no passage supports them", told.withheld));
    }
    Ok(())
}

async fn follow(app: &App, input: RunInput, quietly: bool) -> anyhow::Result<Told> {
    let mut following = app.agent.start(input).await?;
    let mut told = Told::default();
    while let Some(events) = following.next().await {
        for event in events {
            match event.as_ref() {
                AgentEvent::Rewritten { query, .. } => {
                    if !quietly {
                        eprintln!("searching for: {query}");
                    }
                    told.searched = Some(query.clone());
                }
                AgentEvent::AnswerDelta { text, .. } => {
                    if !quietly {
                        let mut out = std::io::stdout();
                        drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
                    }
                    told.text.push_str(text);
                }
                AgentEvent::AnswerEnded { citations, grounded, withheld, .. } => {
                    told.citations.clone_from(citations);
                    (told.grounded, told.withheld) = (*grounded, *withheld);
                }
                AgentEvent::Finished { summary } => told.summary = summary.clone(),
                AgentEvent::Failed { message, .. } => bail!("{message}"),
                AgentEvent::Cancelled { reason } => bail!("{reason}"),
                _ => {}
            }
        }
    }
    Ok(told)
}
