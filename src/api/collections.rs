//! `GET /v1/collections`: what there is to search.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::{ApiError, ApiState};
use crate::store::CollectionSummary;

/// Every collection.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Collections {
    /// By name.
    collections: Vec<CollectionSummary>,
}

/// Lists the collections.
#[utoipa::path(get, path = "/v1/collections", responses((status = 200, description = "By name", body = Collections)))]
pub(super) async fn list(State(state): State<ApiState>) -> Result<Json<Collections>, ApiError> {
    Ok(Json(Collections { collections: state.app.store.collections().await? }))
}
