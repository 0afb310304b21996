//! What a caller is told when something is wrong. The only place that knows status codes.

use axum::Json;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::indexing::IndexingError;
use crate::retrieval::SearchError;
use crate::store::StoreError;
use crate::vector::VectorError;

/// The body of every error.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ErrorBody {
    /// What is wrong.
    error: ErrorDetail,
}

/// What is wrong.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ErrorDetail {
    /// A stable code.
    code: &'static str,
    /// One sentence for a person.
    message: String,
}

/// An error as a caller sees it.
#[derive(Debug)]
pub enum ApiError {
    /// The input breaks a rule.
    Invalid(String),
    /// There is no such thing.
    NotFound(String),
    /// The body is too large.
    TooLarge,
    /// The body is of another type.
    WrongType(String),
    /// The caller may not.
    Forbidden(String),
    /// Too much at once.
    Busy,
    /// The server is starting.
    NotReady(String),
    /// A database or an index that is elsewhere does not answer; the caller learns no address.
    Unavailable(String),
    /// Something here failed; the caller learns no more than a sentence.
    Internal(String),
}

/// How long a caller that was told to come back should wait.
const RETRY_AFTER_SECONDS: &str = "2";

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Self::Invalid(message) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", message),
            Self::NotFound(message) => (StatusCode::NOT_FOUND, "not_found", message),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                "the request body is over the limit of this server".to_owned(),
            ),
            Self::WrongType(message) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong_type", message),
            Self::Forbidden(message) => (StatusCode::FORBIDDEN, "forbidden", message),
            Self::Busy => {
                (StatusCode::TOO_MANY_REQUESTS, "busy", "too many runs at the same time; try again shortly".to_owned())
            }
            Self::NotReady(message) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready", message),
            Self::Unavailable(message) => {
                tracing::warn!(%message, "a request waits for a server");
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    "unavailable",
                    "a database or index server does not answer at the moment; try again shortly".to_owned(),
                )
            }
            Self::Internal(message) => {
                tracing::error!(%message, "a request failed");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "the server could not do this; its log says why".to_owned(),
                )
            }
        };
        let mut response = (status, Json(ErrorBody { error: ErrorDetail { code, message } })).into_response();
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error.is_transient() { Self::Unavailable(error.to_string()) } else { Self::Internal(error.to_string()) }
    }
}

impl From<VectorError> for ApiError {
    fn from(error: VectorError) -> Self {
        if error.is_transient() { Self::Unavailable(error.to_string()) } else { Self::Internal(error.to_string()) }
    }
}

impl From<IndexingError> for ApiError {
    fn from(error: IndexingError) -> Self {
        match error {
            IndexingError::Store(error) => error.into(),
            IndexingError::Vector(error) => error.into(),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Filter(_) | SearchError::NoEmbedder => Self::Invalid(error.to_string()),
            SearchError::Store(error) => error.into(),
            SearchError::Vector(error) => error.into(),
            _ => Self::Internal(error.to_string()),
        }
    }
}

/// Unknown paths.
pub(super) async fn not_found(uri: Uri) -> ApiError {
    ApiError::NotFound(format!("there is nothing at {}; /docs lists what there is", uri.path()))
}

/// Known paths, other methods.
pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    let message = format!("{} does not take {method}; /docs lists what it takes", uri.path());
    let body = ErrorBody { error: ErrorDetail { code: "method_not_allowed", message } };
    (StatusCode::METHOD_NOT_ALLOWED, Json(body)).into_response()
}

/// The redirect to the page.
pub(super) fn found(location: &'static str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
}

/// The answer to what was done and has nothing to say.
pub(super) fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
