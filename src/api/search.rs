//! `POST /v1/search`: passages for a query.

use std::num::NonZeroUsize;

use axum::Json;
use axum::extract::State;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::json::ApiJson;
use super::{ApiError, ApiState};
use crate::retrieval::{Expand, PerDocument, SearchRequest, SearchResponse};
use crate::types::{CollectionName, Filter, SearchMode};

/// The longest query. Analysis is linear, and nobody types more.
const QUERY_BYTES_MAX: usize = 100_000;
/// The most hits of one search.
const K_MAX: usize = 1_000;

/// A search.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchBody {
    /// What to look for: plain words, and, unless `plain` is set, the query language: `"a phrase"`, `-word`, `title:word`,
    /// `uri:docs/guide`, `collection:notes`, `type:pdf`, `lang:ko`, `date:2024-05`, `after:2024`, `before:2024-05`. A query that
    /// is none of it is searched as plain words, and `notices` says so.
    #[schema(example = "how do I drain a node?")]
    query: String,
    /// Only these collections.
    #[serde(default)]
    collections: Vec<CollectionName>,
    /// How many hits, 1 to 1000; 10 when not given.
    #[serde(default = "ten", deserialize_with = "whole_number")]
    k: usize,
    /// Which legs.
    #[serde(default)]
    mode: SearchMode,
    /// What to narrow it to.
    #[serde(default, deserialize_with = "filter_of_fields")]
    filter: Filter,
    /// Whether the query is plain words, whatever quotation marks and colons it holds.
    #[serde(default)]
    plain: bool,
    /// Whether the configured reranker, if there is one, has the last word on the order.
    #[serde(default = "yes")]
    rerank: bool,
    /// At most this many hits of one document; without it 3, and more only when nothing else is left.
    #[serde(default)]
    #[schema(value_type = Option<usize>, minimum = 1)]
    max_per_document: Option<NonZeroUsize>,
    /// Whether hits stay that nearly repeat a better one.
    #[serde(default)]
    keep_duplicates: bool,
    /// How much text a hit carries.
    #[serde(default)]
    expand: Expand,
    /// Whether hits say why they stand where they stand.
    #[serde(default)]
    explain: bool,
    /// A chunk's id, a document's id or a URI: the answer says where it stands and what keeps it out.
    #[serde(default)]
    why_not: Option<String>,
}

fn yes() -> bool {
    true
}

fn ten() -> usize {
    10
}

/// Reads `k`, so that what is wrong with it is said in the words of a caller.
fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let k = value.as_u64().and_then(|k| usize::try_from(k).ok()).filter(|k| (1..=K_MAX).contains(k));
    k.ok_or_else(|| {
        let said: String = value.to_string().chars().take(40).collect();
        D::Error::custom(format!("k is {said}, it has to be a whole number from 1 to {K_MAX}"))
    })
}

/// Reads a filter by the names of its fields. Serde takes an array for their values in order as well, and an empty array,
/// which somebody meant as something, for a filter that lets everything through.
fn filter_of_fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Filter, D::Error> {
    let fields = serde_json::Map::deserialize(deserializer)?;
    Filter::deserialize(Value::Object(fields)).map_err(D::Error::custom)
}

/// Finds passages.
#[utoipa::path(
    post, path = "/v1/search", request_body = SearchBody,
    responses(
        (status = 200, description = "Passages, best first", body = SearchResponse),
        (status = 422, description = "The body is not valid", body = super::error::ErrorBody),
    )
)]
pub(super) async fn search(
    State(state): State<ApiState>,
    ApiJson(body): ApiJson<SearchBody>,
) -> Result<Json<SearchResponse>, ApiError> {
    if body.query.len() > QUERY_BYTES_MAX {
        return Err(ApiError::Invalid(format!(
            "the query has {} bytes, the limit is {QUERY_BYTES_MAX}",
            body.query.len()
        )));
    }
    let mut filter = body.filter;
    filter.collections.extend(body.collections);
    let new = SearchRequest::new(body.query);
    let request = SearchRequest {
        plain: body.plain,
        k: body.k,
        mode: body.mode,
        filter,
        caller: state.caller(),
        rerank: body.rerank,
        per_document: body.max_per_document.map_or(new.per_document, |most| PerDocument::AtMost(most.get())),
        keep_duplicates: body.keep_duplicates,
        expand: body.expand,
        explain: body.explain,
        why_not: body.why_not,
        ..new
    };
    Ok(Json(state.app.retriever.search(&request).await?))
}
