//! `ibid documents`: what was read, and what could not be.

use super::output::{grouped, json, line, printable};
use super::{Common, Outcome};
use crate::boot::{Booted, now_ms};
use crate::store::{DocumentQuery, TaskQuery};
use crate::types::{CollectionName, Document, DocumentState, Task, TaskState};

/// List documents, or those that could not be read.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only those that could not be read, with the reason.
    #[arg(long)]
    failed: bool,
    /// The work that is left of ingests: what waits, what is being read, and what is tried again, and when.
    #[arg(long, conflicts_with = "failed")]
    waiting: bool,
    /// Only this collection.
    #[arg(long, value_name = "NAME")]
    collection: Option<CollectionName>,
}

/// Documents that are read from the store at a time.
const PAGE: u32 = 500;

pub(super) async fn run(common: &Common, args: Args) -> anyhow::Result<Outcome> {
    let booted = common.open_existing(&common.load_config()?).await?;
    if args.waiting {
        return show_work(common, &booted).await;
    }
    let mut query = DocumentQuery { collection: args.collection, failed_only: args.failed, after: None, limit: PAGE };
    let mut count = 0;
    loop {
        let page = booted.app.store.documents(&query).await?;
        for document in &page.documents {
            if common.json { json(document)? } else { line(&described(document)) }
        }
        count += page.documents.len();
        match page.next_cursor {
            Some(cursor) => query.after = Some(cursor),
            None => break,
        }
    }
    if count == 0 && !common.json {
        line(if args.failed { "no document failed" } else { "there are no documents" });
    }
    Ok(Outcome::Done)
}

async fn show_work(common: &Common, booted: &Booted) -> anyhow::Result<Outcome> {
    let mut count = 0;
    for state in [TaskState::Working, TaskState::Waiting, TaskState::Failed] {
        let mut query = TaskQuery { state: Some(state), limit: PAGE, ..TaskQuery::default() };
        loop {
            let tasks = booted.app.store.tasks(&query).await?;
            let Some(last) = tasks.last() else { break };
            query.after = Some(last.document);
            for task in &tasks {
                if common.json { json(task)? } else { line(&worked(task)) }
            }
            count += tasks.len();
        }
    }
    if count == 0 && !common.json {
        line("no work is left");
    }
    Ok(Outcome::Done)
}

fn worked(task: &Task) -> String {
    let mut said =
        format!("{}: {}, {}, try {}", printable(&task.uri), task.action.as_str(), task.state.as_str(), task.attempt);
    if let Some(message) = &task.failure_message {
        said.push_str(&format!(": {message}"));
    }
    if let Some(at) = task.retry_at_ms {
        let seconds = (at - now_ms()).max(0) / 1000;
        said.push_str(&format!("; a watched folder tries it again in {seconds} s"));
    }
    said
}

fn described(document: &Document) -> String {
    match &document.state {
        DocumentState::Failed { failure } => {
            format!("{}: {}: {}", printable(&document.uri), failure.code, failure.message)
        }
        DocumentState::Ready { .. } => {
            let warnings = match document.warnings.as_slice() {
                [] => String::new(),
                warnings => format!(" ({})", warnings.join("; ")),
            };
            format!(
                "{}: {}, {} chunks{warnings}",
                printable(&document.uri),
                document.media_type,
                grouped(document.chunks)
            )
        }
    }
}
