//! `ibid documents`: what was read, and what could not be.

use super::output::{grouped, json, line};
use super::{Common, Outcome};
use crate::store::DocumentQuery;
use crate::types::{CollectionName, Document, DocumentState};

/// List documents, or those that could not be read.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only those that could not be read, with the reason.
    #[arg(long)]
    failed: bool,
    /// Only this collection.
    #[arg(long, value_name = "NAME")]
    collection: Option<CollectionName>,
}

/// Documents that are read from the store at a time.
const PAGE: u32 = 500;

pub(super) async fn run(common: &Common, args: Args) -> anyhow::Result<Outcome> {
    let booted = common.open_existing(&common.load_config()?).await?;
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

fn described(document: &Document) -> String {
    match &document.state {
        DocumentState::Failed { failure } => format!("{}: {}: {}", document.uri, failure.code, failure.message),
        DocumentState::Ready { .. } => {
            let warnings = match document.warnings.as_slice() {
                [] => String::new(),
                warnings => format!(" ({})", warnings.join("; ")),
            };
            format!("{}: {}, {} chunks{warnings}", document.uri, document.media_type, grouped(document.chunks))
        }
    }
}
