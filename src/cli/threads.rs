//! `ibid threads`: conversations, listed, read, renamed and deleted.

use anyhow::bail;

use super::output::{self, line};
use super::{Common, Outcome};
use crate::store::{Store, ThreadQuery};
use crate::types::Caller;

/// List conversations, read one, rename or delete it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print what was asked and answered.
    Show {
        /// The thread's id.
        id: String,
    },
    /// Give a thread another title.
    Rename {
        /// The thread's id.
        id: String,
        /// The title.
        title: String,
    },
    /// Delete a thread with its answers and citations.
    Delete {
        /// The thread's id.
        id: String,
    },
}

/// Threads that are listed, the last used first.
const THREADS_LISTED: u32 = 100;
/// Turns that are printed, the newest.
const TURNS_SHOWN: u32 = 500;

pub(super) async fn run(common: &Common, args: Args) -> anyhow::Result<Outcome> {
    let booted = common.open_existing(&common.load_config()?).await?;
    let store = booted.app.store.as_ref();
    let account = Caller::Owner.account();
    match args.command {
        None => list(store, &account, common.json).await?,
        Some(Command::Show { id }) => show(store, &account, &id, common.json).await?,
        Some(Command::Rename { id, title }) => found(&id, store.rename_thread(&id, &account, &title).await?)?,
        Some(Command::Delete { id }) => found(&id, store.delete_thread(&id, &account).await?)?,
    }
    store.close().await;
    Ok(Outcome::Done)
}

fn found(id: &str, is_there: bool) -> anyhow::Result<()> {
    if !is_there {
        bail!("there is no thread {id}; `ibid threads` lists them");
    }
    Ok(())
}

async fn list(store: &dyn Store, account: &str, as_json: bool) -> anyhow::Result<()> {
    let query = ThreadQuery { limit: THREADS_LISTED, after: None };
    let threads = store.threads(account, &query, crate::boot::now_ms()).await?;
    if as_json {
        return output::json(&serde_json::json!({"threads": threads}));
    }
    for thread in &threads {
        line(&format!("{}  {:>3} turns  {}", thread.id, thread.turns, thread.title));
    }
    if threads.is_empty() {
        line("no conversations yet");
    }
    Ok(())
}

async fn show(store: &dyn Store, account: &str, id: &str, as_json: bool) -> anyhow::Result<()> {
    let thread = store.thread(id, account, crate::boot::now_ms()).await?;
    found(id, thread.is_some())?;
    let turns = store.turns(id, account, TURNS_SHOWN).await?;
    if as_json {
        return output::json(&serde_json::json!({"thread": thread, "turns": turns}));
    }
    for turn in &turns {
        line(&format!("> {}\n\n{}\n", turn.question, turn.answer.as_deref().unwrap_or("(no answer)")));
    }
    Ok(())
}
