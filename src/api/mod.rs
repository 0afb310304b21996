//! The doors for programs and browsers: the router is a table of contents, one file an endpoint.

mod agent;
mod agui;
mod collections;
mod documents;
mod error;
mod guard;
mod json;
mod openapi;
mod pages;
mod search;
mod status;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

pub use error::ApiError;
pub use openapi::document as openapi_document;

use crate::app::App;
use crate::types::Caller;

/// What the doors are bounded by.
#[derive(Debug, Clone)]
pub struct ApiLimits {
    /// Largest request body.
    pub body_bytes_max: usize,
    /// Runs at the same time.
    pub runs_max: usize,
    /// Browser origins other than our own that may call.
    pub allowed_origins: Vec<String>,
    /// Whether requests must name a loopback host, which keeps web pages elsewhere from reading through a renamed address.
    pub loopback_only: bool,
}

/// What every handler is given.
#[derive(Clone)]
struct ApiState {
    app: App,
    runs: Arc<Semaphore>,
    body_bytes_max: usize,
    loopback_only: bool,
}

impl ApiState {
    /// Who asks. Nobody logs in yet, so whoever reaches the port is the owner; a door that knows callers answers here.
    fn caller(&self) -> Caller {
        Caller::Owner
    }
}

/// How long a stopping server waits for the streams that are open.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// Every route.
pub fn router(app: App, limits: &ApiLimits) -> Router {
    let state = ApiState {
        app,
        runs: Arc::new(Semaphore::new(limits.runs_max)),
        body_bytes_max: limits.body_bytes_max,
        loopback_only: limits.loopback_only,
    };
    Router::new()
        .route("/", get(pages::root))
        .route("/chat", get(pages::root))
        .route("/chat/", get(pages::chat))
        .route("/chat/{file}", get(pages::chat_file))
        .route("/docs", get(pages::docs))
        .route("/docs/{file}", get(pages::docs_file))
        .route("/openapi.json", get(openapi::openapi))
        .route("/healthz", get(status::healthz))
        .route("/readyz", get(status::readyz))
        .route("/api/agent", post(agent::run))
        .route("/v1/search", post(search::search))
        .route("/v1/status", get(status::status))
        .route("/v1/collections", get(collections::list))
        .route("/v1/documents", get(documents::list))
        .route("/v1/documents/{id}", get(documents::show).delete(documents::delete))
        .route("/v1/documents/{id}/text", get(documents::text))
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(axum::middleware::from_fn_with_state(state.clone(), guard::loopback_host))
        .layer(cors(limits))
        .with_state(state)
}

/// Serves until `stop` is done; open streams get a moment to end.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (stopping, mut stopped) = tokio::sync::watch::channel(false);
    let stop = async move {
        stop.await;
        stopping.send_replace(true);
    };
    let grace = async move {
        drop(stopped.wait_for(|told| *told).await);
        tokio::time::sleep(SHUTDOWN_GRACE).await;
    };
    tokio::select! {
        outcome = async { axum::serve(listener, router).with_graceful_shutdown(stop).await } => outcome,
        () = grace => Ok(()),
    }
}

fn cors(limits: &ApiLimits) -> CorsLayer {
    let origins = limits.allowed_origins.iter().filter_map(|origin| origin.parse().ok());
    CorsLayer::new().allow_origin(AllowOrigin::list(origins)).allow_methods(Any).allow_headers(Any)
}
