//! `ibid prompts`: what chat models are told.

use super::output::{self, line};
use super::{Common, Outcome};
use crate::agent::PROMPT_TEMPLATES;

/// Show the prompt templates that chat models are given.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print every template, or the one that is named.
    Show {
        /// A template's name, such as answer.v1.
        name: Option<String>,
    },
}

pub(super) fn run(common: &Common, args: &Args) -> anyhow::Result<Outcome> {
    let Command::Show { name } = &args.command;
    let chosen: Vec<_> =
        PROMPT_TEMPLATES.iter().filter(|(known, _)| name.as_ref().is_none_or(|name| name == known)).collect();
    if chosen.is_empty() {
        let known: Vec<&str> = PROMPT_TEMPLATES.iter().map(|(known, _)| *known).collect();
        anyhow::bail!("there is no prompt {}, only {}", name.as_deref().unwrap_or_default(), known.join(" and "));
    }
    if common.json {
        let prompts: Vec<_> =
            chosen.iter().map(|(known, text)| serde_json::json!({"name": known, "text": text})).collect();
        output::json(&serde_json::json!({"prompts": prompts}))?;
        return Ok(Outcome::Done);
    }
    for (known, text) in chosen {
        line(&format!("# {known}\n\n{}\n", text.trim_end()));
    }
    Ok(Outcome::Done)
}
