//! `/v1/citations/{id}`: what a citation said, and what stands in its place today.

use axum::Json;
use axum::extract::{Path, State};

use super::{ApiError, ApiState};
use crate::citation::{Permalink, look_up};
use crate::types::CitationId;

/// Shows a citation as it was, and today: `same`, `moved`, `edited`, `deleted` or `not_permitted`.
#[utoipa::path(get, path = "/v1/citations/{id}", params(("id" = String, Path, description = "Citation id")),
    responses(
        (status = 200, description = "The citation", body = Permalink),
        (status = 404, description = "There is none", body = super::error::ErrorBody),
    ))]
pub(super) async fn show(State(state): State<ApiState>, Path(id): Path<String>) -> Result<Json<Permalink>, ApiError> {
    let unknown = || ApiError::NotFound(format!("there is no citation {id}"));
    let parsed: CitationId = id.parse().map_err(|_| unknown())?;
    let found = look_up(state.app.store.as_ref(), &parsed, &state.caller()).await?;
    Ok(Json(found.ok_or_else(unknown)?))
}
