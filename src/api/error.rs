//! What a caller is told when something is wrong. The only place that knows status codes.

use axum::Json;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::agent::RunError;
use crate::indexing::IndexingError;
use crate::originals::OriginalsError;
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
    /// The body does not come.
    Timeout,
    /// The body is of another type.
    WrongType(String),
    /// The caller may not.
    Forbidden(String),
    /// It is in use, or somebody else's.
    Conflict(String),
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

impl ApiError {
    /// The status, the code and the sentence, and a line in the log where a caller is told less than happened.
    fn told(self) -> (StatusCode, &'static str, String) {
        match self {
            Self::Invalid(message) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", message),
            Self::NotFound(message) => (StatusCode::NOT_FOUND, "not_found", message),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                "the request body is over the limit of this server".to_owned(),
            ),
            Self::Timeout => (
                StatusCode::REQUEST_TIMEOUT,
                "timeout",
                "nothing came of the request body for too long; send it again".to_owned(),
            ),
            Self::WrongType(message) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong_type", message),
            Self::Forbidden(message) => (StatusCode::FORBIDDEN, "forbidden", message),
            Self::Conflict(message) => (StatusCode::CONFLICT, "conflict", message),
            Self::Busy => (
                StatusCode::TOO_MANY_REQUESTS,
                "busy",
                "too much of this at the same time; try again shortly".to_owned(),
            ),
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
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code, message) = self.told();
        answered(status, Json(ErrorBody { error: ErrorDetail { code, message } }))
    }
}

/// An error's answer, with when to come back where that helps.
fn answered<T: Serialize>(status: StatusCode, body: Json<T>) -> Response {
    let mut response = (status, body).into_response();
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    }
    response
}

/// The body of an error in the shape that OpenAI's clients read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct CompletionErrorBody {
    /// What is wrong.
    error: CompletionErrorDetail,
}

/// What is wrong.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct CompletionErrorDetail {
    /// One sentence for a person.
    message: String,
    /// `invalid_request_error`, `rate_limit_error` or `server_error`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The member of the body that is wrong, where it is one.
    param: Option<&'static str>,
    /// A stable code.
    code: String,
}

/// An error at a door for OpenAI's clients.
#[derive(Debug)]
pub(super) enum CompletionError {
    /// As at every other door.
    Api(ApiError),
    /// A member of the body breaks a rule.
    Invalid {
        /// Which one.
        param: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// There is no such model.
    NoModel(String),
    /// The run failed.
    Run {
        /// A stable code.
        code: String,
        /// One sentence for a person.
        message: String,
    },
}

impl CompletionError {
    /// The body of the answer, and of the frame that ends a stream.
    pub(super) fn body(self) -> CompletionErrorBody {
        self.told().1
    }

    fn told(self) -> (StatusCode, CompletionErrorBody) {
        let (status, param, code, message) = match self {
            Self::Api(error) => {
                let (status, code, message) = error.told();
                (status, None, code.to_owned(), message)
            }
            Self::Invalid { param, message } => {
                (StatusCode::UNPROCESSABLE_ENTITY, Some(param), "invalid".to_owned(), message)
            }
            Self::NoModel(message) => (StatusCode::NOT_FOUND, Some("model"), "model_not_found".to_owned(), message),
            Self::Run { code, message } => (run_status(&code), None, code, message),
        };
        let kind = match status {
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_client_error() => "invalid_request_error",
            _ => "server_error",
        };
        (status, CompletionErrorBody { error: CompletionErrorDetail { message, kind, param, code } })
    }
}

/// The status of a run that failed before a word of it was sent.
fn run_status(code: &str) -> StatusCode {
    match code {
        "run_timeout" | "model_timeout" | "cancelled" => StatusCode::GATEWAY_TIMEOUT,
        "model_busy" | "model_overloaded" => StatusCode::SERVICE_UNAVAILABLE,
        code if code.starts_with("model_") => StatusCode::BAD_GATEWAY,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for CompletionError {
    fn into_response(self) -> Response {
        let (status, body) = self.told();
        answered(status, Json(body))
    }
}

impl From<ApiError> for CompletionError {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
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
            IndexingError::Originals(error) => error.into(),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<OriginalsError> for ApiError {
    fn from(error: OriginalsError) -> Self {
        match error {
            OriginalsError::Store { .. } => Self::Unavailable(error.to_string()),
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

impl From<RunError> for ApiError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Conflict(message) => Self::Conflict(message),
            RunError::Busy => Self::Busy,
            RunError::Search(error) => error.into(),
            RunError::Store(error) => error.into(),
            other => Self::Internal(other.to_string()),
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

/// The answer to what was taken and is not finished.
pub(super) fn accepted<T: Serialize>(body: T) -> Response {
    (StatusCode::ACCEPTED, Json(body)).into_response()
}

/// The answer to what was done and has nothing to say.
pub(super) fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
