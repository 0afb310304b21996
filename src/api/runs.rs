//! `/v1/runs`: what a run was, its events once more, its end by hand, and what somebody thinks of its answer.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::response::sse::Event;
use futures::{Stream, StreamExt};
use serde::Deserialize;

use super::agent::{events_of, frames, stream};
use super::agui::Emitter;
use super::agui_input::Peer;
use super::error::{accepted, no_content};
use super::json::ApiJson;
use super::{ApiError, ApiState};
use crate::agent::AgentEvent;
use crate::store::Store;
use crate::types::{Feedback, RunState, Turn};

/// How often the events are looked for of a run that another process runs.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// How long a run that another process runs may be silent before it counts as broken off.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// Longest note to a thumb, in bytes.
const NOTE_BYTES_MAX: usize = 4_000;

/// Shows a run: what was asked and answered, with which citations, by which model, for how much and how fast.
#[utoipa::path(get, path = "/v1/runs/{id}", params(("id" = String, Path, description = "Run id")),
    responses(
        (status = 200, description = "The run", body = Turn),
        (status = 404, description = "There is none", body = super::error::ErrorBody),
    ))]
pub(super) async fn show(State(state): State<ApiState>, Path(id): Path<String>) -> Result<Json<Turn>, ApiError> {
    Ok(Json(turn(&state, &id).await?))
}

/// Where to go on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// The number of the last event that is known; the header `Last-Event-ID` says the same.
    after: Option<usize>,
    /// Whether the run was asked for with `annotations`, which adds an event.
    #[serde(default)]
    annotations: bool,
}

/// The AG-UI events of a run, from its first or after one that is known, to its end. Each has its number as its id.
#[utoipa::path(get, path = "/v1/runs/{id}/events", params(("id" = String, Path, description = "Run id"), EventsQuery),
    responses(
        (status = 200, description = "AG-UI events", content_type = "text/event-stream", body = String),
        (status = 404, description = "There is no such run, or its events are forgotten", body = super::error::ErrorBody),
    ))]
pub(super) async fn events(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    headers: HeaderMap,
    query: Result<Query<EventsQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(|error| ApiError::Invalid(error.body_text()))?;
    let last = headers.get("last-event-id").and_then(|last| last.to_str().ok()?.trim().parse().ok());
    let known = last.or(query.after).unwrap_or(0);
    let account = state.caller().account();
    let peer = Peer { current: true, annotations: query.annotations };
    if let Some(following) = state.app.agent.live.follow(&id, &account) {
        let emitter = Emitter::new(following.thread_id(), &id, peer);
        return Ok(stream(numbered(frames(events_of(following), emitter), known)));
    }
    let turn = turn(&state, &id).await?;
    let kept = state.app.store.events_after(&id, 0).await?;
    if kept.is_empty() && turn.state != RunState::Running {
        return Err(ApiError::NotFound(format!(
            "the events of the run {id} are forgotten; /v1/runs/{id} has its answer"
        )));
    }
    let emitter = Emitter::new(&turn.thread_id, &id, peer);
    Ok(stream(numbered(frames(kept_events(Arc::clone(&state.app.store), id), emitter), known)))
}

/// Gives frames their numbers and leaves out those that are known.
fn numbered(frames: impl Stream<Item = Event> + Send + 'static, known: usize) -> impl Stream<Item = Event> + Send {
    frames.enumerate().skip(known).map(|(at, frame)| frame.id((at + 1).to_string()))
}

/// The events that the truth has of a run, and those that come while another process runs it.
fn kept_events(store: Arc<dyn Store>, run_id: String) -> impl Stream<Item = Arc<AgentEvent>> + Send + 'static {
    struct Reading {
        next: u64,
        silent_since: tokio::time::Instant,
        is_over: bool,
    }
    let start = Reading { next: 0, silent_since: tokio::time::Instant::now(), is_over: false };
    let batches = futures::stream::unfold(start, move |mut reading| {
        let (store, run_id) = (Arc::clone(&store), run_id.clone());
        async move {
            while !reading.is_over {
                let found = store.events_after(&run_id, reading.next).await.unwrap_or_default();
                let events: Vec<AgentEvent> =
                    found.iter().filter_map(|(_, json)| serde_json::from_str(json).ok()).collect();
                if let Some((number, _)) = found.last() {
                    reading.next = *number;
                    reading.silent_since = tokio::time::Instant::now();
                    reading.is_over = events.iter().any(AgentEvent::is_last);
                    return Some((events, reading));
                }
                if reading.silent_since.elapsed() > SILENCE_MAX {
                    reading.is_over = true;
                    let message = "the run broke off with the process that ran it; ask again".to_owned();
                    return Some((vec![AgentEvent::Failed { code: "interrupted".to_owned(), message }], reading));
                }
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
            None
        }
    });
    batches.flat_map(|events| futures::stream::iter(events.into_iter().map(Arc::new)))
}

/// Stops a run that is going on. Its stream ends with what was said so far.
#[utoipa::path(post, path = "/v1/runs/{id}/cancel", params(("id" = String, Path, description = "Run id")),
    responses(
        (status = 202, description = "It stops"),
        (status = 404, description = "No such run is going on", body = super::error::ErrorBody),
    ))]
pub(super) async fn cancel(State(state): State<ApiState>, Path(id): Path<String>) -> Result<Response, ApiError> {
    if !state.app.agent.live.cancel(&id, &state.caller().account()) {
        return Err(ApiError::NotFound(format!("no run {id} is going on here")));
    }
    Ok(accepted(serde_json::json!({})))
}

/// A thumb.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FeedbackBody {
    /// Whether the answer helped.
    helpful: bool,
    /// Why.
    #[serde(default)]
    note: String,
}

/// Says whether an answer helped.
#[utoipa::path(put, path = "/v1/runs/{id}/feedback", request_body = FeedbackBody,
    params(("id" = String, Path, description = "Run id")),
    responses(
        (status = 204, description = "It is noted"),
        (status = 404, description = "There is no such run", body = super::error::ErrorBody),
    ))]
pub(super) async fn rate(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    ApiJson(body): ApiJson<FeedbackBody>,
) -> Result<Response, ApiError> {
    if body.note.len() > NOTE_BYTES_MAX {
        return Err(ApiError::Invalid(format!(
            "the note has {} bytes, at most {NOTE_BYTES_MAX} are kept",
            body.note.len()
        )));
    }
    let at_ms = (state.app.agent.clock)();
    set_feedback(&state, &id, Some(Feedback { helpful: body.helpful, note: body.note, at_ms })).await
}

/// Takes back what was said of an answer.
#[utoipa::path(delete, path = "/v1/runs/{id}/feedback", params(("id" = String, Path, description = "Run id")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is no such run", body = super::error::ErrorBody),
    ))]
pub(super) async fn unrate(State(state): State<ApiState>, Path(id): Path<String>) -> Result<Response, ApiError> {
    set_feedback(&state, &id, None).await
}

async fn set_feedback(state: &ApiState, id: &str, feedback: Option<Feedback>) -> Result<Response, ApiError> {
    let account = state.caller().account();
    if !state.app.store.set_feedback(id, &account, feedback.as_ref()).await? {
        return Err(unknown(id));
    }
    Ok(no_content())
}

async fn turn(state: &ApiState, id: &str) -> Result<Turn, ApiError> {
    state.app.store.turn(id, &state.caller().account()).await?.ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> ApiError {
    ApiError::NotFound(format!("there is no run {id}"))
}
