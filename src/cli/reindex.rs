//! `ibid reindex`: both indexes from the truth.

use super::output::{grouped, json, line};
use super::{Common, Outcome};

/// Build both indexes again.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(common: &Common) -> anyhow::Result<Outcome> {
    let config = common.load_config()?;
    anyhow::ensure!(
        crate::boot::store_exists(&config, &common.data),
        "there is no data folder at {}",
        common.data.display()
    );
    crate::boot::remove_views(&common.data)?;
    let booted = common.open(&config).await?;
    let began = std::time::Instant::now();
    booted.app.indexer.reindex().await?;
    let (keyword, vector) = booted.app.indexer.states().await?;
    if common.json {
        json(&serde_json::json!({"keyword_chunks": keyword.chunks, "vector_chunks": vector.chunks,
            "took_ms": began.elapsed().as_millis()}))?;
    } else {
        line(&format!(
            "keyword index: {} chunks, vector index: {} chunks, {:.1} s; nothing was embedded again",
            grouped(keyword.chunks),
            grouped(vector.chunks),
            began.elapsed().as_secs_f64()
        ));
    }
    booted.app.store.close().await;
    Ok(Outcome::Done)
}
