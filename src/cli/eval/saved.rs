//! Reports that are kept beside the documents, and what changed since the last one.

use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use crate::boot::{now_ms, open_store, store_exists};
use crate::cli::Common;
use crate::cli::progress::duration;
use crate::config::Config;
use crate::eval::{ModeDifference, Report, Setup, differences};
use crate::store::NewEvaluation;

/// The report that was saved last for the same questions, against the present one.
#[derive(Debug, Serialize)]
pub(super) struct Previous {
    /// When it was saved, in milliseconds since 1970 (UTC).
    pub(super) measured_at_ms: i64,
    /// What was measured then.
    pub(super) setup: Setup,
    /// How each mode changed.
    pub(super) differences: Vec<ModeDifference>,
}

impl Previous {
    /// How long ago it was, for a person.
    pub(super) fn age(&self) -> String {
        let passed_ms = now_ms().saturating_sub(self.measured_at_ms);
        duration(Duration::from_millis(passed_ms.unsigned_abs()))
    }
}

/// Looks for the last report on the same questions, and keeps this one when `save` says so.
pub(super) async fn exchange(
    common: &Common,
    config: &Config,
    report: &Report,
    save: bool,
) -> anyhow::Result<Option<Previous>> {
    if !save && !store_exists(config, &common.data) {
        return Ok(None);
    }
    if config.store.url.is_none() {
        std::fs::create_dir_all(&common.data)
            .with_context(|| format!("the data folder {} cannot be made", common.data.display()))?;
    }
    // The truth alone is enough, so another process may hold the data folder meanwhile.
    let store = open_store(config, &common.data).await?;
    let last = store.last_evaluation(&report.digest).await?;
    if save {
        let text = serde_json::to_string(report)?;
        let new = NewEvaluation { dataset: report.dataset.clone(), digest: report.digest.clone(), report: text };
        store.save_evaluation(&new, now_ms()).await?;
    }
    store.close().await;
    let Some(last) = last else { return Ok(None) };
    let Ok(before) = serde_json::from_str::<Report>(&last.report) else {
        eprintln!("note: the report that was saved last cannot be read by this version; nothing is compared");
        return Ok(None);
    };
    let differences = differences(&before, report);
    Ok(Some(Previous { measured_at_ms: last.measured_at_ms, setup: before.setup, differences }))
}
