//! Points and filters in Qdrant's words.

use std::collections::HashMap;

use qdrant_client::qdrant::condition::ConditionOneOf;
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::with_payload_selector::SelectorOptions;
use qdrant_client::qdrant::{
    AcornSearchParams, Condition, DeletePoints, FieldCondition, Filter, ListValue, Match, PointId, PointStruct,
    PointsOperationResponse, PointsSelector, QuantizationSearchParams, Query, QueryPoints, RepeatedStrings,
    SearchParams, UpdateStatus, UpsertPoints, Value, Vector, VectorInput, Vectors, WithPayloadSelector, query,
};
use tonic::{Response, Status};

use super::super::{VectorError, VectorPoint, normalized};
use super::Quantisation;
use crate::types::{ChunkId, FacetQuery};

/// Where a point says which document it is a part of, and which facets that has.
pub(super) const DOCUMENT: &str = "document";
pub(super) const FACETS: &str = "facets";
/// Where a filter lets through less than this share, a search also looks at neighbours of neighbours (ACORN-1); servers
/// before 1.16 pass over the wish.
const SPARSE_SHARE: f64 = 0.6;
/// How many more candidates than wanted are compared with exact numbers after a search among quantised ones: a bit a
/// number says much less than a byte.
const OVERSAMPLING_SCALAR: f64 = 2.0;
const OVERSAMPLING_BINARY: f64 = 3.0;

/// How a search walks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk {
    /// Candidates that are kept.
    pub(super) breadth: u64,
    /// Every point is compared instead.
    pub(super) exact: bool,
    pub(super) quantisation: Option<Quantisation>,
}

pub(super) fn upsertion(collection: &str, points: &[VectorPoint]) -> UpsertPoints {
    UpsertPoints {
        collection_name: collection.to_owned(),
        wait: Some(true),
        points: points.iter().map(point).collect(),
        ..UpsertPoints::default()
    }
}

/// Deletes what passes the filter; without one, everything.
pub(super) fn deletion(collection: &str, filter: Filter) -> DeletePoints {
    DeletePoints {
        collection_name: collection.to_owned(),
        wait: Some(true),
        points: Some(PointsSelector { points_selector_one_of: Some(PointsSelectorOneOf::Filter(filter)) }),
        ..DeletePoints::default()
    }
}

pub(super) fn nearest(collection: &str, vector: &[f32], filter: &FacetQuery, k: usize, walk: Walk) -> QueryPoints {
    let input = VectorInput::new_dense(normalized(vector.to_vec()));
    let acorn = AcornSearchParams { enable: Some(!filter.is_empty()), max_selectivity: Some(SPARSE_SHARE) };
    let quantization = walk.quantisation.map(|kind| QuantizationSearchParams {
        ignore: Some(false),
        rescore: Some(true),
        oversampling: Some(match kind {
            Quantisation::Scalar => OVERSAMPLING_SCALAR,
            Quantisation::Binary => OVERSAMPLING_BINARY,
        }),
    });
    let params = SearchParams {
        hnsw_ef: Some(walk.breadth),
        exact: Some(walk.exact),
        quantization,
        acorn: Some(acorn),
        ..SearchParams::default()
    };
    QueryPoints {
        collection_name: collection.to_owned(),
        query: Some(Query { variant: Some(query::Variant::Nearest(input)) }),
        filter: facet_filter(filter),
        params: Some(params),
        limit: Some(k as u64),
        with_payload: Some(no_payload()),
        ..QueryPoints::default()
    }
}

pub(super) fn no_payload() -> WithPayloadSelector {
    WithPayloadSelector { selector_options: Some(SelectorOptions::Enable(false)) }
}

pub(super) fn facet_filter(filter: &FacetQuery) -> Option<Filter> {
    let must: Vec<_> = filter.groups.iter().map(|group| any_of(FACETS, group.clone())).collect();
    (!must.is_empty()).then(|| Filter { must, ..Filter::default() })
}

pub(super) fn of_documents(documents: Vec<String>) -> Filter {
    Filter { must: vec![any_of(DOCUMENT, documents)], ..Filter::default() }
}

fn any_of(field: &str, strings: Vec<String>) -> Condition {
    let matched = Match { match_value: Some(MatchValue::Keywords(RepeatedStrings { strings })) };
    let field = FieldCondition { key: field.to_owned(), r#match: Some(matched), ..FieldCondition::default() };
    Condition { condition_one_of: Some(ConditionOneOf::Field(field)) }
}

fn point(point: &VectorPoint) -> PointStruct {
    let facets = point.facets.iter().map(|facet| text(facet.clone())).collect();
    let facets = Value { kind: Some(Kind::ListValue(ListValue { values: facets })) };
    let payload = HashMap::from([(DOCUMENT.to_owned(), text(point.document.to_string())), (FACETS.to_owned(), facets)]);
    let vector = Vector::new_dense(normalized(point.vector.clone()));
    PointStruct {
        id: Some(PointId { point_id_options: Some(PointIdOptions::Num(point.chunk.0)) }),
        payload,
        vectors: Some(Vectors { vectors_options: Some(VectorsOptions::Vector(vector)) }),
    }
}

fn text(text: String) -> Value {
    Value { kind: Some(Kind::StringValue(text)) }
}

pub(super) fn chunk_of(id: Option<&PointId>) -> Result<ChunkId, VectorError> {
    match id.and_then(|id| id.point_id_options.as_ref()) {
        Some(PointIdOptions::Num(number)) => Ok(ChunkId(*number)),
        Some(PointIdOptions::Uuid(other)) => Err(VectorError::Engine(format!("point {other} is no chunk"))),
        None => Err(VectorError::Engine("a point has no id".to_owned())),
    }
}

/// An awaited write that the server has taken and not yet applied would be missed by the next search: it counts as late,
/// and is sent again.
pub(super) fn applied(
    answer: Result<Response<PointsOperationResponse>, Status>,
) -> Result<Response<PointsOperationResponse>, Status> {
    let answer = answer?;
    match answer.get_ref().result.as_ref().map(|result| result.status()) {
        Some(UpdateStatus::Completed) => Ok(answer),
        _ => Err(Status::deadline_exceeded("the write was taken but not applied in time")),
    }
}

/// The last of the points with the same chunk, for batches in parallel have no order.
pub(super) fn last_of_each(points: Vec<VectorPoint>) -> Vec<VectorPoint> {
    let last: HashMap<ChunkId, usize> = points.iter().enumerate().map(|(place, point)| (point.chunk, place)).collect();
    if last.len() == points.len() {
        return points;
    }
    let kept = points.into_iter().enumerate().filter(|(place, point)| last[&point.chunk] == *place);
    kept.map(|(_, point)| point).collect()
}
