//! `/v1/threads`: conversations, listed, read, renamed and deleted.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::error::no_content;
use super::json::ApiJson;
use super::{ApiError, ApiState};
use crate::store::ThreadQuery;
use crate::types::{Thread, Turn};

/// Threads of one page.
const PAGE_DEFAULT: u32 = 50;
const PAGE_MAX: u32 = 200;
/// Turns of a thread in one answer, the newest.
const TURNS_MAX: u32 = 500;
/// Longest title in bytes.
const TITLE_BYTES_MAX: usize = 400;

/// Which threads to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Threads of a page, at most 200; 50 when not given.
    limit: Option<u32>,
}

/// A page of threads.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ThreadPage {
    /// The threads, the last used first.
    threads: Vec<Thread>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A thread with what was said in it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ThreadWithTurns {
    #[serde(flatten)]
    thread: Thread,
    /// Questions and answers in their order, the newest 500.
    turns_list: Vec<Turn>,
}

/// Lists threads.
#[utoipa::path(get, path = "/v1/threads", params(ListQuery),
    responses((status = 200, description = "A page", body = ThreadPage)))]
pub(super) async fn list(
    State(state): State<ApiState>,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<ThreadPage>, ApiError> {
    let Query(query) = query.map_err(|error| ApiError::Invalid(error.body_text()))?;
    let limit = query.limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX);
    let after = query.cursor.as_deref().map(cursor_of).transpose()?;
    // One more than the page, to know whether there is another.
    let wanted = ThreadQuery { limit: limit + 1, after };
    let account = state.caller().account();
    let mut threads = state.app.store.threads(&account, &wanted, (state.app.agent.clock)()).await?;
    let more = threads.len() > limit as usize;
    threads.truncate(limit as usize);
    let next_cursor = threads.last().filter(|_| more).map(|last| format!("{}~{}", last.updated_at_ms, last.id));
    Ok(Json(ThreadPage { threads, next_cursor }))
}

fn cursor_of(cursor: &str) -> Result<(i64, String), ApiError> {
    let parts = cursor.split_once('~').and_then(|(at, id)| Some((at.parse().ok()?, id.to_owned())));
    parts.ok_or_else(|| ApiError::Invalid("cursor is not the next_cursor of a page".to_owned()))
}

/// Shows a thread with its turns.
#[utoipa::path(get, path = "/v1/threads/{id}", params(("id" = String, Path, description = "Thread id")),
    responses(
        (status = 200, description = "The thread", body = ThreadWithTurns),
        (status = 404, description = "There is none", body = super::error::ErrorBody),
    ))]
pub(super) async fn show(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<ThreadWithTurns>, ApiError> {
    let thread = thread(&state, &id).await?;
    let turns_list = state.app.store.turns(&id, &state.caller().account(), TURNS_MAX).await?;
    Ok(Json(ThreadWithTurns { thread, turns_list }))
}

/// A new title.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RenameBody {
    /// What the thread shall be called.
    title: String,
}

/// Renames a thread.
#[utoipa::path(patch, path = "/v1/threads/{id}", request_body = RenameBody,
    params(("id" = String, Path, description = "Thread id")),
    responses(
        (status = 200, description = "The thread", body = Thread),
        (status = 404, description = "There is none", body = super::error::ErrorBody),
        (status = 422, description = "The title is empty or too long", body = super::error::ErrorBody),
    ))]
pub(super) async fn rename(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    ApiJson(body): ApiJson<RenameBody>,
) -> Result<Json<Thread>, ApiError> {
    let title = body.title.split_whitespace().collect::<Vec<_>>().join(" ");
    if title.is_empty() || title.len() > TITLE_BYTES_MAX {
        return Err(ApiError::Invalid(format!("a title has 1 to {TITLE_BYTES_MAX} bytes, this one {}", title.len())));
    }
    if !state.app.store.rename_thread(&id, &state.caller().account(), &title).await? {
        return Err(unknown(&id));
    }
    Ok(Json(thread(&state, &id).await?))
}

/// Deletes a thread with its runs, their events and their citations.
#[utoipa::path(delete, path = "/v1/threads/{id}", params(("id" = String, Path, description = "Thread id")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is none", body = super::error::ErrorBody),
        (status = 409, description = "A run is going on in it", body = super::error::ErrorBody),
    ))]
pub(super) async fn delete(State(state): State<ApiState>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let account = state.caller().account();
    if state.app.agent.live.is_busy(&id, &account) {
        return Err(ApiError::Conflict(format!("a run is going on in the thread {id}; cancel it first")));
    }
    if !state.app.store.delete_thread(&id, &account).await? {
        return Err(unknown(&id));
    }
    Ok(no_content())
}

async fn thread(state: &ApiState, id: &str) -> Result<Thread, ApiError> {
    let found = state.app.store.thread(id, &state.caller().account(), (state.app.agent.clock)()).await?;
    found.ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> ApiError {
    ApiError::NotFound(format!("there is no thread {id}"))
}
