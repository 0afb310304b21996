//! A collection of the peer: a shard of the engine, and what was said when it was made.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Mutex, RwLock};

use qdrant_client::qdrant::condition::ConditionOneOf;
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::payload_index_params::IndexParams;
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    self as grpc, CollectionConfig, CollectionInfo, CollectionParams, CollectionStatus, CreateCollection,
    PayloadSchemaInfo, PayloadSchemaType,
};
use qdrant_edge::{
    AcornSearchParams, Condition, CountRequest, CreateIndex, DEFAULT_VECTOR_NAME, Distance, EdgeConfig,
    EdgeOptimizersConfig, EdgeShard, EdgeVectorParams, FieldCondition, FieldIndexOperations, Filter, HnswIndexConfig,
    KeywordIndexParams, Match, NamedQuery, OperationError, Payload, PayloadFieldSchema, PayloadSchemaParams, PointId,
    PointInsertOperations, PointOperations, PointStructPersisted, QueryEnum, QueryRequest, ScoringQuery, ScrollRequest,
    SearchParams, UpdateOperation, WithPayloadInterface, WithVector,
};
use serde_json::{Map, Value};
use tonic::Status;

pub(super) struct Collection {
    creation: CreateCollection,
    dimension: usize,
    graph_kb_min: usize,
    indexes: Mutex<BTreeMap<String, PayloadSchemaInfo>>,
    shard: RwLock<Stored>,
}

struct Stored {
    shard: EdgeShard,
    /// Points written since the graph was last built.
    unoptimized: usize,
}

impl Collection {
    pub(super) fn create(folder: &Path, creation: CreateCollection, graph_kb_min: usize) -> Result<Self, Status> {
        let vectors = match creation.vectors_config.as_ref().and_then(|vectors| vectors.config.as_ref()) {
            Some(Config::Params(vectors)) => *vectors,
            _ => return Err(Status::unimplemented("only one unnamed vector")),
        };
        let distance = match vectors.distance() {
            grpc::Distance::Cosine => Distance::Cosine,
            grpc::Distance::Dot => Distance::Dot,
            _ => return Err(Status::unimplemented("only cosine and dot")),
        };
        let dimension = vectors.size as usize;
        let asked = creation.hnsw_config.unwrap_or_default();
        let graph = HnswIndexConfig {
            m: asked.m.unwrap_or(16) as usize,
            ef_construct: asked.ef_construct.unwrap_or(100) as usize,
            full_scan_threshold: graph_kb_min,
            max_indexing_threads: 2,
            ..HnswIndexConfig::default()
        };
        let optimizers = EdgeOptimizersConfig {
            default_segment_number: Some(2),
            indexing_threshold: Some(graph_kb_min),
            ..EdgeOptimizersConfig::default()
        };
        let config = EdgeConfig::builder()
            .vector(DEFAULT_VECTOR_NAME, EdgeVectorParams::builder(dimension, distance).build())
            .hnsw_config(graph)
            .optimizers(optimizers)
            .build();
        let shard = EdgeShard::new(folder, config).map_err(engine)?;
        let shard = RwLock::new(Stored { shard, unoptimized: 0 });
        Ok(Self { creation, dimension, graph_kb_min, indexes: Mutex::default(), shard })
    }

    pub(super) fn info(&self) -> CollectionInfo {
        let stored = self.shard.read().unwrap().shard.info();
        let params = CollectionParams {
            shard_number: self.creation.shard_number.unwrap_or(1),
            on_disk_payload: self.creation.on_disk_payload.unwrap_or(true),
            vectors_config: self.creation.vectors_config.clone(),
            replication_factor: self.creation.replication_factor,
            write_consistency_factor: self.creation.write_consistency_factor,
            ..CollectionParams::default()
        };
        let config = CollectionConfig {
            params: Some(params),
            hnsw_config: self.creation.hnsw_config,
            quantization_config: self.creation.quantization_config,
            ..CollectionConfig::default()
        };
        CollectionInfo {
            status: CollectionStatus::Green.into(),
            config: Some(config),
            payload_schema: self.indexes.lock().unwrap().clone().into_iter().collect(),
            points_count: Some(stored.points_count as u64),
            indexed_vectors_count: Some(stored.indexed_vectors_count as u64),
            ..CollectionInfo::default()
        }
    }

    pub(super) fn index(&self, field: String, params: Option<grpc::PayloadIndexParams>) -> Result<(), Status> {
        let enable_hnsw = match params.as_ref().and_then(|params| params.index_params.as_ref()) {
            Some(IndexParams::KeywordIndexParams(asked)) => asked.enable_hnsw,
            _ => None,
        };
        let keyword = PayloadSchemaParams::Keyword(KeywordIndexParams { enable_hnsw, ..KeywordIndexParams::default() });
        let field_name = field.parse().map_err(|()| Status::invalid_argument(field.clone()))?;
        let index = CreateIndex { field_name, field_schema: Some(PayloadFieldSchema::FieldParams(keyword)) };
        self.update(UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(index)), 0)?;
        let schema = PayloadSchemaInfo { data_type: PayloadSchemaType::Keyword.into(), params, points: None };
        self.indexes.lock().unwrap().insert(field, schema);
        Ok(())
    }

    pub(super) fn upsert(&self, points: Vec<PointStructPersisted>) -> Result<(), Status> {
        let count = points.len();
        let points = PointOperations::UpsertPoints(PointInsertOperations::PointsList(points));
        self.update(UpdateOperation::PointOperation(points), count)
    }

    pub(super) fn delete(&self, filter: &grpc::Filter) -> Result<(), Status> {
        let passing = self.filter(Some(filter))?.unwrap_or_default();
        self.update(UpdateOperation::PointOperation(PointOperations::DeletePointsByFilter(passing)), 0)
    }

    fn update(&self, operation: UpdateOperation, points: usize) -> Result<(), Status> {
        let mut stored = self.shard.write().unwrap();
        stored.shard.update(operation).map_err(engine)?;
        stored.unoptimized += points;
        let bytes = stored.unoptimized * self.dimension * size_of::<f32>();
        if bytes >= self.graph_kb_min * 1024 && stored.unoptimized * 3 >= stored.shard.info().points_count {
            stored.shard.flush();
            stored.shard.optimize().map_err(engine)?;
            stored.unoptimized = 0;
        }
        Ok(())
    }

    pub(super) fn nearest(&self, vector: Vec<f32>, request: &grpc::QueryPoints) -> Result<Vec<(u64, f32)>, Status> {
        let asked = request.params.clone().unwrap_or_default();
        let acorn = asked.acorn.map(|acorn| AcornSearchParams {
            enable: acorn.enable.unwrap_or_default(),
            max_selectivity: acorn.max_selectivity.map(Into::into),
        });
        let params = SearchParams {
            hnsw_ef: asked.hnsw_ef.map(|breadth| breadth as usize),
            exact: asked.exact.unwrap_or_default(),
            acorn,
            ..SearchParams::default()
        };
        let request = QueryRequest {
            prefetches: Vec::new(),
            query: Some(ScoringQuery::Vector(QueryEnum::Nearest(NamedQuery::default_dense(vector)))),
            filter: self.filter(request.filter.as_ref())?,
            score_threshold: None,
            limit: request.limit.unwrap_or(10) as usize,
            offset: 0,
            params: Some(params),
            with_vector: WithVector::Bool(false),
            with_payload: WithPayloadInterface::Bool(false),
        };
        let found = self.shard.read().unwrap().shard.query(request).map_err(engine)?;
        found.into_iter().map(|point| Ok((number(point.id)?, point.score))).collect()
    }

    pub(super) fn count(&self, filter: Option<&grpc::Filter>, exact: bool) -> Result<u64, Status> {
        let request = CountRequest { filter: self.filter(filter)?, exact };
        Ok(self.shard.read().unwrap().shard.count(request).map_err(engine)? as u64)
    }

    /// A page of points in the order of their ids, and where the next one begins.
    pub(super) fn scroll(&self, from: Option<u64>, limit: usize) -> Result<(Vec<u64>, Option<u64>), Status> {
        let request = ScrollRequest {
            offset: from.map(PointId::NumId),
            limit: Some(limit),
            filter: None,
            with_payload: Some(WithPayloadInterface::Bool(false)),
            with_vector: WithVector::Bool(false),
            order_by: None,
        };
        let (page, next) = self.shard.read().unwrap().shard.scroll(request).map_err(engine)?;
        let page = page.into_iter().map(|record| number(record.id)).collect::<Result<_, _>>()?;
        Ok((page, next.map(number).transpose()?))
    }

    /// As strict as a server can be set: a filter over a field without an index is refused.
    fn filter(&self, filter: Option<&grpc::Filter>) -> Result<Option<Filter>, Status> {
        let Some(filter) = filter else { return Ok(None) };
        if !filter.should.is_empty() || !filter.must_not.is_empty() || filter.min_should.is_some() {
            return Err(Status::unimplemented("only must"));
        }
        let must = filter.must.iter().map(|condition| self.condition(condition)).collect::<Result<Vec<_>, _>>()?;
        Ok(Some(Filter { must: Some(must), ..Filter::default() }))
    }

    fn condition(&self, condition: &grpc::Condition) -> Result<Condition, Status> {
        let Some(ConditionOneOf::Field(field)) = &condition.condition_one_of else {
            return Err(Status::unimplemented("only conditions on a field"));
        };
        let Some(MatchValue::Keywords(values)) = field.r#match.as_ref().and_then(|m| m.match_value.as_ref()) else {
            return Err(Status::unimplemented("only any of several keywords"));
        };
        if !self.indexes.lock().unwrap().contains_key(&field.key) {
            let key = &field.key;
            let said =
                format!("Bad request: Index required but not found for \"{key}\" of one of the types: [keyword]");
            return Err(Status::invalid_argument(said));
        }
        let path = field.key.parse().map_err(|()| Status::invalid_argument(field.key.clone()))?;
        Ok(Condition::Field(FieldCondition::new_match(path, Match::from(values.strings.clone()))))
    }
}

/// Payload as the engine keeps it.
pub(super) fn payload(fields: HashMap<String, grpc::Value>) -> Payload {
    Payload(fields.into_iter().map(|(field, value)| (field, json(value))).collect::<Map<_, _>>())
}

fn json(value: grpc::Value) -> Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::DoubleValue(number)) => number.into(),
        Some(Kind::IntegerValue(number)) => number.into(),
        Some(Kind::StringValue(text)) => text.into(),
        Some(Kind::BoolValue(truth)) => truth.into(),
        Some(Kind::StructValue(fields)) => {
            Value::Object(fields.fields.into_iter().map(|(field, inner)| (field, json(inner))).collect())
        }
        Some(Kind::ListValue(values)) => values.values.into_iter().map(json).collect(),
    }
}

fn number(id: PointId) -> Result<u64, Status> {
    match id {
        PointId::NumId(number) => Ok(number),
        PointId::Uuid(_) => Err(Status::unimplemented("only numbers are ids")),
    }
}

fn engine(failed: OperationError) -> Status {
    match failed {
        OperationError::WrongVectorDimension { .. } => Status::invalid_argument(failed.to_string()),
        _ => Status::internal(format!("Service internal error: {failed}")),
    }
}
