//! `GET /openapi.json`: the doors as a document, made from the handlers.

use axum::Json;
use utoipa::OpenApi;

use super::{
    agent, citations, collections, completions, documents, ingests, originals, runs, search, sources, status, threads,
    uploads,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "ibid",
        description = "Folders of documents in, cited passages out. Offsets into documents are UTF-8 bytes of the \
            extracted text; highlights and offsets into answers are UTF-16 code units. Errors are \
            `{\"error\":{\"code\",\"message\"}}`."
    ),
    paths(
        agent::run,
        completions::complete,
        completions::models,
        completions::model,
        search::search,
        documents::list,
        documents::show,
        documents::text,
        documents::delete,
        originals::original,
        collections::list,
        threads::list,
        threads::show,
        threads::rename,
        threads::delete,
        runs::show,
        runs::events,
        runs::cancel,
        runs::rate,
        runs::unrate,
        citations::show,
        uploads::upload,
        ingests::list,
        ingests::show,
        ingests::events,
        ingests::cancel,
        sources::list,
        sources::sync,
        status::status,
        status::healthz,
        status::readyz,
    )
)]
struct Document;

/// The OpenAPI document.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// Serves the OpenAPI document.
pub(super) async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}
