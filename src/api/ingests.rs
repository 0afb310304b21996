//! `/v1/ingests`: what came in, how far it is, what was removed and whether it is gone, and its end by hand.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::response::sse::Event;
use futures::Stream;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Interval, MissedTickBehavior};

use super::agent::stream;
use super::error::accepted;
use super::{ApiError, ApiState, guard};
use crate::indexing::{IngestProgress, LiveIngest, MirrorEvent};
use crate::store::{IngestPage, IngestQuery, Store};
use crate::types::{CollectionName, IngestId, IngestRecord, IngestState, Removal};

/// Ingests of one page.
const PAGE_DEFAULT: u32 = 50;
const PAGE_MAX: u32 = 500;
/// Removals of one page.
const REMOVALS_DEFAULT: u32 = 100;
const REMOVALS_MAX: u32 = 1_000;
/// How often followers are told how far it is.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// Which ingests to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only of this collection.
    #[param(value_type = Option<String>)]
    collection: Option<CollectionName>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<IngestId>,
    /// Ingests of a page, at most 500; 50 when not given.
    limit: Option<u32>,
}

/// Lists ingests, the newest first.
#[utoipa::path(get, path = "/v1/ingests", params(ListQuery),
    responses((status = 200, description = "A page", body = IngestPage)))]
pub(super) async fn list(
    State(state): State<ApiState>,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<IngestPage>, ApiError> {
    let Query(query) = query.map_err(|error| ApiError::Invalid(error.body_text()))?;
    let limit = query.limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX);
    let query = IngestQuery { collection: query.collection, before: query.cursor, limit };
    Ok(Json(state.app.store.ingests(&query).await?))
}

/// Which part of a receipt.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReceiptQuery {
    /// `next_removal` of the page before.
    #[serde(default)]
    after: u64,
    /// Removals of a page, at most 1000; 100 when not given.
    limit: Option<u32>,
}

/// An ingest with its receipt.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct IngestDetail {
    /// The ingest as it is kept.
    #[serde(flatten)]
    record: IngestRecord,
    /// How far it is, when this process runs it or did so a short while ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<IngestProgress>,
    /// What it removed, with the hash of each text, and what was found of it in the truth and in both indexes when they were
    /// read afterwards.
    removals: Vec<Removal>,
    /// Where the next removals begin, if there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_removal: Option<u64>,
}

/// Shows an ingest: what it did, how far it is, and the receipt of what it removed.
#[utoipa::path(get, path = "/v1/ingests/{id}", params(("id" = String, Path, description = "Ingest id"), ReceiptQuery),
    responses(
        (status = 200, description = "The ingest", body = IngestDetail),
        (status = 404, description = "There is none", body = super::error::ErrorBody),
    ))]
pub(super) async fn show(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    query: Result<Query<ReceiptQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<IngestDetail>, ApiError> {
    let Query(query) = query.map_err(|error| ApiError::Invalid(error.body_text()))?;
    let record = record(&state, &id).await?;
    let limit = query.limit.unwrap_or(REMOVALS_DEFAULT).clamp(1, REMOVALS_MAX);
    let mut removals = state.app.store.removals(record.id, query.after, limit + 1).await?;
    let more = removals.len() > limit as usize;
    removals.truncate(limit as usize);
    let next_removal = removals.last().filter(|_| more).map(|last| last.number);
    let progress = state.app.indexer.ingests().get(record.id).map(|live| live.progress());
    Ok(Json(IngestDetail { record, progress, removals, next_removal }))
}

/// Stops an ingest that is going on in this process. What it did stays.
#[utoipa::path(post, path = "/v1/ingests/{id}/cancel", params(("id" = String, Path, description = "Ingest id")),
    responses(
        (status = 202, description = "It stops"),
        (status = 403, description = "A page of another origin asks", body = super::error::ErrorBody),
        (status = 404, description = "There is none", body = super::error::ErrorBody),
        (status = 409, description = "It has ended, or goes on in another process", body = super::error::ErrorBody),
    ))]
pub(super) async fn cancel(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    guard::own_origin(&headers, &state.allowed_origins)?;
    let record = record(&state, &id).await?;
    match state.app.indexer.ingests().get(record.id) {
        Some(live) if live.state() == IngestState::Running => live.cancel(),
        None if record.state == IngestState::Running => {
            return Err(ApiError::Conflict(format!("the ingest {id} goes on in another process; stop it there")));
        }
        _ => {
            return Err(ApiError::Conflict(format!(
                "the ingest {id} has ended; its state is {}",
                record.state.as_str()
            )));
        }
    }
    Ok(accepted(json!({})))
}

/// What an ingest does, as it does it: each event in `data`, with its name in the member `event`. `progress` comes at once
/// and every second, `lagged` when a slow reader missed some, and `ended` is the last.
#[utoipa::path(get, path = "/v1/ingests/{id}/events", params(("id" = String, Path, description = "Ingest id")),
    responses(
        (status = 200, description = "Events", content_type = "text/event-stream", body = MirrorEvent),
        (status = 404, description = "There is none", body = super::error::ErrorBody),
    ))]
pub(super) async fn events(State(state): State<ApiState>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let record = record(&state, &id).await?;
    let live = state.app.indexer.ingests().get(record.id);
    let mut ticks = tokio::time::interval(PROGRESS_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let told = live.as_ref().map(|live| live.subscribe());
    let following = Following { id: record.id, store: Arc::clone(&state.app.store), live, told, ticks, is_over: false };
    Ok(stream(following.events()))
}

async fn record(state: &ApiState, id: &str) -> Result<IngestRecord, ApiError> {
    let unknown = || ApiError::NotFound(format!("there is no ingest {id}"));
    let parsed: IngestId = id.parse().map_err(|_| unknown())?;
    state.app.store.ingest(parsed).await?.ok_or_else(unknown)
}

/// Somebody who looks on.
struct Following {
    id: IngestId,
    store: Arc<dyn Store>,
    live: Option<Arc<LiveIngest>>,
    told: Option<Receiver<MirrorEvent>>,
    ticks: Interval,
    is_over: bool,
}

impl Following {
    fn events(self) -> impl Stream<Item = Event> + Send + 'static {
        futures::stream::unfold(self, |mut following| async move {
            let event = following.next().await?;
            Some((Event::default().data(event.to_string()), following))
        })
    }

    /// The next event; `None` after the last.
    async fn next(&mut self) -> Option<Value> {
        while !self.is_over {
            let happened = tokio::select! {
                biased;
                told = next_told(&mut self.told) => told,
                _ = self.ticks.tick() => None,
            };
            match happened {
                Some(Ok(MirrorEvent::Ended { .. }) | Err(RecvError::Closed)) => return self.last(None).await,
                Some(Ok(event)) => return serde_json::to_value(event).ok(),
                Some(Err(RecvError::Lagged(missed))) => return Some(json!({"event": "lagged", "missed": missed})),
                None => {}
            }
            match self.live.as_ref().map(|live| live.progress()) {
                // Its last event may have been told before anybody listened.
                Some(progress) if progress.state != IngestState::Running => {
                    return self.last(Some(progress.state)).await;
                }
                Some(progress) => return with_name("progress", &progress),
                None => {
                    if let Some(last) = self.ended_elsewhere().await {
                        return Some(last);
                    }
                }
            }
        }
        None
    }

    /// The last event, by what is kept, and by `state` where nothing was.
    async fn last(&mut self, state: Option<IngestState>) -> Option<Value> {
        self.is_over = true;
        let record = self.store.ingest(self.id).await.ok().flatten()?;
        let state = state.filter(|_| record.state == IngestState::Running).unwrap_or(record.state);
        Some(last_event(state, &record))
    }

    /// The last event of an ingest that this process knows from the truth alone, once it has ended.
    async fn ended_elsewhere(&mut self) -> Option<Value> {
        // What cannot be looked at now is looked at again in a second.
        let record = self.store.ingest(self.id).await.ok().flatten()?;
        if record.state == IngestState::Running {
            return None;
        }
        self.is_over = true;
        Some(last_event(record.state, &record))
    }
}

/// What is told next; never, when nobody tells.
async fn next_told(told: &mut Option<Receiver<MirrorEvent>>) -> Option<Result<MirrorEvent, RecvError>> {
    match told {
        Some(told) => Some(told.recv().await),
        None => std::future::pending().await,
    }
}

fn last_event(state: IngestState, record: &IngestRecord) -> Value {
    let mut last = json!({"event": "ended", "state": state});
    if let Some(summary) = &record.summary {
        last["summary"] = summary.clone();
    }
    if let Some(error) = &record.error {
        last["error"] = json!(error);
    }
    last
}

fn with_name(name: &str, value: &impl Serialize) -> Option<Value> {
    let mut value = serde_json::to_value(value).ok()?;
    value["event"] = json!(name);
    Some(value)
}
