//! Qdrant's embedded shard, spoken to in our words; every call blocks, and a panic in the engine becomes an error.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use qdrant_edge::{
    AcornSearchParams, Condition, CountRequest, CreateIndex, DEFAULT_VECTOR_NAME, Distance, EdgeConfig,
    EdgeOptimizersConfig, EdgeShard, EdgeVectorParams, FieldCondition, FieldIndexOperations, Filter, HnswIndexConfig,
    JsonPath, KeywordIndexParams, Match, NamedQuery, OperationError, Payload, PayloadFieldSchema, PayloadSchemaParams,
    PayloadSchemaType, PointId, PointInsertOperations, PointOperations, PointStructPersisted, QueryEnum, QueryRequest,
    ScoringQuery, ScrollRequest, SearchParams, UpdateOperation, VectorStructPersisted, WalOptions,
    WithPayloadInterface, WithVector,
};
use serde_json::{Map, Value};

use super::{VectorError, VectorPoint, normalized, sort_hits};
use crate::types::{ChunkId, FacetQuery, LegHit};

#[derive(Debug, Clone, Copy)]
pub(super) struct ShardOptions {
    pub(super) dimension: usize,
    pub(super) graph_kb_min: usize,
    pub(super) threads: usize,
    /// Size of one part of the log; an operation that is larger gets a larger part.
    pub(super) log_part_bytes: usize,
}

const DOCUMENT: &str = "document";
const FACETS: &str = "facets";
/// Points in one entry of the log: a few megabytes.
const POINTS_PER_OPERATION: usize = 1000;
/// Candidates that a search of a graph keeps: recall@10 is above 0.99 from here on.
const SEARCH_BREADTH: usize = 128;
/// What a filter lets through is compared one by one up to this many bytes of vectors, which is no slower than ACORN: a
/// filter cuts a graph into islands, and a search then misses the nearest one now and then, however broad it is.
const SCAN_BYTES_MAX: usize = 128 << 20;
/// Beyond, where a filter lets through less than this share, a search also looks at neighbours of neighbours (ACORN-1).
const SPARSE_SHARE: f64 = 0.6;
/// From this many wanted hits on it is asked whether they are a large part of all, because walking a graph does not
/// reach every point.
const MANY_HITS: usize = 1000;
const SCROLL_PAGE: usize = 10_000;

#[derive(Debug)]
pub(super) struct Shard {
    shard: EdgeShard,
    options: ShardOptions,
}

impl Shard {
    /// Makes an empty shard at `path`, flushed and closed.
    pub(super) fn create(path: &Path, options: ShardOptions) -> Result<(), VectorError> {
        fs::create_dir_all(path).map_err(|source| VectorError::Io { path: path.to_owned(), source })?;
        guarded(|| {
            let shard = EdgeShard::new(path, config(options))?;
            // Documents are small: links between the points of one would only cost memory.
            let document = KeywordIndexParams { enable_hnsw: Some(false), ..KeywordIndexParams::default() };
            let document = PayloadFieldSchema::FieldParams(PayloadSchemaParams::Keyword(document));
            let facets = PayloadFieldSchema::FieldType(PayloadSchemaType::Keyword);
            for (field, schema) in [(DOCUMENT, document), (FACETS, facets)] {
                let index = CreateIndex { field_name: json_path(field), field_schema: Some(schema) };
                shard.update(UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(index)))?;
            }
            Ok(())
        })
    }

    /// Opens the shard at `path`.
    pub(super) fn open(path: &Path, options: ShardOptions) -> Result<Self, VectorError> {
        let corrupt = |reason: String| VectorError::Corrupt { path: path.to_owned(), reason };
        let stored = match EdgeConfig::load(path) {
            Some(Ok(stored)) => stored,
            Some(Err(broken)) => return Err(corrupt(broken.to_string())),
            None => return Err(corrupt("its configuration is missing".to_owned())),
        };
        let found =
            stored.vectors.get(DEFAULT_VECTOR_NAME).ok_or_else(|| corrupt("it has no vectors".to_owned()))?.size;
        if found != options.dimension {
            return Err(VectorError::Dimension { expected: found, found: options.dimension });
        }
        remove_leftovers(path).map_err(|source| VectorError::Io { path: path.to_owned(), source })?;
        let shard =
            guarded(|| EdgeShard::load(path, Some(config(options)))).map_err(|broken| corrupt(broken.to_string()))?;
        Ok(Self { shard, options })
    }

    /// Flushes and closes. Dropping would do so too, and panic where this gives an error.
    pub(super) fn close(self) -> Result<(), VectorError> {
        let shard = self.shard;
        guarded(|| {
            drop(shard);
            Ok(())
        })
    }

    pub(super) fn upsert(&self, points: Vec<VectorPoint>) -> Result<(), VectorError> {
        let mut points = points.into_iter().map(persisted).peekable();
        while points.peek().is_some() {
            let batch = points.by_ref().take(POINTS_PER_OPERATION).collect();
            let operation = PointOperations::UpsertPoints(PointInsertOperations::PointsList(batch));
            guarded(|| self.shard.update(UpdateOperation::PointOperation(operation)))?;
        }
        Ok(())
    }

    /// Removes the points of these documents and says about how many there were.
    pub(super) fn delete(&self, documents: Vec<String>) -> Result<usize, VectorError> {
        if documents.is_empty() {
            return Ok(0);
        }
        let before = self.shard.info().points_count;
        let filter = Filter::new_must(any_of(DOCUMENT, documents));
        let operation = PointOperations::DeletePointsByFilter(filter);
        guarded(|| self.shard.update(UpdateOperation::PointOperation(operation)))?;
        Ok(before.saturating_sub(self.shard.info().points_count))
    }

    pub(super) fn flush(&self) -> Result<(), VectorError> {
        guarded(|| {
            self.shard.flush();
            Ok(())
        })
    }

    /// Points that no graph covers.
    pub(super) fn unindexed(&self) -> usize {
        let info = self.shard.info();
        info.points_count.saturating_sub(info.indexed_vectors_count)
    }

    /// How many changed points are worth an optimisation: as many as the engine would build a graph for, and a part of
    /// all, so that loading many points builds few graphs.
    pub(super) fn optimize_from(&self) -> usize {
        let smallest = self.options.graph_kb_min * 1024 / (self.options.dimension * size_of::<f32>()).max(1);
        smallest.max(self.shard.info().points_count / 5)
    }

    /// Builds graphs over large unindexed segments, merges small segments, and sweeps deleted points.
    pub(super) fn optimize(&self) -> Result<(), VectorError> {
        guarded(|| self.shard.optimize()).map(drop)
    }

    pub(super) fn search(&self, vector: Vec<f32>, filter: &FacetQuery, k: usize) -> Result<Vec<LegHit>, VectorError> {
        let breadth = SEARCH_BREADTH.max(k.saturating_mul(2));
        let acorn = AcornSearchParams { enable: !filter.is_empty(), max_selectivity: Some(SPARSE_SHARE.into()) };
        let passing = facet_filter(filter);
        let exact = self.is_scanned(passing.as_ref(), k)?;
        let request = QueryRequest {
            prefetches: Vec::new(),
            query: Some(ScoringQuery::Vector(QueryEnum::Nearest(NamedQuery::default_dense(normalized(vector))))),
            filter: passing,
            score_threshold: None,
            limit: k,
            offset: 0,
            params: Some(SearchParams { hnsw_ef: Some(breadth), exact, acorn: Some(acorn), ..SearchParams::default() }),
            with_vector: WithVector::Bool(false),
            with_payload: WithPayloadInterface::Bool(false),
        };
        let found = guarded(|| self.shard.query(request))?;
        let hit = |(id, score)| Ok(LegHit { chunk: chunk_of(id)?, score });
        let mut hits = found.into_iter().map(|point| hit((point.id, point.score))).collect::<Result<Vec<_>, _>>()?;
        sort_hits(&mut hits);
        Ok(hits)
    }

    /// Whether every point that passes is compared, instead of walking a graph.
    fn is_scanned(&self, passing: Option<&Filter>, k: usize) -> Result<bool, VectorError> {
        if passing.is_none() && k < MANY_HITS {
            return Ok(false);
        }
        let points = guarded(|| self.shard.count(CountRequest { filter: passing.cloned(), exact: false }))?;
        let bytes = points.saturating_mul(self.options.dimension * size_of::<f32>());
        Ok(k >= points / 4 || (passing.is_some() && bytes <= SCAN_BYTES_MAX))
    }

    pub(super) fn count(&self) -> Result<u64, VectorError> {
        // Without a filter the estimate is the number of points that are not deleted, and costs no walk over them.
        let counted = guarded(|| self.shard.count(CountRequest { filter: None, exact: false }))?;
        Ok(counted as u64)
    }

    pub(super) fn chunk_ids(&self) -> Result<Vec<ChunkId>, VectorError> {
        let mut chunks = Vec::new();
        let mut offset = None;
        loop {
            let request = ScrollRequest {
                offset,
                limit: Some(SCROLL_PAGE),
                filter: None,
                with_payload: Some(WithPayloadInterface::Bool(false)),
                with_vector: WithVector::Bool(false),
                order_by: None,
            };
            let (page, next) = guarded(|| self.shard.scroll(request))?;
            for record in page {
                chunks.push(chunk_of(record.id)?);
            }
            match next {
                Some(next) => offset = Some(next),
                None => return Ok(chunks),
            }
        }
    }

    pub(super) fn held(&self, chunks: &[ChunkId]) -> Result<Vec<ChunkId>, VectorError> {
        let ids: Vec<PointId> = chunks.iter().map(|chunk| PointId::NumId(chunk.0)).collect();
        let nothing_else = (Some(WithPayloadInterface::Bool(false)), Some(WithVector::Bool(false)));
        let held = guarded(|| self.shard.retrieve(&ids, nothing_else.0, nothing_else.1))?;
        held.into_iter().map(|record| chunk_of(record.id)).collect()
    }

    /// Bytes of log that nothing will read again.
    pub(super) fn closed_log_bytes(&self) -> u64 {
        let parts = closed_log_parts(self.shard.path()).unwrap_or_default();
        parts.iter().filter_map(|(_, path)| fs::metadata(path).ok()).map(|part| part.len()).sum()
    }
}

fn config(options: ShardOptions) -> EdgeConfig {
    let graph = HnswIndexConfig {
        m: 16,
        ef_construct: 128,
        full_scan_threshold: options.graph_kb_min,
        max_indexing_threads: options.threads,
        ..HnswIndexConfig::default()
    };
    let optimizers = EdgeOptimizersConfig {
        default_segment_number: Some(2),
        indexing_threshold: Some(options.graph_kb_min),
        ..EdgeOptimizersConfig::default()
    };
    EdgeConfig::builder()
        .vector(DEFAULT_VECTOR_NAME, EdgeVectorParams::builder(options.dimension, Distance::Cosine).build())
        .on_disk_payload(true)
        .hnsw_config(graph)
        .optimizers(optimizers)
        .wal_options(WalOptions { segment_capacity: options.log_part_bytes, ..WalOptions::default() })
        .build()
}

fn json_path(field: &str) -> JsonPath {
    field.parse().expect("a lower-case word is a path")
}

fn any_of(field: &str, values: Vec<String>) -> Condition {
    Condition::Field(FieldCondition::new_match(json_path(field), Match::from(values)))
}

fn facet_filter(filter: &FacetQuery) -> Option<Filter> {
    let must: Vec<_> = filter.groups.iter().map(|group| any_of(FACETS, group.clone())).collect();
    (!must.is_empty()).then(|| Filter { must: Some(must), ..Filter::default() })
}

fn persisted(point: VectorPoint) -> PointStructPersisted {
    let facets = point.facets.iter().map(|facet| Value::String(facet.clone())).collect();
    let payload = Map::from_iter([
        (DOCUMENT.to_owned(), Value::String(point.document.to_string())),
        (FACETS.to_owned(), Value::Array(facets)),
    ]);
    PointStructPersisted {
        id: PointId::NumId(point.chunk.0),
        vector: VectorStructPersisted::Single(normalized(point.vector)),
        payload: Some(Payload(payload)),
    }
}

fn chunk_of(id: PointId) -> Result<ChunkId, VectorError> {
    match id {
        PointId::NumId(number) => Ok(ChunkId(number)),
        PointId::Uuid(other) => Err(VectorError::Engine(format!("point {other} is no chunk"))),
    }
}

/// Removes what the engine leaves behind: half-built segments of a process that was killed, and log that is never read.
fn remove_leftovers(path: &Path) -> std::io::Result<()> {
    let half_built = path.join("temp_segments");
    if half_built.exists() {
        fs::remove_dir_all(half_built)?;
    }
    let mut parts = closed_log_parts(path)?;
    // The newest closed part says at which number the open one begins.
    parts.pop();
    parts.into_iter().try_for_each(|(_, part)| fs::remove_file(part))
}

/// The closed parts of the log, oldest first.
fn closed_log_parts(path: &Path) -> std::io::Result<Vec<(u64, std::path::PathBuf)>> {
    let mut parts = Vec::new();
    for entry in fs::read_dir(path.join("wal"))? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("closed-")).and_then(|start| start.parse().ok());
        parts.extend(number.map(|number: u64| (number, entry.path())));
    }
    parts.sort_unstable();
    Ok(parts)
}

/// Runs the engine; it panics where it means an error, in `flush` above all.
fn guarded<R>(work: impl FnOnce() -> Result<R, OperationError>) -> Result<R, VectorError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(OperationError::WrongVectorDimension { expected_dim, received_dim })) => {
            Err(VectorError::Dimension { expected: expected_dim, found: received_dim })
        }
        Ok(Err(failed)) => Err(engine_error(&failed.to_string())),
        Err(panic) => {
            let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(engine_error(&said.unwrap_or_else(|| "it panicked".to_owned())))
        }
    }
}

/// The engine's words without the trace that it adds to them.
fn engine_error(said: &str) -> VectorError {
    const CHARS_MAX: usize = 300;
    // The engine turns errors of the file system into text; errno 28 is ENOSPC.
    if said.contains("os error 28") {
        return VectorError::DiskFull;
    }
    let first = said.split(", backtrace:").next().unwrap_or(said).lines().next().unwrap_or_default();
    VectorError::Engine(first.chars().take(CHARS_MAX).collect())
}
