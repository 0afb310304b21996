//! The truth in one SQLite file: WAL mode, one writer, several readers, one process.

mod changes;
mod chunks;
mod citations;
mod collections;
mod documents;
mod embeddings;
mod evaluations;
mod generations;
mod ingests;
mod many;
mod moves;
mod put;
mod runs;
mod settings;
mod threads;
mod views;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use super::{Store, StoreError};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// Readers beside the one writer: more than the cores of a small machine, few enough to bound open files.
const READERS_MAX: u32 = 8;

/// How long a statement waits for a lock that another process holds before it is an error.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Who holds a lease: one process at a time works on the file, so all that it has to know is that it is a lease.
const OWNER: &str = "this process";

/// The truth in a file.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    path: PathBuf,
    writer: SqlitePool,
    reader: SqlitePool,
}

impl SqliteStore {
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
        // What one transaction touches is everywhere in the index of hashes: its pages are kept, and the log is moved into the
        // file when it holds most of them several times.
        let writing = options.clone().pragma("cache_size", "-16384").pragma("wal_autocheckpoint", "4096");
        let writer = pool().max_connections(1).connect_with(writing).await;
        let writer = writer.map_err(|error| opening_error(path, error))?;
        MIGRATIONS.run(&writer).await.map_err(|error| migration_error(path, error))?;
        let reader = pool().max_connections(READERS_MAX).connect_with(options.read_only(true)).await;
        let reader = reader.map_err(|error| opening_error(path, error))?;
        Ok(Self { path: path.to_owned(), writer, reader })
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn is_shared(&self) -> bool {
        false
    }

    async fn changed(&self) {
        // Other processes only leave wishes here, such as a new generation, and those are looked for from time to time.
        std::future::pending().await
    }

    async fn integrity_check(&self) -> Result<String, StoreError> {
        Ok(sqlx::query_scalar("pragma quick_check(1)").fetch_one(&self.reader).await?)
    }

    async fn close(&self) {
        self.reader.close().await;
        // A failed checkpoint costs nothing: the next open reads the log.
        drop(sqlx::query("pragma wal_checkpoint(truncate)").execute(&self.writer).await);
        self.writer.close().await;
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
            StoreError::Newer { place: path.display().to_string(), version }
        }
        MigrateError::Execute(error) => opening_error(path, error),
        other => StoreError::Migration(other),
    }
}
