//! `/v1/documents`: list, show, read, delete.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use ibid_ingest::{LineBox, Span, boxes_under};
use serde::{Deserialize, Serialize};

use super::error::no_content;
use super::{ApiError, ApiState};
use crate::store::{DocumentPage, DocumentQuery};
use crate::types::{CollectionName, Document, DocumentId};

/// Documents of one page.
const PAGE_DEFAULT: u32 = 100;
const PAGE_MAX: u32 = 1_000;
/// Bytes of text in one answer; a reader asks for more with the next start.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// Which documents to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only of this collection.
    #[param(value_type = Option<String>)]
    collection: Option<CollectionName>,
    /// `failed` for those that could not be read.
    state: Option<String>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<DocumentId>,
    /// Documents of a page, at most 1000; 100 when not given.
    limit: Option<u32>,
}

/// Lists documents.
#[utoipa::path(get, path = "/v1/documents", params(ListQuery),
    responses((status = 200, description = "A page", body = DocumentPage)))]
pub(super) async fn list(
    State(state): State<ApiState>,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<DocumentPage>, ApiError> {
    let Query(query) = query.map_err(|error| ApiError::Invalid(error.body_text()))?;
    let failed_only = match query.state.as_deref() {
        None => false,
        Some("failed") => true,
        Some(other) => return Err(ApiError::Invalid(format!("state is {other:?}, only \"failed\" is known"))),
    };
    let limit = query.limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX);
    let query = DocumentQuery { collection: query.collection, failed_only, after: query.cursor, limit };
    let mut page = state.app.store.documents(&query).await?;
    page.documents.retain(|document| state.caller().may_read(&document.readers));
    Ok(Json(page))
}

/// Shows a document.
#[utoipa::path(get, path = "/v1/documents/{id}", params(("id" = String, Path, description = "Document id")),
    responses(
        (status = 200, description = "The document without its text", body = Document),
        (status = 404, description = "There is none", body = super::error::ErrorBody),
    ))]
pub(super) async fn show(State(state): State<ApiState>, Path(id): Path<String>) -> Result<Json<Document>, ApiError> {
    Ok(Json(readable(&state, parsed(&id)?).await?))
}

/// Deletes a document from the truth and from both indexes. A mirrored file that is still there comes back with the next
/// ingest.
#[utoipa::path(delete, path = "/v1/documents/{id}", params(("id" = String, Path, description = "Document id")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is none", body = super::error::ErrorBody),
    ))]
pub(super) async fn delete(State(state): State<ApiState>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let id = parsed(&id)?;
    readable(&state, id).await?;
    if state.app.store.delete_documents(&[id], None, (state.app.agent.clock)()).await? == 0 {
        return Err(unknown(id));
    }
    state.app.indexer.catch_up().await?;
    Ok(no_content())
}

/// Which part of the text.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TextQuery {
    /// First byte; 0 when not given.
    #[serde(default)]
    start: usize,
    /// One past the last byte; the end of the text when not given.
    end: Option<usize>,
    /// Whether to say where the text stands on its pages.
    #[serde(default)]
    boxes: bool,
}

/// A part of a document's extracted text.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct DocumentText {
    /// The document.
    document_id: DocumentId,
    /// Its URI.
    uri: String,
    /// Its title.
    title: String,
    /// Its MIME type.
    media_type: String,
    /// First byte, moved outwards to a character boundary.
    start: usize,
    /// One past the last byte, moved outwards to a character boundary.
    end: usize,
    /// Length of the whole text.
    total_bytes: usize,
    /// The unit of all offsets here: always `bytes`.
    unit: &'static str,
    /// The words.
    text: String,
    /// Where the lines between `start` and `end` stand on their pages, when asked for and the document has pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    boxes: Option<Vec<PageBox>>,
}

/// Where a line, or a part of one, stands on its page. Lengths are points, 1/72 inch, from the page's left upper corner as it
/// is shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct PageBox {
    /// The page, from 1.
    page: u32,
    /// First byte of its words.
    start: usize,
    /// One past the last byte.
    end: usize,
    left: f32,
    top: f32,
    right: f32,
    bottom: f32,
}

impl From<LineBox> for PageBox {
    fn from(line: LineBox) -> Self {
        let [left, top, right, bottom] = line.rect;
        Self { page: line.page, start: line.span.start, end: line.span.end, left, top, right, bottom }
    }
}

/// Reads a document's extracted text, at most 1 MiB at a time. Offsets are bytes.
#[utoipa::path(get, path = "/v1/documents/{id}/text",
    params(("id" = String, Path, description = "Document id"), TextQuery),
    responses(
        (status = 200, description = "The text", body = DocumentText),
        (status = 404, description = "There is none", body = super::error::ErrorBody),
    ))]
pub(super) async fn text(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    query: Result<Query<TextQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<DocumentText>, ApiError> {
    let Query(query) = query.map_err(|error| ApiError::Invalid(error.body_text()))?;
    let id = parsed(&id)?;
    let document = readable(&state, id).await?;
    let end = query.end.unwrap_or(usize::MAX).min(query.start.saturating_add(TEXT_BYTES_MAX));
    let slice = state.app.store.text_slice(id, query.start, end).await?.ok_or_else(|| unknown(id))?;
    let boxes = match query.boxes {
        false => None,
        true => {
            let under = boxes_under(&state.app.store.boxes(id).await?, Span::new(slice.start, slice.end));
            Some(under.into_iter().map(PageBox::from).collect())
        }
    };
    Ok(Json(DocumentText {
        document_id: id,
        uri: document.uri,
        title: document.title,
        media_type: document.media_type,
        start: slice.start,
        end: slice.end,
        total_bytes: slice.total_bytes,
        unit: "bytes",
        text: slice.text,
        boxes,
    }))
}

/// The document with the id of a path, as [`readable`].
pub(super) async fn readable_document(state: &ApiState, id: &str) -> Result<Document, ApiError> {
    readable(state, parsed(id)?).await
}

/// The document, if there is one and the caller may read it: who may not learns no more than that there is none.
async fn readable(state: &ApiState, id: DocumentId) -> Result<Document, ApiError> {
    let document = state.app.store.document(id).await?;
    document.filter(|document| state.caller().may_read(&document.readers)).ok_or_else(|| unknown(id))
}

fn parsed(id: &str) -> Result<DocumentId, ApiError> {
    id.parse().map_err(|error: crate::types::InvalidName| ApiError::NotFound(error.to_string()))
}

fn unknown(id: DocumentId) -> ApiError {
    ApiError::NotFound(format!("there is no document {id}"))
}
