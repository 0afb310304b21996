//! The way to the server: the URL, the pools, the migrations, and what can be wrong with them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};

use crate::store::StoreError;
use crate::store::error::{said, sql_state};

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// A connection that rested for longer is asked whether it lives before it is used.
const TRUSTED_FOR: Duration = Duration::from_secs(5);

/// Where the truth is, and how it is reached.
#[derive(Clone)]
pub struct PostgresOptions {
    /// `postgres://user:password@host:port/name`.
    pub url: String,
    /// Connections at the same time; one more listens for changes.
    pub connections_max: u32,
    /// How long a call waits for a connection.
    pub acquire_timeout: Duration,
    /// How long opening waits for the server to answer.
    pub connect_timeout: Duration,
    /// The name under which this process holds leases; no other process has it.
    pub owner: String,
}

impl PostgresOptions {
    /// The database at `url`: 16 connections, which is more than the statements that a process has under way, and few
    /// beside the 100 that a server has; 30 seconds for a connection, 10 for the first one.
    pub fn new(url: &str, owner: &str) -> Self {
        Self {
            url: url.to_owned(),
            connections_max: 16,
            acquire_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            owner: owner.to_owned(),
        }
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = Server::of(self).map_or_else(|_| "unreadable".to_owned(), |server| server.place);
        f.debug_struct("PostgresOptions")
            .field("url", &place)
            .field("connections_max", &self.connections_max)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("owner", &self.owner)
            .finish()
    }
}

/// A server and a database on it.
pub(super) struct Server {
    /// Scheme, host, port and database, without user and password.
    pub(super) place: String,
    options: PgConnectOptions,
}

impl Server {
    pub(super) fn of(options: &PostgresOptions) -> Result<Self, StoreError> {
        let invalid = |reason: &str| StoreError::InvalidUrl { reason: reason.to_owned() };
        let url = url::Url::parse(&options.url).map_err(|error| invalid(&error.to_string()))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(invalid("its scheme is not postgres"));
        }
        // Its error may repeat parts of the URL.
        let parsed =
            PgConnectOptions::from_str(&options.url).map_err(|_| invalid("one of its parameters is unknown"))?;
        let connect = parsed.application_name("ibid").disable_statement_logging();
        let host =
            connect.get_socket().map_or_else(|| connect.get_host().to_owned(), |path| path.display().to_string());
        let name = connect.get_database().unwrap_or(connect.get_username());
        Ok(Self { place: format!("postgres://{host}:{}/{name}", connect.get_port()), options: connect })
    }

    /// Brings the database to this version's schema, under a lock of the database.
    pub(super) async fn migrate(&self, connect_timeout: Duration) -> Result<(), StoreError> {
        let connecting = tokio::time::timeout(connect_timeout, PgConnection::connect_with(&self.options));
        let connected = connecting.await.map_err(|_| {
            let reason = format!("no answer within {} seconds", connect_timeout.as_secs_f32());
            StoreError::Unreachable { place: self.place.clone(), reason }
        })?;
        let mut connection = connected.map_err(|error| self.opening_error(error))?;
        // Not `run`: its future cannot be sent to another thread when it borrows a connection.
        MIGRATIONS.run_direct(None, &mut connection, false).await.map_err(|error| self.migration_error(error))?;
        connection.close().await.map_err(|error| self.opening_error(error))
    }

    pub(super) fn pool(&self, options: &PostgresOptions) -> PgPool {
        PgPoolOptions::new()
            .max_connections(options.connections_max)
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
            .before_acquire(|connection, resting| {
                Box::pin(async move {
                    let trusted = resting.idle_for < TRUSTED_FOR;
                    Ok(trusted || connection.ping().await.is_ok())
                })
            })
            .after_connect(|connection, _| {
                Box::pin(async move {
                    // A process that stands still in the middle of a transaction must not hold up all others for ever.
                    let sql = "set idle_in_transaction_session_timeout = '60s'";
                    sqlx::query(sql).execute(connection).await.map(drop)
                })
            })
            .connect_lazy_with(self.options.clone())
    }

    /// One connection that stays.
    pub(super) fn listener_pool(&self, options: &PostgresOptions) -> PgPool {
        let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(options.connect_timeout);
        pool.max_lifetime(None).idle_timeout(None).connect_lazy_with(self.options.clone())
    }

    fn opening_error(&self, error: sqlx::Error) -> StoreError {
        let place = self.place.clone();
        let user = self.options.get_username().to_owned();
        match sql_state(&error) {
            Some("28P01" | "28000") => StoreError::Refused { place, user },
            Some("3D000") => {
                let name = self.options.get_database().unwrap_or(self.options.get_username()).to_owned();
                StoreError::NoDatabase { place, name }
            }
            // 3F000: the search_path has no schema that the user could make tables in.
            Some("42501" | "3F000") => StoreError::NotAllowed { place, user, reason: said(&error) },
            Some("57P03") => StoreError::Unreachable { place, reason: said(&error) },
            Some(_) => error.into(),
            // The server asked for a password and the URL has none.
            None if said(&error).contains("password") => StoreError::Refused { place, user },
            None => match error {
                sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => {
                    StoreError::Unreachable { place, reason: said(&error) }
                }
                other => other.into(),
            },
        }
    }

    fn migration_error(&self, error: MigrateError) -> StoreError {
        match error {
            MigrateError::VersionMissing(version) | MigrateError::VersionTooNew(version, _) => {
                StoreError::Newer { place: self.place.clone(), version }
            }
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => self.opening_error(error),
            other => StoreError::Migration(other),
        }
    }
}
