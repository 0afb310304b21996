//! What the tests may take for granted of the Postgres server that they run beside.

use sqlx::{Connection, PgConnection};

use crate::database::{self, TestDatabase};

#[tokio::test]
async fn the_test_database_is_postgres_18_with_pgvector() {
    let database = TestDatabase::new().await;
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    sqlx::query("create extension vector").execute(&mut connection).await.unwrap();
    let (distance, server, vector): (f64, i32, String) = sqlx::query_as(
        "select '[1,2]'::vector <=> '[1,2]', current_setting('server_version_num')::int4, extversion
         from pg_extension where extname = 'vector'",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert!(distance.abs() < 1e-6, "{distance}");
    assert!(server >= 180_000, "{server}");
    let numbers: Vec<u32> = vector.split('.').map(|number| number.parse().unwrap()).collect();
    assert!(numbers >= vec![0, 8], "{vector}");
}

#[test]
fn a_test_database_goes_away_with_its_role_though_somebody_is_connected() {
    let database = TestDatabase::create_restricted();
    let url = database.url().to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut connection = runtime.block_on(PgConnection::connect(&url)).unwrap();
    let mut attempt = |sql: &'static str| runtime.block_on(sqlx::query(sql).execute(&mut connection));
    attempt("create table notes (words text)").unwrap();
    let refused = attempt("create extension vector").unwrap_err();
    assert_eq!(refused.as_database_error().and_then(|error| error.code()).as_deref(), Some("42501"));
    drop(database);
    let gone = runtime.block_on(PgConnection::connect(&url)).unwrap_err();
    assert_eq!(gone.as_database_error().and_then(|error| error.code()).as_deref(), Some("28P01"));
}

#[tokio::test]
async fn the_test_server_refuses_a_wrong_password_for_its_databases() {
    let refused = PgConnection::connect(&database::server_url_with("ibid", "wrong")).await.unwrap_err();
    assert_eq!(refused.as_database_error().and_then(|error| error.code()).as_deref(), Some("28P01"));
}
