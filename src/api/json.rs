//! JSON bodies, with our own errors when they are not what they should be.

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use super::body::{BodyLimits, read};
use super::{ApiError, ApiState};

/// A JSON body.
pub(super) struct ApiJson<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<ApiState> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::WrongType("the body has to be application/json".to_owned()));
        }
        let limits = BodyLimits { bytes_max: state.body_bytes_max as u64, silence: state.body_silence };
        let body = read(request.into_body(), limits).await?;
        let value = serde_json::from_slice(&body).map_err(|error| {
            let syntax = if error.is_data() { "" } else { "the body is not JSON: " };
            ApiError::Invalid(format!("{syntax}{error}"))
        })?;
        Ok(Self(value))
    }
}

/// Whether the body says that it is JSON.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}
