//! `POST /api/agent`: a question in, an AG-UI stream out.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::agui::{self, Emitter};
use super::json::ApiJson;
use super::{ApiError, ApiState};
use crate::agent::{Agent, AgentEvent, RunError, RunInput};

/// Proxies cut silent connections after 15 s and more.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Events that wait for a slow client; then the run waits, too.
const EVENTS_WAITING_MAX: usize = 64;

/// Answers a question. The body is an AG-UI 1.0 `RunAgentInput`; `forwardedProps` may hold `top_k`, `collection` and
/// `filter`. The answer streams as server-sent events; its sources are in `metadata.citations` of the message and in the
/// CUSTOM event `ibid.citations`.
#[utoipa::path(
    post, path = "/api/agent", request_body = Object,
    responses(
        (status = 200, description = "AG-UI events", content_type = "text/event-stream", body = String),
        (status = 422, description = "The body is not valid", body = super::error::ErrorBody),
        (status = 429, description = "Too many runs at the same time", body = super::error::ErrorBody),
    )
)]
pub(super) async fn run(State(state): State<ApiState>, ApiJson(body): ApiJson<Value>) -> Result<Response, ApiError> {
    let input = agui::parse(&body, state.app.passages, state.caller()).map_err(|error| ApiError::Invalid(error.0))?;
    let permit = state.runs.try_acquire_owned().map_err(|_| ApiError::Busy)?;
    let emitter = Emitter::new(&input, agui::is_current(&body));
    let events = started(state.app.agent.clone(), input);
    let frames = frames(events, emitter).map(move |frame| {
        // The permit lives as long as the stream and is given back when the client goes.
        let _held = &permit;
        frame
    });
    let headers =
        [(header::CACHE_CONTROL, "no-cache, no-transform"), (HeaderName::from_static("x-accel-buffering"), "no")];
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("keep-alive");
    Ok((headers, Sse::new(frames).keep_alive(keep_alive)).into_response())
}

/// What a run sends: its events, then how it failed, if it did.
enum Sent {
    Event(AgentEvent),
    Failed(RunError),
}

/// Starts a run. Dropping the stream cancels it; a panic in it is a failure like another.
fn started(agent: Agent, input: RunInput) -> impl Stream<Item = Sent> + Send {
    let (events, received) = mpsc::channel(EVENTS_WAITING_MAX);
    let run_id = input.run_id.clone();
    let run = tokio::spawn(async move { agent.run(input, events).await });
    let end = async move {
        match run.await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => {
                tracing::warn!(%run_id, %error, "a run failed");
                Some(Sent::Failed(error))
            }
            Err(_) => {
                tracing::error!(%run_id, "a run panicked");
                Some(Sent::Failed(RunError::Internal("the run broke".to_owned())))
            }
        }
    };
    let end = futures::stream::once(end).filter_map(|end| async move { end });
    ReceiverStream::new(received).map(Sent::Event).chain(end)
}

fn frames(
    events: impl Stream<Item = Sent> + Send + 'static,
    emitter: Emitter,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let values = events.flat_map(move |sent| {
        futures::stream::iter(match sent {
            Sent::Event(event) => emitter.events(event),
            Sent::Failed(RunError::Internal(_)) => {
                vec![Emitter::error("internal", "the server could not answer; its log says why")]
            }
            Sent::Failed(error) => vec![Emitter::error(error.code(), &error.to_string())],
        })
    });
    values.map(|value| Ok(Event::default().data(value.to_string())))
}
