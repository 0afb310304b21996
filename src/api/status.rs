//! `/healthz`, `/readyz` and `/v1/status`: is it up, can it answer, how far is it.

use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::{ApiError, ApiState};
use crate::types::IngestState;

/// The answer of a probe.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Probe {
    /// Always `ok`.
    status: &'static str,
}

/// Says that the process runs.
#[utoipa::path(get, path = "/healthz", responses((status = 200, description = "It runs", body = Probe)))]
pub(super) async fn healthz() -> Json<Probe> {
    Json(Probe { status: "ok" })
}

/// Says whether this process has caught up with the database since it started: every document that was committed before can
/// be found by keyword.
#[utoipa::path(get, path = "/readyz", responses(
    (status = 200, description = "It can answer", body = Probe),
    (status = 503, description = "An index has not caught up yet", body = super::error::ErrorBody),
))]
pub(super) async fn readyz(State(state): State<ApiState>) -> Result<Json<Probe>, ApiError> {
    if !state.app.indexer.has_caught_up() {
        let (keyword, _) = state.app.indexer.states().await?;
        let behind = keyword.last.0.saturating_sub(keyword.checkpoint.0);
        return Err(ApiError::NotReady(format!("the keyword index is {behind} changes behind")));
    }
    Ok(Json(Probe { status: "ok" }))
}

/// How far the service is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Status {
    /// Documents that can be searched.
    documents: u64,
    /// Documents that could not be read.
    failed: u64,
    /// Chunks of all documents.
    chunks: u64,
    /// Chunks that can be found by meaning.
    embedded: u64,
    /// Whether documents or vectors are still coming.
    ingesting: bool,
    /// What answers: `extractive`, or the name of a chat model.
    model: String,
}

/// Says how far the service is.
#[utoipa::path(get, path = "/v1/status", responses((status = 200, description = "Counts", body = Status)))]
pub(super) async fn status(State(state): State<ApiState>) -> Result<Json<Status>, ApiError> {
    let counts = state.app.store.embedding_status(state.app.generations.serving().id).await?;
    let embedding = state.app.generations.serving().embedder.is_some() && counts.chunks_embedded < counts.chunks;
    let ingests = state.app.indexer.ingests().list().iter().any(|live| live.state() == IngestState::Running);
    Ok(Json(Status {
        documents: counts.documents,
        failed: counts.failed,
        chunks: counts.chunks,
        embedded: counts.chunks_embedded,
        ingesting: embedding || ingests || state.app.mirroring.load(Ordering::Relaxed),
        model: state.app.agent.model.name().to_owned(),
    }))
}
