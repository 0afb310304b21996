//! Vectors beside the truth, in the same Postgres: pgvector's HNSW, written in the truth's own transactions.
//!
//! A generation has a table of its own. Triggers on the truth's tables write to it: a document's rows come when it is
//! marked as embedded, take new facets with it, and go with its chunks. So this view cannot lag, and whoever reads it reads
//! what was committed. The truth knows nothing of it.

mod schema;
mod search;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::pgvector::Vector;
use async_trait::async_trait;
use sha2::{Digest, Sha256};
use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions};

use self::schema::Schema;
use super::{VectorError, VectorIndex, VectorOwner, VectorPoint, check_points, check_vector, normalized};
use crate::types::{ChunkId, DocumentId, FacetQuery, LegHit};

/// How long a call waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// Points that are written in a statement.
const POINTS_IN_A_STATEMENT: usize = 2_000;

/// How a number of a vector is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PgvectorStorage {
    /// In 4 bytes; up to 2,000 dimensions.
    Vector,
    /// In 2 bytes: half the memory, and hardly any recall less; up to 4,000 dimensions.
    Halfvec,
}

/// Where an index is, and how it is built and searched.
#[derive(Clone)]
pub struct PgvectorOptions {
    /// The truth's database: `postgres://user:password@host:port/name`.
    pub url: String,
    /// The generation whose vectors it holds.
    pub generation: u32,
    /// Numbers in a vector.
    pub dimension: usize,
    /// How a number is stored.
    pub storage: PgvectorStorage,
    /// Neighbours of a point in the graph.
    pub m: u32,
    /// Candidates that are looked at when a point is added to the graph.
    pub ef_construction: u32,
    /// Candidates that a search looks at, at first: 1 to 1,000.
    pub ef_search: u32,
    /// Points that a filtered search visits in the graph before it compares all that pass.
    pub max_scan_tuples: u32,
    /// Connections at the same time, beside the truth's.
    pub connections_max: u32,
}

impl PgvectorOptions {
    /// A graph of pgvector's own width with twice its care, and searches that look at 100 candidates at first.
    pub fn new(url: &str, generation: u32, dimension: usize) -> Self {
        Self {
            url: url.to_owned(),
            generation,
            dimension,
            storage: PgvectorStorage::Vector,
            m: 16,
            ef_construction: 128,
            ef_search: 100,
            max_scan_tuples: 20_000,
            connections_max: 8,
        }
    }
}

impl fmt::Debug for PgvectorOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgvectorOptions")
            .field("place", &connect_options(&self.url).map_or_else(|_| String::new(), |options| place_of(&options)))
            .field("generation", &self.generation)
            .field("dimension", &self.dimension)
            .field("storage", &self.storage)
            .field("m", &self.m)
            .field("ef_construction", &self.ef_construction)
            .field("ef_search", &self.ef_search)
            .field("max_scan_tuples", &self.max_scan_tuples)
            .field("connections_max", &self.connections_max)
            .finish()
    }
}

/// An index in the truth's database.
#[derive(Debug)]
pub struct PgvectorIndex {
    place: String,
    schema: Schema,
    pool: PgPool,
    /// How many points that pass a filter the graph has to give, before the best of them are taken.
    passing_min: u32,
    /// Whether much was written since the planner last counted.
    uncounted: AtomicBool,
}

impl PgvectorIndex {
    /// Opens the index of a generation. When it is not there, it is made, filled from the truth, and tied to it by triggers;
    /// meanwhile writers of the truth wait.
    ///
    /// # Errors
    /// [`VectorError::MissingExtension`]; [`VectorError::Unsupported`] for an old pgvector or too many dimensions;
    /// [`VectorError::Dimension`] when it holds vectors of another length; [`VectorError::Unavailable`].
    pub async fn open(options: PgvectorOptions) -> Result<Self, VectorError> {
        let connect = connect_options(&options.url)?;
        let index = Self {
            place: place_of(&connect),
            schema: Schema::of(&options),
            pool: pool(&options, connect),
            passing_min: options.ef_search,
            uncounted: AtomicBool::new(false),
        };
        let unsupported = |reason: String| VectorError::Unsupported { place: index.place.clone(), reason };
        index.schema.check_dimension().map_err(unsupported)?;
        index.ensure_extension().await?;
        index.install(false).await?;
        Ok(index)
    }

    /// Closes the connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn ensure_extension(&self) -> Result<(), VectorError> {
        const DUPLICATE_OBJECT: &str = "42710";
        const UNIQUE_VIOLATION: &str = "23505";
        const INSUFFICIENT_PRIVILEGE: &str = "42501";
        let unsupported = |reason: String| VectorError::Unsupported { place: self.place.clone(), reason };
        if self.extension_version().await?.is_none() {
            let created = sqlx::query("create extension if not exists vector").execute(&self.pool).await;
            match created.as_ref().map_err(sql_state) {
                // Another process creates it at this moment.
                Ok(_) | Err(Some(DUPLICATE_OBJECT | UNIQUE_VIOLATION)) => {}
                Err(Some(INSUFFICIENT_PRIVILEGE)) => {
                    return Err(VectorError::MissingExtension { place: self.place.clone() });
                }
                // The server does not know the extension.
                Err(Some("0A000" | "58P01" | "22023")) => {
                    return Err(unsupported("pgvector is not installed on the database server".to_owned()));
                }
                Err(_) => return created.map(drop).map_err(|error| self.error(error)),
            }
        }
        let version = self.extension_version().await?.unwrap_or_default();
        if schema::is_old(&version) {
            let reason =
                format!("pgvector {version} is older than 0.8; update it, then run `alter extension vector update`");
            return Err(unsupported(reason));
        }
        Ok(())
    }

    async fn extension_version(&self) -> Result<Option<String>, VectorError> {
        let query = sqlx::query_scalar("select extversion from pg_extension where extname = 'vector'");
        query.fetch_optional(&self.pool).await.map_err(|error| self.error(error))
    }

    /// Makes the table when it is not there, or in any case when it is to be made `anew`.
    async fn install(&self, anew: bool) -> Result<(), VectorError> {
        let mut tx = self.pool.begin().await.map_err(|error| self.error(error))?;
        let installed = self.schema.installed(&mut tx).await.map_err(|error| self.error(error))?;
        if let Some(found) = installed.as_ref().filter(|found| found.dimension != self.schema.dimension) {
            return Err(VectorError::Dimension { expected: found.dimension, found: self.schema.dimension });
        }
        if !anew && installed.is_some_and(|found| found.is_current(&self.schema)) {
            return Ok(());
        }
        let lock = AssertSqlSafe(self.schema.lock_truth());
        sqlx::raw_sql(lock).execute(&mut *tx).await.map_err(|error| self.error(error))?;
        // Another process may have made it while this one waited.
        let meanwhile = self.schema.installed(&mut tx).await.map_err(|error| self.error(error))?;
        if !anew && meanwhile.is_some_and(|found| found.is_current(&self.schema)) {
            return Ok(());
        }
        let build = AssertSqlSafe(self.schema.build());
        sqlx::raw_sql(build).execute(&mut *tx).await.map_err(|error| self.error(error))?;
        tx.commit().await.map_err(|error| self.error(error))?;
        self.count_anew().await
    }

    /// Lets the planner know how common each facet is.
    async fn count_anew(&self) -> Result<(), VectorError> {
        let sql = AssertSqlSafe(format!("analyze {}", self.schema.table));
        sqlx::query(sql).execute(&self.pool).await.map_err(|error| self.error(error))?;
        Ok(())
    }

    async fn upsert_part(&self, points: &[VectorPoint]) -> Result<(), VectorError> {
        let chunks: Vec<i64> = points.iter().map(|point| number(point.chunk)).collect();
        let documents: Vec<&[u8]> = points.iter().map(|point| point.document.as_bytes()).collect();
        let facets: Vec<String> = points.iter().map(facets_column).collect();
        let vectors: Vec<Option<Vector>> = points.iter().map(vector_column).collect();
        let sql = format!(
            "insert into {} (chunk_id, document_id, facets, embedding)
            select chunk, document, array(select json_array_elements_text(facets::json)), vector::{}
            from unnest($1::bigint[], $2::bytea[], $3::text[], $4::vector[]) as new (chunk, document, facets, vector)
            on conflict (chunk_id) do update set document_id = excluded.document_id, facets = excluded.facets,
                embedding = excluded.embedding",
            self.schema.table, self.schema.column
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(chunks).bind(documents).bind(facets).bind(vectors);
        query.execute(&self.pool).await.map_err(|error| self.error(error))?;
        Ok(())
    }

    fn error(&self, error: sqlx::Error) -> VectorError {
        let unavailable = |reason: String| VectorError::Unavailable { place: self.place.clone(), reason };
        match (sql_state(&error), &error) {
            (Some("53100"), _) => VectorError::DiskFull,
            (Some(state), _) if state.starts_with("57P0") || state.starts_with("08") || state == "53300" => {
                unavailable(said(&error))
            }
            (None, sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed) => unavailable(said(&error)),
            (None, sqlx::Error::PoolTimedOut) => {
                unavailable(format!("no free connection within {} seconds", ACQUIRE_TIMEOUT.as_secs()))
            }
            _ => VectorError::Engine(said(&error)),
        }
    }
}

#[async_trait]
impl VectorIndex for PgvectorIndex {
    async fn upsert(&self, points: Vec<VectorPoint>) -> Result<(), VectorError> {
        check_points(&points, self.schema.dimension)?;
        // A statement must not write a row twice; the later of two counts.
        let last: BTreeMap<ChunkId, VectorPoint> = points.into_iter().map(|point| (point.chunk, point)).collect();
        let last: Vec<VectorPoint> = last.into_values().collect();
        for part in last.chunks(POINTS_IN_A_STATEMENT) {
            self.upsert_part(part).await?;
            self.uncounted.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn delete_documents(&self, documents: &[DocumentId]) -> Result<(), VectorError> {
        let ids: Vec<&[u8]> = documents.iter().map(DocumentId::as_bytes).collect();
        let sql = AssertSqlSafe(format!("delete from {} where document_id = any($1)", self.schema.table));
        sqlx::query(sql).bind(ids).execute(&self.pool).await.map_err(|error| self.error(error))?;
        Ok(())
    }

    /// Every write is durable when it returns.
    async fn flush(&self) -> Result<(), VectorError> {
        if self.uncounted.swap(false, Ordering::Relaxed) { self.count_anew().await } else { Ok(()) }
    }

    async fn search(&self, vector: &[f32], filter: &FacetQuery, k: usize) -> Result<Vec<LegHit>, VectorError> {
        check_vector(vector, self.schema.dimension, VectorOwner::Query)?;
        let nothing_passes = filter.groups.iter().any(Vec::is_empty);
        if k == 0 || nothing_passes {
            return Ok(Vec::new());
        }
        search::search(self, vector, filter, k).await.map_err(|error| self.error(error))
    }

    async fn count(&self) -> Result<u64, VectorError> {
        let sql = AssertSqlSafe(format!("select count(*) from {}", self.schema.table));
        let count: i64 = sqlx::query_scalar(sql).fetch_one(&self.pool).await.map_err(|error| self.error(error))?;
        Ok(count.unsigned_abs())
    }

    async fn chunk_ids(&self) -> Result<Vec<ChunkId>, VectorError> {
        let sql = AssertSqlSafe(format!("select chunk_id from {} order by chunk_id", self.schema.table));
        let ids: Vec<i64> = sqlx::query_scalar(sql).fetch_all(&self.pool).await.map_err(|error| self.error(error))?;
        Ok(ids.into_iter().map(|id| ChunkId(id.unsigned_abs())).collect())
    }

    async fn held(&self, chunks: &[ChunkId]) -> Result<Vec<ChunkId>, VectorError> {
        let sql = AssertSqlSafe(format!("select chunk_id from {} where chunk_id = any($1)", self.schema.table));
        let wanted: Vec<i64> = chunks.iter().filter_map(|chunk| i64::try_from(chunk.0).ok()).collect();
        let ids: Vec<i64> =
            sqlx::query_scalar(sql).bind(wanted).fetch_all(&self.pool).await.map_err(|error| self.error(error))?;
        Ok(ids.into_iter().map(|id| ChunkId(id.unsigned_abs())).collect())
    }

    async fn clear(&self) -> Result<(), VectorError> {
        let sql = AssertSqlSafe(format!("truncate {}", self.schema.table));
        sqlx::query(sql).execute(&self.pool).await.map_err(|error| self.error(error))?;
        Ok(())
    }

    async fn discard(&self) -> Result<(), VectorError> {
        let mut tx = self.pool.begin().await.map_err(|error| self.error(error))?;
        let sql = self.schema.drop_all();
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await.map_err(|error| self.error(error))?;
        tx.commit().await.map_err(|error| self.error(error))
    }

    async fn rebuild(&self) -> Result<(), VectorError> {
        self.install(true).await
    }
}

fn connect_options(url: &str) -> Result<PgConnectOptions, VectorError> {
    // The parser's error may repeat parts of the URL.
    let parsed = PgConnectOptions::from_str(url).map_err(|_| VectorError::Unsupported {
        place: "the database".to_owned(),
        reason: "its URL cannot be read".to_owned(),
    })?;
    Ok(parsed.application_name("ibid vectors").disable_statement_logging())
}

fn place_of(options: &PgConnectOptions) -> String {
    let host = options.get_socket().map_or_else(|| options.get_host().to_owned(), |path| path.display().to_string());
    let name = options.get_database().unwrap_or(options.get_username());
    format!("postgres://{host}:{}/{name}", options.get_port())
}

fn pool(options: &PgvectorOptions, connect: PgConnectOptions) -> PgPool {
    let set = search::session(options);
    PgPoolOptions::new()
        .max_connections(options.connections_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(move |connection, _| {
            let set = set.clone();
            Box::pin(async move { sqlx::raw_sql(AssertSqlSafe(set)).execute(connection).await.map(drop) })
        })
        .connect_lazy_with(connect)
}

fn sql_state(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error()?.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::code)
}

fn said(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| error.to_string(), |database| database.message().to_owned())
}

fn number(chunk: ChunkId) -> i64 {
    i64::try_from(chunk.0).unwrap_or(i64::MAX)
}

/// Length one, or nothing for a vector without a direction.
fn vector_column(point: &VectorPoint) -> Option<Vector> {
    point.vector.iter().any(|number| *number != 0.0).then(|| Vector::from(normalized(point.vector.clone())))
}

fn facets_column(point: &VectorPoint) -> String {
    let facets: Vec<Cow<'_, str>> = point.facets.iter().map(|facet| indexed_facet(facet)).collect();
    serde_json::to_string(&facets).expect("lists of text always serialise")
}

/// An index of this database holds no entry over 2,704 bytes, and no text with the character NUL: long facets stand there
/// as their digest. The triggers do the same to the truth's.
const FACET_BYTES_MAX: usize = 256;

fn indexed_facet(facet: &str) -> Cow<'_, str> {
    let facet = if facet.contains('\0') { Cow::Owned(facet.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(facet) };
    if facet.len() <= FACET_BYTES_MAX {
        return facet;
    }
    let digest = Sha256::digest(facet.as_bytes());
    Cow::Owned(digest.iter().fold("#".to_owned(), |text, byte| text + &format!("{byte:02x}")))
}
