//! The suite on pgvector, and what only a database can refuse. That the truth writes it is a promise of `src/tests`.

use std::time::Instant;

use futures::future::join_all;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::{PgvectorIndex, PgvectorOptions, PgvectorStorage, indexed_facet, schema};
use crate::database::{self, TestDatabase};
use crate::types::FacetQuery;
use crate::vector::conformance::{self, DIMENSION, Seeded, clustered, found, point, recall_at_10};
use crate::vector::{ExactIndex, VectorError, VectorIndex};

async fn run(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// A database with the truth's tables, empty.
async fn truth() -> TestDatabase {
    let database = TestDatabase::new().await;
    migrate(database.url()).await;
    database
}

async fn migrate(url: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::migrate!("migrations/postgres").run(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn opened(database: &TestDatabase, dimension: usize) -> PgvectorIndex {
    PgvectorIndex::open(PgvectorOptions::new(database.url(), 1, dimension)).await.unwrap()
}

#[tokio::test]
async fn the_pgvector_index_conforms() {
    let database = truth().await;
    let index = opened(&database, DIMENSION).await;
    conformance::check(&index).await;
    index.close().await;
}

const POINTS: u64 = 20_000;
const WIDTH: usize = 32;

async fn finds_what_the_oracle_finds(storage: PgvectorStorage) {
    let database = truth().await;
    let options = PgvectorOptions { storage, ..PgvectorOptions::new(database.url(), 1, WIDTH) };
    let index = PgvectorIndex::open(options).await.unwrap();
    let oracle = ExactIndex::new(WIDTH);
    let points = clustered(POINTS, 50, WIDTH);
    let mut random = Seeded(5);
    let mut near_a_point = || {
        let place = random.below(POINTS) as usize;
        random.near(&points[place].vector, 0.3)
    };
    let queries: Vec<_> = (0..100).map(|_| near_a_point()).collect();
    let writing = Instant::now();
    for batch in points.chunks(5_000) {
        index.upsert(batch.to_vec()).await.unwrap();
        oracle.upsert(batch.to_vec()).await.unwrap();
    }
    index.flush().await.unwrap();
    eprintln!("written in {:?}", writing.elapsed());
    let filters = ["2:1", "3:1", "50:7"].map(|facet| FacetQuery { groups: vec![vec![facet.to_owned()]] });
    // More pass than are compared one by one.
    let most = FacetQuery { groups: vec![vec!["3:0".to_owned(), "3:1".to_owned()]] };
    for filter in [FacetQuery::default(), most].into_iter().chain(filters.clone()) {
        let begun = Instant::now();
        let recall = recall_at_10(&index, &oracle, &queries, &filter).await;
        eprintln!("recall {recall} {filter:?} in {:?}", begun.elapsed());
        assert!(recall >= 0.99, "{recall} {filter:?}");
    }
    // More than a search looks at, at first; and all that there are.
    for (filter, k) in [(&FacetQuery::default(), 700), (&filters[0], 700), (&filters[2], 400), (&filters[0], 9_999)] {
        assert_eq!(found(&index, &queries[0], filter, k).await.len(), k, "{filter:?}");
    }
    assert_eq!(found(&index, &queries[0], &filters[2], 500).await, found(&oracle, &queries[0], &filters[2], 500).await);
    index.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pgvector_index_finds_what_the_oracle_finds() {
    finds_what_the_oracle_finds(PgvectorStorage::Vector).await;
}

#[tokio::test]
async fn an_index_is_opened_again_and_by_several_at_once() {
    let database = truth().await;
    let open = || PgvectorIndex::open(PgvectorOptions::new(database.url(), 1, DIMENSION));
    let indexes = join_all([open(), open(), open()]).await;
    let first = indexes[0].as_ref().unwrap();
    first.upsert(vec![point(7, 1, &["c:a"], vec![1.0; DIMENSION])]).await.unwrap();
    for index in indexes.iter().map(|index| index.as_ref().unwrap()) {
        assert_eq!(found(index, &[1.0; DIMENSION], &FacetQuery::default(), 9).await, [7]);
    }
    assert_eq!(open().await.unwrap().count().await.unwrap(), 1);
    let other = PgvectorIndex::open(PgvectorOptions::new(database.url(), 1, DIMENSION + 1)).await;
    assert!(matches!(other, Err(VectorError::Dimension { expected: DIMENSION, .. })));
    let beside = PgvectorIndex::open(PgvectorOptions::new(database.url(), 2, DIMENSION + 1)).await.unwrap();
    assert_eq!(beside.count().await.unwrap(), 0, "a generation has a table of its own");
    beside.discard().await.unwrap();
    beside.discard().await.unwrap();
    assert!(matches!(beside.count().await, Err(VectorError::Engine(_))));
    assert_eq!(first.count().await.unwrap(), 1);
    let storage = PgvectorStorage::Halfvec;
    let half = PgvectorOptions { storage, ..PgvectorOptions::new(database.url(), 1, DIMENSION) };
    let half = PgvectorIndex::open(half).await.unwrap();
    assert_eq!(half.count().await.unwrap(), 0, "another storage is filled from the truth, which is empty");
    half.upsert(vec![point(7, 1, &[], vec![1.0; DIMENSION]), point(8, 1, &[], vec![0.0; DIMENSION])]).await.unwrap();
    assert_eq!(found(&half, &[1.0; DIMENSION], &FacetQuery::default(), 9).await, [7, 8]);
    half.rebuild().await.unwrap();
    assert_eq!(half.count().await.unwrap(), 0);
}

#[tokio::test]
async fn facets_of_any_length_and_character_are_matched() {
    let database = truth().await;
    let index = opened(&database, DIMENSION).await;
    let long = "k".repeat(9_000);
    let points = [long.as_str(), "a\0b", "{\"'\\,}"].into_iter().zip(1_u64..);
    let points = points.map(|(facet, chunk)| point(chunk, chunk, &[facet], vec![1.0; DIMENSION])).collect();
    index.upsert(points).await.unwrap();
    for (facet, expected) in [(long.as_str(), vec![1]), ("a\0b", vec![2]), ("{\"'\\,}", vec![3]), ("k", vec![])] {
        let filter = FacetQuery { groups: vec![vec![facet.to_owned()]] };
        assert_eq!(found(&index, &[1.0; DIMENSION], &filter, 9).await, expected);
    }
    // The triggers make the same of long ones.
    assert_eq!(indexed_facet(&"x".repeat(256)), "x".repeat(256));
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    let sql = "select '#' || encode(sha256(convert_to(repeat('한', 100), 'UTF8')), 'hex')";
    let theirs: String = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
    assert_eq!(indexed_facet(&"한".repeat(100)), theirs);
}

async fn refused(options: PgvectorOptions) -> VectorError {
    let error = PgvectorIndex::open(options).await.unwrap_err();
    let said = error.to_string();
    assert!(!said.contains("secret") && !said.contains('\n') && !said.ends_with('.'), "{said}");
    error
}

#[tokio::test]
async fn what_cannot_be_opened_says_what_to_do() {
    let restricted = TestDatabase::restricted().await;
    migrate(restricted.url()).await;
    let options = PgvectorOptions::new(restricted.url(), 1, DIMENSION);
    let error = refused(options.clone()).await;
    assert!(matches!(error, VectorError::MissingExtension { .. }), "{error}");
    assert!(error.to_string().contains("`create extension vector`"));
    run(&restricted.superuser_url(), "create extension vector").await;
    conformance::check(&PgvectorIndex::open(options).await.unwrap()).await;

    let database = truth().await;
    for (dimension, storage, said) in [
        (2_001, PgvectorStorage::Vector, "halfvec"),
        (4_001, PgvectorStorage::Halfvec, "1 to 4000"),
        (0, PgvectorStorage::Vector, "0 dimensions"),
    ] {
        let wide = refused(PgvectorOptions { storage, ..PgvectorOptions::new(database.url(), 1, dimension) }).await;
        assert!(matches!(wide, VectorError::Unsupported { .. }) && wide.to_string().contains(said), "{wide}");
    }
    let absent = refused(PgvectorOptions::new("postgres://u:secret@127.0.0.1:1/x", 1, DIMENSION)).await;
    assert!(matches!(absent, VectorError::Unavailable { .. }), "{absent}");
    let stranger = refused(PgvectorOptions::new(&database::server_url_with("ibid", "secret"), 1, DIMENSION)).await;
    assert!(matches!(stranger, VectorError::Engine(_)), "{stranger}");
    let shown = format!("{:?}", PgvectorOptions::new("postgres://u:secret@127.0.0.1:1/x", 1, DIMENSION));
    assert!(shown.contains("127.0.0.1:1/x") && !shown.contains("secret"), "{shown}");
}

#[test]
fn versions_without_iterative_scans_are_old() {
    for (version, old) in
        [("0.7.4", true), ("0.8.0", false), ("0.8", false), ("0.10.1", false), ("1.0", false), ("", true)]
    {
        assert_eq!(schema::is_old(version), old, "{version}");
    }
}

#[tokio::test]
async fn a_cut_connection_is_said_and_made_again() {
    let database = truth().await;
    let index = opened(&database, DIMENSION).await;
    let cut = "select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()";
    run(database.url(), cut).await;
    loop {
        match index.upsert(vec![point(1, 1, &[], vec![1.0; DIMENSION])]).await {
            Ok(()) => break,
            Err(error) => assert!(matches!(error, VectorError::Unavailable { .. }), "{error}"),
        }
    }
    assert_eq!(index.count().await.unwrap(), 1);
}
