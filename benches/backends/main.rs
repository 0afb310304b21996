//! What the databases and engines at scale cost beside the embedded ones, because the same program serves both.
//!
//! The same documents, with vectors that are there before them, are written to each pair of database and engine and followed
//! into its views; then the same questions go to all pairs, one after the other in a rotating order, through the whole
//! hybrid search. It needs Postgres: `cargo xtask run -- cargo bench --bench backends -- 10000`. Qdrant is the server of the
//! tests, which speaks Qdrant's protocol over its engine in this process, unless `QDRANT_URL` names a real one.

#[path = "../fixture/mod.rs"]
mod fixture;
#[path = "../../src/tests/qdrant_peer/mod.rs"]
mod qdrant_peer;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use ibid::generations::VectorFollower;
use ibid::store::{PostgresOptions, PostgresStore, SqliteStore, Store};
use ibid::vector::{EdgeIndex, EdgeOptions, PgvectorIndex, PgvectorOptions, QdrantIndex, QdrantOptions, VectorIndex};
use sqlx::Connection;

use fixture::library::{DIMENSIONS, Library, Place};
use fixture::timing::{Times, median};
use qdrant_peer::QdrantPeer;

const K: usize = 10;
const ROUNDS: usize = 4;
const CHUNKS: usize = 10_000;

/// One database with one engine.
struct Pair {
    name: &'static str,
    library: Library,
    times: Times,
}

fn main() -> anyhow::Result<()> {
    let asked = std::env::args().find_map(|argument| argument.parse().ok());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let place = tempfile::tempdir()?;
    let peer = QdrantPeer::start();
    let mut pairs = runtime.block_on(build(place.path(), &peer, asked.unwrap_or(CHUNKS)))?;
    for round in 0..ROUNDS {
        let count = pairs[0].library.queries.len();
        for number in 0..count {
            for turn in 0..pairs.len() {
                let at = (turn + number + round) % pairs.len();
                let pair = &mut pairs[at];
                let query = &pair.library.queries[number];
                let found = pair.times.of(|| runtime.block_on(pair.library.hybrid(query, K)))?;
                anyhow::ensure!(!found.is_empty(), "{} finds nothing for question {number}", pair.name);
            }
        }
    }
    report(&pairs);
    Ok(())
}

/// The embedded pair first: the others are compared with it.
async fn build(place: &Path, peer: &QdrantPeer, chunks: usize) -> anyhow::Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    for name in ["sqlite + edge", "postgres + pgvector", "postgres + qdrant", "sqlite + qdrant"] {
        let folder = place.join(name.replace([' ', '+'], ""));
        std::fs::create_dir_all(&folder)?;
        let server = if name.starts_with("postgres") { Some(database(pairs.len()).await?) } else { None };
        let store: Arc<dyn Store> = match &server {
            Some(url) => Arc::new(PostgresStore::open(&PostgresOptions::new(url, "benchmark")).await?),
            None => Arc::new(SqliteStore::open(&folder.join("ibid.db")).await?),
        };
        let (vector, follower): (Arc<dyn VectorIndex>, _) = match (&server, name.ends_with("qdrant")) {
            (_, true) => {
                let url = std::env::var("QDRANT_URL").unwrap_or_else(|_| peer.url());
                let collection = format!("benchmark_{}_{}", std::process::id(), pairs.len());
                let options = QdrantOptions::new(url, collection, DIMENSIONS);
                (Arc::new(QdrantIndex::open(options).await?), VectorFollower::Shared)
            }
            (Some(url), false) => {
                let pgvector = PgvectorIndex::open(PgvectorOptions::new(url, 1, DIMENSIONS)).await?;
                (Arc::new(pgvector), VectorFollower::Truth)
            }
            (None, false) => {
                let edge = EdgeIndex::open(&folder.join("vector"), EdgeOptions::new(DIMENSIONS)).await?;
                (Arc::new(edge), VectorFollower::Own)
            }
        };
        let library = Library::build(&folder, Place { store, vector, follower }, chunks).await?;
        println!("{name}: written in {:.1?}, followed in {:.1?}", library.wrote, library.followed);
        pairs.push(Pair { name, library, times: Times::default() });
    }
    Ok(pairs)
}

/// A database of its own on the server of the tests.
async fn database(number: usize) -> anyhow::Result<String> {
    let server =
        std::env::var("IBID_TEST_POSTGRES").context("run `cargo xtask run -- cargo bench --bench backends`")?;
    let name = format!("benchmark_{}_{number}", std::process::id());
    let mut connection = sqlx::PgConnection::connect(&server).await?;
    sqlx::query(sqlx::AssertSqlSafe(format!("create database {name}"))).execute(&mut connection).await?;
    connection.close().await?;
    let mut url = url::Url::parse(&server)?;
    url.set_path(&name);
    Ok(url.into())
}

fn report(pairs: &[Pair]) {
    let embedded = &pairs[0];
    let built = |pair: &Pair| (pair.library.wrote + pair.library.followed).as_secs_f64();
    println!(
        "\n| pair | search p50 ms | ratio | p99 ms | ratio | ingest chunks/s | ratio |\n|---|---|---|---|---|---|---|"
    );
    for pair in pairs {
        let ratio = median(pair.times.each_ms().zip(embedded.times.each_ms()).map(|(ours, theirs)| ours / theirs));
        let chunks = pair.library.chunks as f64;
        println!(
            "| {} | {:.2} | {ratio:.2} | {:.2} | {:.2} | {:.0} | {:.2} |",
            pair.name,
            pair.times.median_ms(),
            pair.times.quantile_ms(0.99),
            pair.times.quantile_ms(0.99) / embedded.times.quantile_ms(0.99),
            chunks / built(pair),
            built(embedded) / built(pair)
        );
    }
}
