//! What is wrong with a database is said in one line, without its password, and a database that goes away comes back.

use std::process::Command;

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::backend::Backend;
use super::database::{self, TestDatabase};
use super::qdrant_peer::QdrantPeer;
use super::support::{Sandbox, refusal, until, wait_for};

const PASSWORD: &str = "open-sesame";

/// What `ibid ingest` says with these variables, which has to be one line without the password.
fn said(variables: &[(&str, &str)]) -> String {
    let sandbox = Sandbox::with_documents();
    let mut command = sandbox.ibid(&["ingest", "docs"]);
    let said = refusal_of(command.envs(variables.iter().copied()));
    assert!(!said.contains(PASSWORD), "{said}");
    said
}

fn refusal_of(command: &mut Command) -> String {
    refusal(std::mem::replace(command, Command::new("")))
}

/// Runs a statement as the superuser, in the database `postgres` or in another one.
fn execute(url: &str, sql: &str) {
    wait_for(async {
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

/// A URL of the test server with another database.
fn with_path(url: &str, path: &str) -> String {
    let mut url = url::Url::parse(url).unwrap();
    url.set_path(path);
    url.into()
}

#[test]
fn a_url_that_cannot_be_used_is_refused_without_its_password() {
    for url in [format!("ibid {PASSWORD}"), format!("mysql://ibid:{PASSWORD}@localhost/ibid"), format!("//{PASSWORD}")]
    {
        let said = said(&[("DATABASE_URL", &url)]);
        assert!(said.contains("it looks like postgres://user:password@host:5432/name"), "{said}");
    }
}

#[test]
fn a_port_where_nothing_listens_is_named() {
    let said = said(&[("DATABASE_URL", &format!("postgres://ibid:{PASSWORD}@127.0.0.1:1/ibid"))]);
    assert!(
        said.contains("postgres://127.0.0.1:1/ibid cannot be reached") && said.contains("check that it runs"),
        "{said}"
    );
}

#[test]
fn a_wrong_password_names_the_user() {
    let said = said(&[("DATABASE_URL", &database::server_url_with("ibid", PASSWORD))]);
    assert!(said.contains("refuses user ibid; check the user and the password"), "{said}");
}

#[test]
fn a_database_that_is_not_there_is_named() {
    let said = said(&[("DATABASE_URL", &with_path(&database::server_url(), "nowhere"))]);
    assert!(said.contains("has no database \"nowhere\"; create it"), "{said}");
}

#[test]
fn a_user_who_may_not_create_the_extension_is_told_what_to_run() {
    let database = TestDatabase::create_restricted();
    let said = said(&[("DATABASE_URL", database.url()), ("IBID_VECTOR", "pgvector")]);
    assert!(said.contains("create extension vector"), "{said}");
    execute(&database.superuser_url(), "create extension vector");
    let sandbox = Sandbox::with_documents();
    let mut command = sandbox.ibid(&["ingest", "docs"]);
    let done = command.env("DATABASE_URL", database.url()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_database_of_a_newer_version_is_not_touched() {
    let backend = Backend::postgres_pgvector();
    backend.with_documents().ingest();
    let newer = "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
        values (9999, 'later', true, '', 0)";
    execute(backend.url(), newer);
    let said = said(&[("DATABASE_URL", backend.url())]);
    assert!(said.contains("was written by a newer version of ibid (migration 9999)"), "{said}");
}

#[test]
fn pgvector_without_a_database_is_told_what_to_give() {
    let said = said(&[("IBID_VECTOR", "pgvector")]);
    assert!(said.contains("--store postgres://"), "{said}");
}

#[test]
fn a_qdrant_that_does_not_answer_is_named() {
    let said = said(&[("IBID_VECTOR", "qdrant"), ("QDRANT_URL", "http://127.0.0.1:1"), ("QDRANT_API_KEY", PASSWORD)]);
    assert!(said.contains("http://127.0.0.1:1 does not answer") && said.contains("--qdrant-url"), "{said}");
}

#[test]
fn a_qdrant_that_is_too_old_is_told_which_is_needed() {
    let peer = QdrantPeer::start();
    peer.set(|conduct| "1.9.0".clone_into(&mut conduct.version));
    let said = said(&[("IBID_VECTOR", "qdrant"), ("QDRANT_URL", &peer.url())]);
    assert!(said.contains("has version 1.9.0, and 1.13 or later is needed"), "{said}");
}

#[test]
fn a_wrong_qdrant_key_names_the_variable() {
    let peer = QdrantPeer::start();
    peer.set(|conduct| conduct.api_key = Some("right".to_owned()));
    for key in [PASSWORD, ""] {
        let said = said(&[("IBID_VECTOR", "qdrant"), ("QDRANT_URL", &peer.url()), ("QDRANT_API_KEY", key)]);
        assert!(said.contains("refuses access; set QDRANT_API_KEY"), "{said}");
    }
}

/// Lets nobody into a database, and ends who is in.
fn shut(backend: &Backend) {
    let name = url::Url::parse(backend.url()).unwrap().path().trim_start_matches('/').to_owned();
    execute(&database::server_url(), &format!("alter database {name} allow_connections false"));
    let end = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");
    execute(&database::server_url(), &end);
}

fn open(backend: &Backend) {
    let name = url::Url::parse(backend.url()).unwrap().path().trim_start_matches('/').to_owned();
    execute(&database::server_url(), &format!("alter database {name} allow_connections true"));
}

#[test]
fn a_server_outlives_its_database_and_what_was_begun_is_finished_afterwards() {
    let backend = Backend::postgres_pgvector();
    let sandbox = backend.with_documents();
    sandbox.write("ibid-data/ibid.toml", "[store]\nconnect_timeout_s = 1\n[ingest]\nlease_s = 1\n");
    sandbox.ingest();
    let server = sandbox.serve();
    until("it answers", || server.get("/readyz").0 == 200);
    for number in 0..120 {
        sandbox
            .write(&format!("docs/many/{number}.md"), format!("# Tale {number}\n\nThe whale number{number} sang.\n"));
    }
    let other = sandbox.replica("other");
    let mut ingest = other.ibid(&["ingest", "docs"]).stdout(std::process::Stdio::null()).spawn().unwrap();
    until("some is in", || server.get("/v1/status").1["documents"].as_u64().unwrap() > 10);
    shut(&backend);
    let (status, body) = server.search("otters", "hybrid");
    assert!(status >= 500 && body["error"]["code"].is_string(), "{status} {body}");
    assert_eq!(server.get("/healthz").0, 200);
    assert!(!ingest.wait().unwrap().success(), "the outage came too late");
    open(&backend);
    until("it answers again", || server.search("otters", "hybrid").0 == 200);
    assert_eq!(server.found("otters hold hands", "hybrid")[0], "docs/otters.md");
    assert_eq!(other.ingest(), 0);
    until("everything is found by meaning", || {
        let (_, status) = server.get("/v1/status");
        status["documents"] == 125 && status["embedded"] == status["chunks"]
    });
    for mode in ["keyword", "vector"] {
        assert_eq!(server.found("tale 119 the whale number119 sang", mode)[0], "docs/many/119.md", "{mode}");
    }
    drop(server);
    assert!(sandbox.is_consistent() && other.is_consistent());
}
