//! The nearest points: through the graph first, and by comparing all that pass when the graph does not give enough.

use ::pgvector::Vector;
use sqlx::{AssertSqlSafe, PgConnection};

use super::schema::Schema;
use super::{PgvectorIndex, PgvectorOptions, indexed_facet};
use crate::types::{ChunkId, FacetQuery, LegHit};
use crate::vector::{normalized, sort_hits};

/// How every connection is set.
///
/// - Scans go on until there are enough hits that pass. The order in which they come is `relaxed`: a strict one throws away
///   what is found late, and hits are sorted here anyway.
/// - Each search is planned with its own filter: whether the graph or the facets come first depends on how rare they are.
pub(super) fn session(options: &PgvectorOptions) -> String {
    const EF_SEARCH_MAX: u32 = 1_000;
    format!(
        "set hnsw.ef_search = {}; set hnsw.iterative_scan = relaxed_order; set hnsw.max_scan_tuples = {};
        set plan_cache_mode = force_custom_plan",
        options.ef_search.clamp(1, EF_SEARCH_MAX),
        options.max_scan_tuples.clamp(1, i32::MAX.unsigned_abs()),
    )
}

/// Up to so many points that pass a filter are compared one by one, which takes some ten milliseconds. The graph is for more:
/// where what passes lies elsewhere than the query, it comes upon far points first.
const COMPARED_MAX: i64 = 10_000;

/// `k` is not 0, and no group of the filter is empty.
pub(super) async fn search(
    index: &PgvectorIndex,
    vector: &[f32],
    filter: &FacetQuery,
    k: usize,
) -> Result<Vec<LegHit>, sqlx::Error> {
    let facets = |group: &Vec<String>| group.iter().map(|facet| indexed_facet(facet).into()).collect();
    let query = Query {
        schema: &index.schema,
        groups: filter.groups.iter().map(facets).collect(),
        // Without a direction, nothing is nearer than anything else.
        direction: vector.iter().any(|number| *number != 0.0).then(|| Vector::from(normalized(vector.to_vec()))),
        limit: i64::try_from(k).unwrap_or(i64::MAX),
        passing_min: index.passing_min,
    };
    let mut connection = index.pool.acquire().await?;
    let compares_all =
        !query.groups.is_empty() && query.passing(&mut connection, COMPARED_MAX + 1).await? <= COMPARED_MAX;
    let mut hits = query.run(&mut connection, compares_all).await?;
    if hits.len() < k && !compares_all {
        // A graph may have parts that no way leads to, and a scan of it has its limits.
        hits = query.run(&mut connection, true).await?;
    }
    sort_hits(&mut hits);
    hits.truncate(k);
    Ok(hits)
}

struct Query<'a> {
    schema: &'a Schema,
    groups: Vec<Vec<String>>,
    direction: Option<Vector>,
    limit: i64,
    passing_min: u32,
}

impl Query<'_> {
    /// The filter as a condition; its groups are the parameters after the first.
    fn passes(&self) -> String {
        (2..2 + self.groups.len()).map(|place| format!(" and facets && ${place}")).collect()
    }

    /// How many points pass the filter, counted up to `limit`.
    async fn passing(&self, connection: &mut PgConnection, limit: i64) -> Result<i64, sqlx::Error> {
        let (table, passes) = (&self.schema.table, self.passes());
        let sql = format!("select count(*) from (select 1 from {table} where true{passes} limit $1) counted");
        let mut query = sqlx::query_scalar(AssertSqlSafe(sql)).bind(limit);
        for group in &self.groups {
            query = query.bind(group);
        }
        query.fetch_one(connection).await
    }

    async fn run(&self, connection: &mut PgConnection, compares_all: bool) -> Result<Vec<LegHit>, sqlx::Error> {
        let mut query = sqlx::query_as(AssertSqlSafe(self.statement(compares_all))).bind(self.limit);
        for group in &self.groups {
            query = query.bind(group);
        }
        if let Some(direction) = &self.direction {
            query = query.bind(direction);
        }
        let rows: Vec<(i64, f64)> = query.fetch_all(connection).await?;
        let hit = |(chunk, score): (i64, f64)| LegHit { chunk: ChunkId(chunk.unsigned_abs()), score: score as f32 };
        Ok(rows.into_iter().map(hit).collect())
    }

    /// The limit is the first parameter, then come the groups, and last the direction if there is one.
    fn statement(&self, compares_all: bool) -> String {
        let Schema { table, column, .. } = self.schema;
        let passes = self.passes();
        let scoreless = |rows: &str| {
            format!("select chunk_id, 0.0::float8 from {table} where {rows}{passes} order by chunk_id limit $1")
        };
        if self.direction.is_none() {
            return scoreless("true");
        }
        let distance = format!("embedding <=> ${}::vector::{column}", 2 + self.groups.len());
        // The graph serves an order by the distance itself, and no sum with it.
        let order = if compares_all { format!("({distance}) + 0") } else { distance.clone() };
        let near = if self.groups.is_empty() { "$1".to_owned() } else { format!("greatest($1, {})", self.passing_min) };
        format!(
            "with near as materialized (
                select chunk_id, {distance} as distance from {table}
                where embedding is not null{passes} order by {order} limit {near})
            (select chunk_id, 1 - distance from near order by distance limit $1) union all ({})",
            scoreless("embedding is null"),
        )
    }
}
