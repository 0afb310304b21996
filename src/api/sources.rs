//! `/v1/sources`: the folders that this server follows.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::error::accepted;
use super::{ApiError, ApiState, guard};
use crate::indexing::SourceStatus;

/// The folders that this server follows.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct SourceList {
    /// In the order of the configuration.
    sources: Vec<SourceStatus>,
}

/// Lists the folders that are followed, how far each is, and why the last ingest failed where one did.
#[utoipa::path(get, path = "/v1/sources", responses((status = 200, description = "All of them", body = SourceList)))]
pub(super) async fn list(State(state): State<ApiState>) -> Json<SourceList> {
    Json(SourceList { sources: state.app.sources.list() })
}

/// How to ingest.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SyncQuery {
    /// Whether it may delete as much as it finds gone, over the `max_delete` of the source.
    #[serde(default)]
    confirm_deletions: bool,
}

/// Asks for an ingest of a source: it begins at once, or after the one that is going on.
#[utoipa::path(post, path = "/v1/sources/{name}/sync",
    params(("name" = String, Path, description = "A configured source"), SyncQuery),
    responses(
        (status = 202, description = "It will be ingested; the source as it is now", body = SourceStatus),
        (status = 403, description = "A page of another origin asks", body = super::error::ErrorBody),
        (status = 404, description = "No such source is configured", body = super::error::ErrorBody),
    ))]
pub(super) async fn sync(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    headers: HeaderMap,
    query: Result<Query<SyncQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    guard::own_origin(&headers, &state.allowed_origins)?;
    let Query(query) = query.map_err(|error| ApiError::Invalid(error.body_text()))?;
    let status = state.app.sources.sync(&name, query.confirm_deletions);
    let unknown = || ApiError::NotFound(format!("no source {name:?} is configured; /v1/sources lists them"));
    Ok(accepted(status.ok_or_else(unknown)?))
}
