//! What can go wrong with the truth, by what the caller can do about it.

use std::path::PathBuf;

use sqlx::postgres::PgDatabaseError;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database was written by a newer ibid.
    #[error(
        "{place} was written by a newer version of ibid (migration {version}); install that version, or use another database"
    )]
    Newer {
        /// The database.
        place: String,
        /// The first migration that this version does not know.
        version: i64,
    },
    /// The file is not a database, or a damaged one.
    #[error("{path} is not a readable database ({reason}); restore it from a backup, or use another --data folder")]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// No space is left.
    #[error(
        "the disk that holds the data folder is full; free some space and run the same command again: nothing is lost"
    )]
    DiskFull,
    /// The folder cannot be written.
    #[error("the data folder cannot be written ({0}); check its permissions")]
    ReadOnly(String),
    /// Stored bytes do not have the form that they were written in.
    #[error("stored {what} of {key} cannot be read back; `ibid doctor` checks the data folder")]
    Corrupt {
        /// Which column or value.
        what: &'static str,
        /// Of which row.
        key: String,
    },
    /// The URL names no database.
    #[error("the database URL cannot be read ({reason}); it looks like postgres://user:password@host:5432/name")]
    InvalidUrl {
        /// What is wrong with it, without its parts.
        reason: String,
    },
    /// No server answers.
    #[error(
        "the database server at {place} cannot be reached ({reason}); check that it runs and that the URL is right"
    )]
    Unreachable {
        /// Host, port and database.
        place: String,
        /// What the network says.
        reason: String,
    },
    /// The server does not let this user in.
    #[error("the database server at {place} refuses user {user}; check the user and the password in the database URL")]
    Refused {
        /// Host, port and database.
        place: String,
        /// The user.
        user: String,
    },
    /// The server has no such database.
    #[error("the database server at {place} has no database {name:?}; create it, or name another in the database URL")]
    NoDatabase {
        /// Host, port and database.
        place: String,
        /// The name asked for.
        name: String,
    },
    /// The user may not make or write the tables.
    #[error("user {user} may not make or use tables in {place} ({reason}); grant it `create` on the schema")]
    NotAllowed {
        /// Host, port and database.
        place: String,
        /// The user.
        user: String,
        /// What the server says.
        reason: String,
    },
    /// The server went away, or cannot be used for the moment.
    #[error("the database server has gone away ({0}); nothing is lost, it is tried again")]
    Unavailable(String),
    /// Every connection of this process is at work.
    #[error("all {connections_max} connections to the database are in use; try again, or raise connections_max")]
    Busy {
        /// How many there may be.
        connections_max: u32,
    },
    /// The server has no connection left.
    #[error(
        "the database server accepts no more connections; raise its max_connections, or lower connections_max here"
    )]
    ServerFull,
    /// The server has no space left.
    #[error("the disk of the database server is full; free some space there: nothing is lost, it is tried again")]
    ServerDiskFull,
    /// Anything else that the database says.
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
    /// A migration failed.
    #[error("database migration: {0}")]
    Migration(#[source] sqlx::migrate::MigrateError),
}

impl StoreError {
    /// Whether the same call may work later without a change to what was asked or configured here.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Unavailable(_) | Self::Busy { .. } => true,
            Self::ServerFull | Self::ServerDiskFull => true,
            _ => self.is_conflict(),
        }
    }

    /// Whether two transactions were in each other's way, and the server undid this one.
    pub(super) fn is_conflict(&self) -> bool {
        const SERIALIZATION_FAILURE: &str = "40001";
        const DEADLOCK_DETECTED: &str = "40P01";
        let Self::Database(error) = self else { return false };
        matches!(sql_state(error), Some(SERIALIZATION_FAILURE | DEADLOCK_DETECTED))
    }
}

/// SQLite's primary result codes: <https://sqlite.org/rescode.html>.
const SQLITE_READONLY: i32 = 8;
const SQLITE_FULL: i32 = 13;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let Some(state) = sql_state(&error) {
            return match state {
                "53100" => Self::ServerDiskFull,
                "53300" => Self::ServerFull,
                state if is_gone(state) => Self::Unavailable(said(&error)),
                _ => Self::Database(error),
            };
        }
        // A file has no network: these come from a server only.
        if matches!(error, sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed) {
            return Self::Unavailable(said(&error));
        }
        let code = error.as_database_error().and_then(|e| e.code()).and_then(|code| code.parse::<i32>().ok());
        match code.map(|extended| extended & 0xff) {
            Some(SQLITE_FULL) => Self::DiskFull,
            Some(SQLITE_READONLY) => Self::ReadOnly(error.to_string()),
            _ => Self::Database(error),
        }
    }
}

/// Postgres' SQLSTATE: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
pub(super) fn sql_state(error: &sqlx::Error) -> Option<&str> {
    let database = error.as_database_error()?;
    database.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::code)
}

/// Whether the server ends, starts, follows another one, or has ended the connection.
fn is_gone(state: &str) -> bool {
    const READ_ONLY_TRANSACTION: &str = "25006";
    const IDLE_IN_TRANSACTION_TIMEOUT: &str = "25P03";
    let shutdown = matches!(state, "57P01" | "57P02" | "57P03" | "57P05");
    // Class 08 are connection exceptions. A server that only reads has become a standby.
    shutdown || state.starts_with("08") || matches!(state, READ_ONLY_TRANSACTION | IDLE_IN_TRANSACTION_TIMEOUT)
}

/// What went wrong, in the words of its cause.
pub(super) fn said(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Io(cause) => cause.to_string(),
        sqlx::Error::Tls(cause) => cause.to_string(),
        sqlx::Error::Database(cause) => cause.message().to_owned(),
        other => other.to_string(),
    }
}
