//! What can go wrong with the truth, by what the caller can do about it.

use std::path::PathBuf;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database was written by a newer ibid.
    #[error(
        "{path} was written by a newer version of ibid (migration {version}); install that version, or use another --data folder"
    )]
    Newer {
        /// The database file.
        path: PathBuf,
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
    /// Anything else that the database says.
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
    /// A migration failed.
    #[error("database migration: {0}")]
    Migration(#[source] sqlx::migrate::MigrateError),
}

/// SQLite's primary result codes: <https://sqlite.org/rescode.html>.
const SQLITE_READONLY: i32 = 8;
const SQLITE_FULL: i32 = 13;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|e| e.code()).and_then(|code| code.parse::<i32>().ok());
        match code.map(|extended| extended & 0xff) {
            Some(SQLITE_FULL) => Self::DiskFull,
            Some(SQLITE_READONLY) => Self::ReadOnly(error.to_string()),
            _ => Self::Database(error),
        }
    }
}
