//! The truth in one SQLite file: WAL mode, one writer, several readers.

mod changes;
mod chunks;
mod collections;
mod documents;
mod embeddings;
mod rows;
mod runs;
mod views;

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use super::StoreError;

pub use changes::{Change, ChangeKind};
pub use chunks::{ChunkInTruth, TextSlice};
pub use collections::CollectionSummary;
pub use documents::{DocumentPage, DocumentQuery, KnownSource, NewDocument};
pub use embeddings::{EmbeddingStatus, MissingText};
pub use runs::{RunEnd, RunRow};
pub use views::IndexedDocument;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// Readers beside the one writer: more than the cores of a small machine, few enough to bound open files.
const READERS_MAX: u32 = 8;

/// How long a statement waits for a lock that another process holds before it is an error.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The truth.
#[derive(Debug, Clone)]
pub struct Store {
    writer: SqlitePool,
    reader: SqlitePool,
}

impl Store {
    /// Opens the database at `path`, makes it if it is not there, and brings it to this version's schema.
    ///
    /// # Errors
    /// [`StoreError::Newer`] when a newer version wrote it, [`StoreError::Damaged`] when it is not a database.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A commit survives the death of the process; the last ones may be lost when the machine loses power,
            // and then the next mirror writes them again.
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        // A connection to a file does not break while it rests, so it is not asked before each use.
        let pool = || SqlitePoolOptions::new().test_before_acquire(false);
        let writer = pool().max_connections(1).connect_with(options.clone()).await;
        let writer = writer.map_err(|error| opening_error(path, error))?;
        MIGRATIONS.run(&writer).await.map_err(|error| migration_error(path, error))?;
        let reader = pool().max_connections(READERS_MAX).connect_with(options.read_only(true)).await;
        let reader = reader.map_err(|error| opening_error(path, error))?;
        Ok(Self { writer, reader })
    }

    /// Writes the log back into the database file and closes it.
    pub async fn close(&self) {
        self.reader.close().await;
        // A failed checkpoint costs nothing: the next open reads the log.
        drop(sqlx::query("pragma wal_checkpoint(truncate)").execute(&self.writer).await);
        self.writer.close().await;
    }

    /// The value of a setting.
    ///
    /// # Errors
    /// Database errors.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let sql = "select value from settings where name = ?";
        Ok(sqlx::query_scalar(sql).bind(name).fetch_optional(&self.reader).await?)
    }

    /// Sets a setting.
    ///
    /// # Errors
    /// Database errors.
    pub async fn set_setting(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let sql =
            "insert into settings (name, value) values (?, ?) on conflict (name) do update set value = excluded.value";
        sqlx::query(sql).bind(name).bind(value).execute(&self.writer).await?;
        Ok(())
    }

    /// Asks SQLite to check itself.
    ///
    /// # Errors
    /// Database errors; what the check finds is the value.
    pub async fn integrity_check(&self) -> Result<String, StoreError> {
        Ok(sqlx::query_scalar("pragma quick_check(1)").fetch_one(&self.reader).await?)
    }
}

fn opening_error(path: &Path, error: sqlx::Error) -> StoreError {
    const SQLITE_CORRUPT: &str = "11";
    const SQLITE_NOTADB: &str = "26";
    let code = error.as_database_error().and_then(|e| e.code().map(|code| code.into_owned()));
    match code.as_deref() {
        Some(SQLITE_CORRUPT | SQLITE_NOTADB) => {
            StoreError::Damaged { path: path.to_owned(), reason: error.to_string() }
        }
        _ => error.into(),
    }
}

fn migration_error(path: &Path, error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(version) | MigrateError::VersionTooNew(version, _) => {
            StoreError::Newer { path: path.to_owned(), version }
        }
        MigrateError::Execute(error) => opening_error(path, error),
        other => StoreError::Migration(other),
    }
}
