//! `POST /api/agent`: a question in, an AG-UI stream out.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use serde_json::Value;

use super::agui::Emitter;
use super::agui_input::parse;
use super::json::ApiJson;
use super::{ApiError, ApiState};
use crate::agent::{AgentEvent, Following};

/// Proxies cut silent connections after 15 s and more.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Answers a question. The body is an AG-UI 1.0 `RunAgentInput`; `forwardedProps` may hold `top_k`, `collection`, `filter`,
/// `verification` (`annotate` or `strict`), `on_disconnect` (`cancel` or `continue`) and `annotations`. When `messages`
/// holds the new question alone, the thread's earlier turns are its history. The answer streams as server-sent events,
/// which are counted from 1, so that `/v1/runs/{id}/events` can go on after a connection broke. Its sources are in
/// `metadata.citations` of the message and in the CUSTOM event `ibid.citations`.
#[utoipa::path(
    post, path = "/api/agent", request_body = Object,
    responses(
        (status = 200, description = "AG-UI events", content_type = "text/event-stream", body = String),
        (status = 409, description = "The run or its thread is in use", body = super::error::ErrorBody),
        (status = 422, description = "The body is not valid", body = super::error::ErrorBody),
        (status = 429, description = "Too many runs at the same time", body = super::error::ErrorBody),
    )
)]
pub(super) async fn run(State(state): State<ApiState>, ApiJson(body): ApiJson<Value>) -> Result<Response, ApiError> {
    let (input, peer) = parse(&body, state.app.passages, state.caller()).map_err(|error| ApiError::Invalid(error.0))?;
    let emitter = Emitter::new(&input.thread_id, &input.run_id, peer);
    let following = state.app.agent.start(input).await?;
    Ok(stream(frames(events_of(following), emitter)))
}

/// The events of a run as they come.
pub(super) fn events_of(following: Following) -> impl Stream<Item = Arc<AgentEvent>> + Send + 'static {
    let batches = futures::stream::unfold(following, |mut following| async move {
        let events = following.next().await?;
        Some((futures::stream::iter(events), following))
    });
    batches.flatten()
}

/// The events of a run as AG-UI events.
pub(super) fn frames(
    events: impl Stream<Item = Arc<AgentEvent>> + Send + 'static,
    mut emitter: Emitter,
) -> impl Stream<Item = Event> + Send + 'static {
    let values = events.flat_map(move |event| futures::stream::iter(emitter.events(&event)));
    values.map(|value| Event::default().data(value.to_string()))
}

/// Frames as a response that no proxy holds back.
pub(super) fn stream(frames: impl Stream<Item = Event> + Send + 'static) -> Response {
    let headers =
        [(header::CACHE_CONTROL, "no-cache, no-transform"), (HeaderName::from_static("x-accel-buffering"), "no")];
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("keep-alive");
    let frames = frames.map(Ok::<Event, Infallible>);
    (headers, Sse::new(frames).keep_alive(keep_alive)).into_response()
}
