//! `POST /v1/chat/completions` and `GET /v1/models`: the same answers for clients of OpenAI.

use std::convert::Infallible;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use serde::Serialize;

use super::agent::{KEEP_ALIVE, events_of};
use super::completions_wire::{Answer, Ask, CompletionBody, MODEL, Unusable, Writer, collection_of};
use super::error::CompletionError;
use super::json::ApiJson;
use super::{ApiError, ApiState};
use crate::agent::{AgentEvent, RunInput, Verification};
use crate::models::TokenUsage;
use crate::types::{Citation, Filter};

/// The end of a stream, as OpenAI has it.
const DONE: &str = "[DONE]";

/// A model, as OpenAI's clients list it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Model {
    /// `ibid`, or `ibid/COLLECTION`.
    id: String,
    /// Always `model`.
    object: &'static str,
    /// Always 0: an answer has no age, and clients insist on a number.
    created: u64,
    /// Always `ibid`.
    owned_by: &'static str,
}

/// Every model.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Models {
    /// Always `list`.
    object: &'static str,
    /// The one for everything, then one a collection, by name.
    data: Vec<Model>,
}

impl Model {
    fn new(id: String) -> Self {
        Self { id, object: "model", created: 0, owned_by: MODEL }
    }
}

/// Lists what can be asked: `ibid` answers from every collection, `ibid/COLLECTION` from one.
#[utoipa::path(get, path = "/v1/models", responses((status = 200, description = "What can be asked", body = Models)))]
pub(super) async fn models(State(state): State<ApiState>) -> Result<Json<Models>, CompletionError> {
    let collections = state.app.store.collections().await.map_err(ApiError::from)?;
    let one_each = collections.iter().map(|collection| format!("{MODEL}/{}", collection.name));
    let data = std::iter::once(MODEL.to_owned()).chain(one_each).map(Model::new).collect();
    Ok(Json(Models { object: "list", data }))
}

/// Shows one model.
#[utoipa::path(get, path = "/v1/models/{id}", params(("id" = String, Path, description = "Model id")),
    responses(
        (status = 200, description = "It can be asked", body = Model),
        (status = 404, description = "There is none", body = super::error::CompletionErrorBody),
    ))]
pub(super) async fn model(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<Model>, CompletionError> {
    check_model(&state, &id).await?;
    Ok(Json(Model::new(id)))
}

/// Answers the last message of a conversation, for clients of OpenAI. `choices[0].message.annotations` holds a
/// `url_citation` for each place that the answer is taken from: its indexes are Unicode code points of the content, the end one past
/// the last. `choices[0].message.ibid` holds the citations in full. Sampling settings, `stop` and members that are not known are
/// passed over; tools, more than one answer and other formats than text are refused. A stream holds the
/// words, then the annotations in one delta; an error in its midst is a frame with `error` and ends it without `[DONE]`.
#[utoipa::path(
    post, path = "/v1/chat/completions", request_body = CompletionBody,
    responses(
        (status = 200, description = "The answer, or its `chat.completion.chunk` events", content(
            (Object = "application/json"), (String = "text/event-stream"),
        )),
        (status = 404, description = "There is no such model", body = super::error::CompletionErrorBody),
        (status = 422, description = "The body is not valid", body = super::error::CompletionErrorBody),
        (status = 429, description = "Too many runs at the same time", body = super::error::CompletionErrorBody),
    )
)]
pub(super) async fn complete(
    State(state): State<ApiState>,
    headers: HeaderMap,
    body: Result<ApiJson<CompletionBody>, ApiError>,
) -> Result<Response, CompletionError> {
    let ApiJson(body) = body?;
    let ask = body.ask()?;
    check_model(&state, &ask.model).await?;
    let now_ms = (state.app.agent.clock)();
    let writer = Writer {
        run_id: uuid::Uuid::now_v7().to_string(),
        model: ask.model.clone(),
        created: now_ms / 1000,
        base: base(&headers),
    };
    let (streams, wants_usage) = (ask.streams, ask.wants_usage);
    let run = started(&state, &writer.run_id, ask).await?;
    if streams { Ok(streamed(run, writer, wants_usage)) } else { whole(run, &writer).await }
}

/// Whether a model is there: the one of all, or that of a collection that is.
async fn check_model(state: &ApiState, model: &str) -> Result<(), CompletionError> {
    let Some(name) = collection_of(model)? else { return Ok(()) };
    let collections = state.app.store.collections().await.map_err(ApiError::from)?;
    if collections.iter().any(|collection| collection.name == name) {
        return Ok(());
    }
    Err(CompletionError::NoModel(format!("there is no collection {name}; GET /v1/models lists what there is")))
}

/// Where the client reached this server, for links that open elsewhere.
fn base(headers: &HeaderMap) -> String {
    let said = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(host) = said(header::HOST).filter(|host| host.parse::<Authority>().is_ok()) else {
        return String::new();
    };
    let encrypted = said(HeaderName::from_static("x-forwarded-proto")).is_some_and(|proto| proto == "https");
    format!("{}://{host}", if encrypted { "https" } else { "http" })
}

/// What a run says, in the words that these clients have a place for.
enum Said {
    Begun,
    Words(String),
    Sources { citations: Vec<Citation>, grounded: bool },
    Finished(Option<TokenUsage>),
    Failed { code: String, message: String },
}

/// Starts a run. Dropping the stream cancels it.
async fn started(
    state: &ApiState,
    run_id: &str,
    ask: Ask,
) -> Result<impl Stream<Item = Said> + Send + 'static, CompletionError> {
    let input = RunInput {
        run_id: run_id.to_owned(),
        // A conversation is sent whole each time and has no name, so each answer is a thread that is not listed.
        thread_id: run_id.to_owned(),
        listed: false,
        question: ask.question,
        history: Some(ask.history),
        context: ask.context,
        filter: Filter { collections: ask.collection.into_iter().collect(), ..Filter::default() },
        caller: state.caller(),
        k: state.app.passages,
        verification: Verification::Annotate,
        keeps_on: false,
        tokens_max: ask.tokens_max,
    };
    let following = state.app.agent.start(input).await.map_err(ApiError::from)?;
    Ok(events_of(following).filter_map(|event| async move { said(&event) }))
}

fn said(event: &AgentEvent) -> Option<Said> {
    match event {
        AgentEvent::Started => Some(Said::Begun),
        AgentEvent::AnswerDelta { text, .. } => Some(Said::Words(text.clone())),
        AgentEvent::AnswerEnded { citations, grounded, .. } => {
            Some(Said::Sources { citations: citations.clone(), grounded: *grounded })
        }
        AgentEvent::Finished { summary } => {
            let usage = summary.tokens_in.zip(summary.tokens_out);
            Some(Said::Finished(usage.map(|(input, output)| TokenUsage { input, output })))
        }
        AgentEvent::Failed { code, message } => Some(Said::Failed { code: code.clone(), message: message.clone() }),
        AgentEvent::Cancelled { reason } => {
            Some(Said::Failed { code: "cancelled".to_owned(), message: reason.clone() })
        }
        _ => None,
    }
}

/// Waits for the whole answer. A client that goes away drops this, and with it the run.
async fn whole(run: impl Stream<Item = Said> + Send, writer: &Writer) -> Result<Response, CompletionError> {
    let mut run = std::pin::pin!(run);
    let mut answer = Answer::default();
    while let Some(said) = run.next().await {
        match said {
            Said::Begun => {}
            Said::Words(words) => answer.text.push_str(&words),
            Said::Sources { citations, grounded } => (answer.citations, answer.grounded) = (citations, grounded),
            Said::Finished(usage) => answer.usage = usage,
            Said::Failed { code, message } => return Err(CompletionError::Run { code, message }),
        }
    }
    Ok(Json(writer.whole(&answer)).into_response())
}

/// Sends the answer as it comes.
fn streamed(run: impl Stream<Item = Said> + Send + 'static, writer: Writer, wants_usage: bool) -> Response {
    let mut answer = Answer::default();
    let frames = run.flat_map(move |said| {
        let frames = match said {
            Said::Begun => vec![writer.begun().to_string()],
            Said::Words(words) => {
                answer.text.push_str(&words);
                vec![writer.more(&words).to_string()]
            }
            Said::Sources { citations, grounded } => {
                (answer.citations, answer.grounded) = (citations, grounded);
                vec![writer.sources(&answer).to_string()]
            }
            Said::Finished(usage) => {
                let usage = usage.filter(|_| wants_usage).map(|usage| writer.usage(usage).to_string());
                std::iter::once(writer.finished().to_string()).chain(usage).chain([DONE.to_owned()]).collect()
            }
            Said::Failed { code, message } => {
                let body = serde_json::to_string(&CompletionError::Run { code, message }.body());
                vec![body.unwrap_or_default()]
            }
        };
        futures::stream::iter(frames)
    });
    let frames = frames.map(|frame| Ok::<_, Infallible>(Event::default().data(frame)));
    let headers =
        [(header::CACHE_CONTROL, "no-cache, no-transform"), (HeaderName::from_static("x-accel-buffering"), "no")];
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("keep-alive");
    (headers, Sse::new(frames).keep_alive(keep_alive)).into_response()
}

impl From<Unusable> for CompletionError {
    fn from(Unusable { param, message }: Unusable) -> Self {
        if param == "model" { Self::NoModel(message) } else { Self::Invalid { param, message } }
    }
}
