//! What only a server can do to its clients: refuse them, vanish, and be older or newer than they think.

use std::time::Duration;

use futures::future::join_all;
use sqlx::migrate::Migrate;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::changes::LOG_LOCK;
use super::connect::MIGRATIONS;
use super::{PostgresOptions, PostgresStore};
use crate::database::{self, TestDatabase};
use crate::store::conformance::{embed, id_of, principals, put, with_model, written};
use crate::store::{ChangeLog, Collections, Documents, Generations, Runs, Settings, Store, StoreError, Threads};
use crate::types::{DocumentId, RunState, SourceStamp, document_facets};

async fn opened(url: &str) -> Result<PostgresStore, StoreError> {
    let options = PostgresOptions { connect_timeout: Duration::from_secs(5), ..PostgresOptions::new(url, "a") };
    PostgresStore::open(&options).await
}

async fn refused(url: &str) -> StoreError {
    let error = opened(url).await.unwrap_err();
    let said = error.to_string();
    assert!(!said.contains("secret") && !said.contains('\n') && !said.ends_with('.'), "{said}");
    error
}

async fn run(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_opened_says_why_without_the_password() {
    let url = database::server_url();
    let port = url::Url::parse(&url).unwrap().port().unwrap();
    assert!(matches!(refused("nonsense").await, StoreError::InvalidUrl { .. }));
    assert!(matches!(refused("mysql://u:secret@localhost/x").await, StoreError::InvalidUrl { .. }));
    let mode = format!("postgres://u:secret@127.0.0.1:{port}/x?sslmode=secret");
    assert!(matches!(refused(&mode).await, StoreError::InvalidUrl { .. }));
    let closed = refused("postgres://u:secret@127.0.0.1:1/x").await;
    assert!(matches!(&closed, StoreError::Unreachable { place, .. } if place == "postgres://127.0.0.1:1/x"));
    assert!(closed.is_transient());
    let wrong = refused(&database::server_url_with("ibid", "secret")).await;
    assert!(matches!(&wrong, StoreError::Refused { user, .. } if user == "ibid"), "{wrong:?}");
    assert!(!wrong.is_transient());
    let missing = url.replace("/postgres", "/no_such_database").replacen("no_such_database://", "postgres://", 1);
    assert!(matches!(refused(&missing).await, StoreError::NoDatabase { name, .. } if name == "no_such_database"));
    let options = format!("{:?}", PostgresOptions::new("postgres://u:secret@127.0.0.1:1/x", "a"));
    assert!(options.contains("postgres://127.0.0.1:1/x") && !options.contains("secret"), "{options}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_unreachable_in_time() {
    // It accepts connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://u:secret@{}/x", silent.local_addr().unwrap());
    let connect_timeout = Duration::from_millis(200);
    let options = PostgresOptions { connect_timeout, ..PostgresOptions::new(&url, "a") };
    let error = PostgresStore::open(&options).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_user_who_may_not_make_tables_is_told_so() {
    let database = TestDatabase::restricted().await;
    let role = url::Url::parse(database.url()).unwrap().username().to_owned();
    run(&database.superuser_url(), &format!("revoke create on schema public from {role}")).await;
    let error = refused(database.url()).await;
    assert!(matches!(&error, StoreError::NotAllowed { user, .. } if *user == role), "{error:?}");
}

#[tokio::test]
async fn a_user_who_may_only_make_tables_is_enough() {
    let database = TestDatabase::restricted().await;
    let store = opened(database.url()).await.unwrap();
    put(&store, &[("a", &["one"])]).await;
    assert_eq!(store.integrity_check().await.unwrap(), "ok");
    store.close().await;
}

#[tokio::test]
async fn a_schema_of_its_own_is_named_in_the_url() {
    let database = TestDatabase::new().await;
    run(database.url(), "create schema knowledge").await;
    let url = format!("{}?options=-csearch_path%3Dknowledge", database.url());
    let store = opened(&url).await.unwrap();
    put(&store, &[("a", &["one"])]).await;
    run(database.url(), "select * from knowledge.documents").await;
    store.close().await;
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let database = TestDatabase::new().await;
    opened(database.url()).await.unwrap().close().await;
    let sql = "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
        values (9999, 'from the future', true, '', 0)";
    run(database.url(), sql).await;
    assert!(matches!(refused(database.url()).await, StoreError::Newer { version: 9999, .. }));
}

#[tokio::test]
async fn runs_of_the_version_before_are_the_owners_turns() {
    let database = TestDatabase::new().await;
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    connection.ensure_migrations_table("_sqlx_migrations").await.unwrap();
    for migration in MIGRATIONS.iter().take_while(|migration| migration.version < 5) {
        connection.apply("_sqlx_migrations", migration).await.unwrap();
    }
    let rows =
        "insert into runs values ('b', 't', 'finished', 'echo', 5, 7, null), ('a', 't', 'failed', 'echo', 6, 8, 'x'),
            ('c', 'u', 'running', 'echo', 3, null, null);
        insert into run_steps values ('b', 'answered:1', '{\"query\":\"q\",\"relevant\":[\"a.md\"]}', 4)";
    sqlx::raw_sql(rows).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let store = opened(database.url()).await.unwrap();
    let thread = store.thread("t", "owner", 9).await.unwrap().unwrap();
    assert_eq!((thread.title.as_str(), thread.created_at_ms, thread.updated_at_ms, thread.turns), ("", 5, 6, 2));
    let turns = store.turns("t", "owner", 9).await.unwrap();
    let said: Vec<_> = turns.iter().map(|turn| (turn.run_id.as_str(), turn.state, turn.question.as_str())).collect();
    assert_eq!(said, [("b", RunState::Finished, ""), ("a", RunState::Failed, "")]);
    assert_eq!((turns[1].error_code.as_deref(), turns[1].finished_at_ms), (Some("x"), Some(8)));
    assert_eq!(store.logged_queries(9).await.unwrap().len(), 1);
    assert!(store.delete_thread("t", "owner").await.unwrap());
    assert_eq!(store.step_result("b", "answered:1").await.unwrap(), None);
    store.close().await;
}

#[tokio::test]
async fn several_processes_may_open_a_new_database_at_once() {
    let database = TestDatabase::new().await;
    let stores = join_all((0..6).map(|_| opened(database.url()))).await;
    for store in stores {
        let store = store.unwrap();
        assert_eq!(store.generations().await.unwrap().len(), 1);
        store.close().await;
    }
}

#[tokio::test]
async fn a_connection_that_was_cut_is_a_transient_error_and_then_made_again() {
    let database = TestDatabase::new().await;
    let store = opened(database.url()).await.unwrap();
    let generation = put(&store, &[("a", &["one"])]).await;
    let cut = "select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()";
    run(database.url(), cut).await;
    let seq = loop {
        match store.put_document(&written("b", &["two"]), generation, 1).await {
            Ok(seq) => break seq,
            Err(error) => assert!(error.is_transient() && error.to_string().contains("nothing is lost"), "{error}"),
        }
    };
    assert_eq!(store.last_seq(generation).await.unwrap(), seq);
    // Listening goes on, too.
    let heard = async {
        for number in 0.. {
            let value = number.to_string();
            tokio::select! {
                () = store.changed() => return,
                done = store.set_setting("x", &value) => done.unwrap(),
            }
            store.put_document(&written("c", &["three"]), generation, 1).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(30), heard).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_closed_store_and_a_busy_one_say_so() {
    let database = TestDatabase::new().await;
    let acquire_timeout = Duration::from_millis(500);
    let options = PostgresOptions { connections_max: 1, acquire_timeout, ..PostgresOptions::new(database.url(), "a") };
    let store = PostgresStore::open(&options).await.unwrap();
    let held = store.begin().await.unwrap();
    let error = store.setting("x").await.unwrap_err();
    assert!(matches!(error, StoreError::Busy { connections_max: 1 }) && error.is_transient(), "{error}");
    drop(held);
    store.setting("x").await.unwrap();
    store.close().await;
    let closed = store.setting("x").await.unwrap_err();
    assert!(matches!(closed, StoreError::Unavailable(_)), "{closed}");
}

#[tokio::test]
async fn what_does_not_agree_is_found() {
    let database = TestDatabase::new().await;
    let store = opened(database.url()).await.unwrap();
    let generation = with_model(&store).await;
    put(&store, &[("a", &["one", "two"]), ("b", &["three"])]).await;
    assert!(embed(&store, generation, "a").await);
    assert_eq!(store.integrity_check().await.unwrap(), "ok");
    run(database.url(), "delete from embeddings").await;
    assert_eq!(store.integrity_check().await.unwrap(), "1 documents count as embedded and lack vectors");
    run(database.url(), "delete from texts; delete from chunkings where embedded").await;
    let found = store.integrity_check().await.unwrap();
    assert_eq!(found, "2 chunks belong to no chunked document; 2 documents have no text");
    run(database.url(), "delete from chunks; update generations set serving = false").await;
    let rest = store.integrity_check().await.unwrap();
    assert!(rest.starts_with("1 documents have another number") && rest.ends_with("0 generations serve, not 1"));
    store.close().await;
}

#[tokio::test]
async fn stored_facets_are_those_of_the_document_at_any_time() {
    let database = TestDatabase::new().await;
    let store = opened(database.url()).await.unwrap();
    let generation = put(&store, &[("docs/a", &["one"]), ("docs/b", &["two"])]).await;
    same_facets(&store).await;
    store.set_readers(&[id_of("docs/b")], Some(&principals(&["user:bob"]))).await.unwrap();
    same_facets(&store).await;
    store.set_collection_readers(&"default".parse().unwrap(), &principals(&["group:a", "group:b"])).await.unwrap();
    same_facets(&store).await;
    let mut again = written("docs/b", &["two"]);
    again.metadata.insert("team".to_owned(), "x, \"y\" {z}".to_owned());
    again.media_type = "text/html".to_owned();
    store.put_document(&again, generation, 2).await.unwrap();
    same_facets(&store).await;
    store.set_readers(&[id_of("docs/b")], None).await.unwrap();
    same_facets(&store).await;
    again.language = Some("fr".to_owned());
    store.put_document(&again, generation, 3).await.unwrap();
    same_facets(&store).await;
    let stamp = SourceStamp { bytes: 3, modified_ns: 1_700_000_000_000_000_000, sha256: String::new() };
    store.touch_document(id_of("docs/b"), &stamp).await.unwrap();
    assert!(store.document(id_of("docs/b")).await.unwrap().unwrap().date().is_some());
    same_facets(&store).await;
    store.close().await;
}

async fn same_facets(store: &PostgresStore) {
    let sql = "select id, facets from documents order by id";
    let rows: Vec<(Vec<u8>, Vec<String>)> = sqlx::query_as(sql).fetch_all(&store.pool).await.unwrap();
    assert!(!rows.is_empty());
    for (id, stored) in rows {
        let document = store.document(DocumentId::from_bytes(&id).unwrap()).await.unwrap().unwrap();
        assert_eq!(stored, document_facets(&document).into_iter().collect::<Vec<_>>());
    }
}

/// A document that is being written while its collection's readers change must not keep the old ones in its facets.
#[tokio::test]
async fn facets_follow_readers_that_change_meanwhile() {
    let database = TestDatabase::new().await;
    let store = opened(database.url()).await.unwrap();
    let generation = put(&store, &[]).await;
    let mut gate = PgConnection::connect(database.url()).await.unwrap();
    let mut watch = PgConnection::connect(database.url()).await.unwrap();
    sqlx::query("select pg_advisory_lock($1)").bind(LOG_LOCK).execute(&mut gate).await.unwrap();
    // The document has its facets and waits for the log; then the readers change, or wait for it.
    let new = written("docs/a", &["one"]);
    let written = store.put_document(&new, generation, 1);
    let changed = async {
        until_waiting(&mut watch, 1).await;
        let (name, readers) = ("default".parse().unwrap(), principals(&["group:late"]));
        let mut change = store.set_collection_readers(&name, &readers);
        tokio::select! {
            done = &mut change => assert!(done.unwrap()),
            () = until_waiting(&mut watch, 2) => {
                sqlx::query("select pg_advisory_unlock($1)").bind(LOG_LOCK).execute(&mut gate).await.unwrap();
                assert!(change.await.unwrap());
                return;
            }
        }
        sqlx::query("select pg_advisory_unlock($1)").bind(LOG_LOCK).execute(&mut gate).await.unwrap();
    };
    let (seq, ()) = futures::join!(written, changed);
    seq.unwrap();
    same_facets(&store).await;
    store.close().await;
}

/// Until so many statements in this database wait for a lock.
async fn until_waiting(watch: &mut PgConnection, statements: i64) {
    let sql = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    while sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut *watch).await.unwrap() < statements {}
}
