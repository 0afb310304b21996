//! `ibid ask`: one cited answer.

use std::io::Write;

use serde_json::json;
use tokio::sync::mpsc;

use super::filters::FilterArgs;
use super::output::{self, cited_place, line};
use super::{Common, Outcome};
use crate::agent::{AgentEvent, RunInput};
use crate::app::App;
use crate::types::{Caller, Citation, Filter};

/// Answer one question, with citations.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The question.
    question: String,
    #[command(flatten)]
    filters: FilterArgs,
}

pub(super) async fn run(common: &Common, args: Args) -> anyhow::Result<Outcome> {
    let booted = common.open_existing(&common.load_config()?).await?;
    booted.app.indexer.catch_up().await?;
    let scope = Scope { filter: args.filters.filter()?, caller: args.filters.caller() };
    answer(&booted.app, &args.question, scope, common.json).await?;
    Ok(Outcome::Done)
}

/// What an answer may be taken from.
pub(super) struct Scope {
    pub(super) filter: Filter,
    pub(super) caller: Caller,
}

/// Writes the answer to standard output as it comes, then its sources.
pub(super) async fn answer(app: &App, question: &str, scope: Scope, as_json: bool) -> anyhow::Result<()> {
    let (events, mut received) = mpsc::channel(64);
    let input = RunInput {
        run_id: uuid::Uuid::now_v7().to_string(),
        thread_id: uuid::Uuid::now_v7().to_string(),
        question: question.to_owned(),
        history: Vec::new(),
        context: Vec::new(),
        filter: scope.filter,
        caller: scope.caller,
        k: app.passages,
    };
    let agent = app.agent.clone();
    let run = tokio::spawn(async move { agent.run(input, events).await });
    let mut text = String::new();
    let mut sources: Option<(Vec<Citation>, bool)> = None;
    while let Some(event) = received.recv().await {
        match event {
            AgentEvent::AnswerDelta { text: piece, .. } => {
                if !as_json {
                    let mut out = std::io::stdout();
                    drop(out.write_all(piece.as_bytes()).and_then(|()| out.flush()));
                }
                text.push_str(&piece);
            }
            AgentEvent::AnswerEnded { citations, grounded } => sources = Some((citations, grounded)),
            _ => {}
        }
    }
    run.await??;
    let (citations, grounded) = sources.unwrap_or_default();
    if as_json {
        return output::json(&json!({"answer": text, "citations": citations, "grounded": grounded}));
    }
    line("\n");
    for citation in &citations {
        line(&format!("[{}] {}", citation.n, cited_place(citation)));
    }
    Ok(())
}
