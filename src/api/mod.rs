//! The doors for programs and browsers: the router is a table of contents, one file an endpoint.

mod agent;
mod agui;
mod agui_input;
mod body;
mod citations;
mod collections;
mod completions;
mod completions_wire;
mod connection;
mod documents;
mod error;
mod guard;
mod ingests;
mod json;
mod openapi;
mod originals;
mod pages;
mod runs;
mod search;
mod sources;
mod status;
mod threads;
mod uploads;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post, put};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

pub use error::ApiError;
pub use openapi::document as openapi_document;

use crate::agent::LiveRuns;
use crate::app::App;
use crate::types::Caller;

/// What the doors are bounded by.
#[derive(Debug, Clone)]
pub struct ApiLimits {
    /// Largest request body.
    pub body_bytes_max: usize,
    /// Largest request body of an upload.
    pub upload_bytes_max: u64,
    /// How long a request body may take until its next bytes come.
    pub body_silence: Duration,
    /// Uploads at the same time.
    pub uploads_max: usize,
    /// Browser origins other than our own that may call.
    pub allowed_origins: Vec<String>,
    /// Whether requests must name a loopback host, which keeps web pages elsewhere from reading through a renamed address.
    pub loopback_only: bool,
}

/// What every handler is given.
#[derive(Clone)]
struct ApiState {
    app: App,
    uploads: Arc<Semaphore>,
    body_bytes_max: usize,
    upload_bytes_max: u64,
    body_silence: Duration,
    allowed_origins: Arc<[String]>,
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
        uploads: Arc::new(Semaphore::new(limits.uploads_max)),
        body_bytes_max: limits.body_bytes_max,
        upload_bytes_max: limits.upload_bytes_max,
        body_silence: limits.body_silence,
        allowed_origins: limits.allowed_origins.clone().into(),
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
        .route("/v1/chat/completions", post(completions::complete))
        .route("/v1/models", get(completions::models))
        .route("/v1/models/{*id}", get(completions::model))
        .route("/v1/search", post(search::search))
        .route("/v1/status", get(status::status))
        .route("/v1/collections", get(collections::list))
        .route("/v1/collections/{name}/documents", post(uploads::upload))
        .route("/v1/documents", get(documents::list))
        .route("/v1/documents/{id}", get(documents::show).delete(documents::delete))
        .route("/v1/documents/{id}/text", get(documents::text))
        .route("/v1/documents/{id}/original", get(originals::original))
        .route("/v1/ingests", get(ingests::list))
        .route("/v1/ingests/{id}", get(ingests::show))
        .route("/v1/ingests/{id}/events", get(ingests::events))
        .route("/v1/ingests/{id}/cancel", post(ingests::cancel))
        .route("/v1/sources", get(sources::list))
        .route("/v1/sources/{name}/sync", post(sources::sync))
        .route("/v1/threads", get(threads::list))
        .route("/v1/threads/{id}", get(threads::show).patch(threads::rename).delete(threads::delete))
        .route("/v1/runs/{id}", get(runs::show))
        .route("/v1/runs/{id}/events", get(runs::events))
        .route("/v1/runs/{id}/cancel", post(runs::cancel))
        .route("/v1/runs/{id}/feedback", put(runs::rate).delete(runs::unrate))
        .route("/v1/citations/{id}", get(citations::show))
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(axum::middleware::from_fn_with_state(state.clone(), guard::loopback_host))
        .layer(cors(limits))
        .with_state(state)
}

/// Serves until `stop` is done; then the runs are stopped, so that every stream gets its last event.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    runs: LiveRuns,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (stopping, mut stopped) = tokio::sync::watch::channel(false);
    let stop = async move {
        stop.await;
        stopping.send_replace(true);
        runs.cancel_all("the server is stopping", SHUTDOWN_GRACE).await;
    };
    let grace = async move {
        drop(stopped.wait_for(|told| *told).await);
        tokio::time::sleep(SHUTDOWN_GRACE).await;
    };
    tokio::select! {
        outcome = async { axum::serve(connection::StallGuarded(listener), router).with_graceful_shutdown(stop).await } => outcome,
        () = grace => Ok(()),
    }
}

fn cors(limits: &ApiLimits) -> CorsLayer {
    let origins = limits.allowed_origins.iter().filter_map(|origin| origin.parse().ok());
    CorsLayer::new().allow_origin(AllowOrigin::list(origins)).allow_methods(Any).allow_headers(Any)
}
