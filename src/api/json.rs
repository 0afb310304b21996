//! JSON bodies, with our own errors when they are not what they should be.

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use futures::StreamExt;
use serde::de::DeserializeOwned;

use super::{ApiError, ApiState};

/// A JSON body.
pub(super) struct ApiJson<T>(pub(super) T);

/// Bytes over the limit that are read and thrown away: a client that is still sending does not hear an answer, only
/// that the connection broke.
const DISCARDED_BYTES_MAX: usize = 128 << 20;

impl<T: DeserializeOwned> FromRequest<ApiState> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::WrongType("the body has to be application/json".to_owned()));
        }
        let body = read(request, state.body_bytes_max).await?;
        let value = serde_json::from_slice(&body).map_err(|error| {
            let syntax = if error.is_data() { "" } else { "the body is not JSON: " };
            ApiError::Invalid(format!("{syntax}{error}"))
        })?;
        Ok(Self(value))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

async fn read(request: Request, bytes_max: usize) -> Result<Vec<u8>, ApiError> {
    let mut parts = request.into_body().into_data_stream();
    let mut body = Vec::new();
    let mut total = 0_usize;
    while let Some(part) = parts.next().await {
        let part = part.map_err(|_| ApiError::Invalid("the body broke off".to_owned()))?;
        total = total.saturating_add(part.len());
        if total <= bytes_max {
            body.extend_from_slice(&part);
        } else {
            body = Vec::new();
        }
        if total > bytes_max.saturating_add(DISCARDED_BYTES_MAX) {
            break;
        }
    }
    if total > bytes_max { Err(ApiError::TooLarge) } else { Ok(body) }
}
