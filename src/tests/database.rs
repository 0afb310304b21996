//! A Postgres database of its own for each test, on the server that `IBID_TEST_POSTGRES` names.
//!
//! The unit tests and the promises both include this file, so it knows nothing of this crate.
// Each of the two uses a part of it.
#![allow(dead_code)]

use std::future::Future;
use std::{env, panic, thread};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use url::Url;
use uuid::Uuid;

/// A new, empty database, without the extension `vector`. It is dropped when this value goes away, whoever is connected.
pub(crate) struct TestDatabase {
    name: String,
    url: String,
    has_role: bool,
}

impl TestDatabase {
    /// A database of the superuser.
    pub(crate) async fn new() -> Self {
        let name = unique_name();
        execute(&server_url(), &[create(&name)]).await.expect("a database can be made");
        Self { url: database_url(&name).into(), name, has_role: false }
    }

    /// `new` for a test without a runtime.
    pub(crate) fn create() -> Self {
        wait_for(Self::new())
    }

    /// A database that `url` enters as a role of its own, which may make tables in `public` and schemas nowhere, and may
    /// not create extensions.
    pub(crate) async fn restricted() -> Self {
        let name = unique_name();
        let role = format!("create role {name} login password '{name}'");
        execute(&server_url(), &[create(&name), role]).await.expect("a database and a role can be made");
        let mut url = database_url(&name);
        let grant = format!("grant create on schema public to {name}");
        execute(url.as_str(), &[grant]).await.expect("the role can be let in");
        log_in(&mut url, &name, &name);
        Self { url: url.into(), name, has_role: true }
    }

    /// `restricted` for a test without a runtime.
    pub(crate) fn create_restricted() -> Self {
        wait_for(Self::restricted())
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The same database for the superuser, who may create extensions.
    pub(crate) fn superuser_url(&self) -> String {
        database_url(&self.name).into()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let mut statements = vec![format!("drop database if exists {} with (force)", self.name)];
        if self.has_role {
            statements.push(format!("drop role if exists {}", self.name));
        }
        // A second panic would hide why a test failed.
        if let Err(error) = wait_for(execute(&server_url(), &statements)) {
            eprintln!("cannot drop {}: {error}", self.name);
        }
    }
}

/// The database `postgres` of the server, for the superuser.
pub(crate) fn server_url() -> String {
    env::var("IBID_TEST_POSTGRES").expect("IBID_TEST_POSTGRES: run cargo xtask test, or cargo xtask run -- cargo test")
}

/// The database `postgres` of the server, for a user who need not exist.
pub(crate) fn server_url_with(user: &str, password: &str) -> String {
    let mut url = parsed();
    log_in(&mut url, user, password);
    url.into()
}

fn database_url(name: &str) -> Url {
    let mut url = parsed();
    url.set_path(name);
    url
}

fn parsed() -> Url {
    Url::parse(&server_url()).expect("IBID_TEST_POSTGRES is a URL")
}

fn log_in(url: &mut Url, user: &str, password: &str) {
    url.set_username(user).expect("the URL has a host");
    url.set_password(Some(password)).expect("the URL has a host");
}

fn unique_name() -> String {
    format!("ibid_test_{}", Uuid::now_v7().simple())
}

/// Nobody can be connected to `template0`, which would forbid to copy it.
fn create(name: &str) -> String {
    format!("create database {name} template template0")
}

/// Runs statements one by one, because some may not be part of a transaction.
async fn execute(url: &str, statements: &[String]) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement.as_str())).execute(&mut connection).await?;
    }
    connection.close().await
}

/// Runs a future on a thread and a runtime of its own, so that this thread may be inside a runtime or not.
fn wait_for<T: Send>(future: impl Future<Output = T> + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be built").block_on(future)
        });
        thread.join().unwrap_or_else(|cause| panic::resume_unwind(cause))
    })
}
