//! The truth in Postgres: several processes write to it, one transaction each.
//!
//! What holds across the files here:
//! - Rows are locked in one order: the collection, then documents by id, then what hangs on them; the change log comes last,
//!   behind an advisory lock that is kept until the commit. So numbers become visible in their order, and nobody waits in
//!   a circle. Where the server sees one all the same, it undoes a transaction, and that is run again.
//! - Transactions read what is committed, statement by statement. What reads in several statements takes a snapshot.
//! - Text of this database cannot hold the character NUL; it is stored as the replacement character.

mod changes;
mod chunks;
mod citations;
mod collections;
mod connect;
mod documents;
mod embeddings;
mod evaluations;
mod facets;
mod generations;
mod ingests;
mod listen;
mod runs;
mod settings;
mod threads;
mod views;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPool;
use sqlx::{Postgres, Row, Transaction};
use tokio::sync::Notify;

use self::listen::Listening;
use super::{Store, StoreError};
use crate::types::DocumentId;

pub use connect::PostgresOptions;

/// The truth in a database. Clones share it.
#[derive(Debug, Clone)]
pub struct PostgresStore {
    place: String,
    owner: String,
    connections_max: u32,
    pool: PgPool,
    changed: Arc<Notify>,
    listening: Arc<Listening>,
}

impl PostgresStore {
    /// Connects to the database, and brings it to this version's schema. Several processes may do so at once.
    ///
    /// # Errors
    /// [`StoreError::InvalidUrl`], [`StoreError::Unreachable`], [`StoreError::Refused`], [`StoreError::NoDatabase`],
    /// [`StoreError::NotAllowed`], and [`StoreError::Newer`] when a newer version wrote it.
    pub async fn open(options: &PostgresOptions) -> Result<Self, StoreError> {
        let server = connect::Server::of(options)?;
        server.migrate(options.connect_timeout).await?;
        let changed = Arc::new(Notify::new());
        let listening = Arc::new(Listening::start(server.listener_pool(options), Arc::clone(&changed)));
        Ok(Self {
            pool: server.pool(options),
            place: server.place,
            owner: options.owner.clone(),
            connections_max: options.connections_max,
            changed,
            listening,
        })
    }

    /// A connection for statements that stand alone.
    async fn connection(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        self.pool.acquire().await.map_err(|error| self.acquire_error(error))
    }

    async fn begin(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        self.pool.begin().await.map_err(|error| self.acquire_error(error))
    }

    /// A transaction whose statements all see the same moment.
    async fn snapshot(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        let begun = self.pool.begin_with("begin isolation level repeatable read read only").await;
        begun.map_err(|error| self.acquire_error(error))
    }

    fn acquire_error(&self, error: sqlx::Error) -> StoreError {
        match error {
            sqlx::Error::PoolTimedOut if self.pool.size() >= self.connections_max => {
                StoreError::Busy { connections_max: self.connections_max }
            }
            // The pool tries to connect until its time is over, and does not say why it could not.
            sqlx::Error::PoolTimedOut => StoreError::Unavailable(format!("{} does not answer", self.place)),
            other => other.into(),
        }
    }

    async fn give_up_leases(&self) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        sqlx::query("delete from leases where owner = $1").bind(&self.owner).execute(&mut *connection).await?;
        let sql = "update chunkings set lease_owner = null, lease_until = null where lease_owner = $1";
        sqlx::query(sql).bind(&self.owner).execute(&mut *connection).await?;
        Ok(())
    }
}

/// How long closing waits for the server, which may be gone.
const CLOSING_MAX: Duration = Duration::from_secs(5);

#[async_trait]
impl Store for PostgresStore {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn changed(&self) {
        self.changed.notified().await;
    }

    async fn integrity_check(&self) -> Result<String, StoreError> {
        const VERSION_MIN: i64 = 140_000;
        let row = sqlx::query(DISAGREEMENTS).fetch_one(&mut *self.connection().await?).await?;
        let mut wrong = Vec::new();
        let version: i64 = row.try_get("server_version")?;
        if version < VERSION_MIN {
            wrong.push(format!(
                "the server is Postgres {}, which is older than {}",
                version / 10_000,
                VERSION_MIN / 10_000
            ));
        }
        for (column, what) in [
            ("miscounted", "documents have another number of chunks than they should"),
            ("unowned", "chunks belong to no chunked document"),
            ("without_text", "documents have no text"),
            ("without_vectors", "documents count as embedded and lack vectors"),
            ("not_serving", "generations serve, not 1"),
        ] {
            let found: Option<i64> = row.try_get(column)?;
            wrong.extend(
                found.filter(|found| *found > 0 || column == "not_serving").map(|found| format!("{found} {what}")),
            );
        }
        Ok(if wrong.is_empty() { "ok".to_owned() } else { wrong.join("; ") })
    }

    async fn close(&self) {
        self.listening.stop();
        // What cannot be given up ends by itself.
        drop(tokio::time::timeout(CLOSING_MAX, self.give_up_leases()).await);
        drop(tokio::time::timeout(CLOSING_MAX, self.pool.close()).await);
    }
}

/// Counts that are 0 in a sound database, and the server's version.
const DISAGREEMENTS: &str = "select current_setting('server_version_num')::bigint as server_version,
    (select count(*) from (select 1 from chunkings k
        left join chunks c on c.document_id = k.document_id and c.generation = k.generation
        group by k.document_id, k.generation, k.chunk_count having count(c.id) <> k.chunk_count) counted) as miscounted,
    (select count(*) from chunks c where not exists (select 1 from chunkings k
        where k.document_id = c.document_id and k.generation = c.generation)) as unowned,
    (select count(*) from documents d where d.state = 'ready' and not exists (select 1 from texts t
        where t.document_id = d.id)) as without_text,
    (select count(distinct (c.document_id, c.generation)) from chunks c
        join chunkings k on k.document_id = c.document_id and k.generation = c.generation and k.embedded
        join generations g on g.id = c.generation
        where not exists (select 1 from embeddings e where e.model = g.model and e.text_hash = c.text_hash)
    ) as without_vectors,
    (select nullif(count(*), 1) from generations where serving) as not_serving";

/// How often a transaction is run that the server undoes because another one was in its way.
const ATTEMPTS_MAX: u32 = 6;
/// The longest pause before the second attempt; each further one doubles it.
const PAUSE_MS: u64 = 20;

/// Runs a transaction, again when another one was in its way.
async fn retried<T, F>(transaction: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    for attempt in 1..ATTEMPTS_MAX {
        match transaction().await {
            Err(error) if error.is_conflict() => {
                let pause = fastrand::u64(1..=PAUSE_MS << attempt);
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            done => return done,
        }
    }
    transaction().await
}

/// Ids in the form of a parameter `bytea[]`.
fn raw_ids(ids: &[DocumentId]) -> Vec<&[u8]> {
    ids.iter().map(DocumentId::as_bytes).collect()
}

/// Text as this database can hold it.
fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}
