//! The change log, and how far its followers are.

use sqlx::{Row, Sqlite, Transaction};

use super::super::StoreError;
use super::Store;
use super::rows::{document_id, signed};
use crate::types::{DocumentId, Seq};

/// One row of the change log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Its place.
    pub seq: Seq,
    /// The document.
    pub document: DocumentId,
    /// What happened.
    pub kind: ChangeKind,
}

/// What happened to a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// Its text and chunks were written.
    Put,
    /// The vectors of all its chunks are there.
    Embedded,
    /// It is gone, or could not be read any more.
    Delete,
}

impl ChangeKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Embedded => "embedded",
            Self::Delete => "delete",
        }
    }
}

pub(super) async fn append_change(
    tx: &mut Transaction<'_, Sqlite>,
    id: DocumentId,
    kind: ChangeKind,
) -> Result<Seq, StoreError> {
    let sql = "insert into changes (document_id, kind) values (?, ?)";
    let done = sqlx::query(sql).bind(id.as_bytes()).bind(kind.as_str()).execute(&mut **tx).await?;
    Ok(Seq(done.last_insert_rowid().unsigned_abs()))
}

impl Store {
    /// At most `limit` changes after `seq`, oldest first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn changes_after(&self, seq: Seq, limit: u32) -> Result<Vec<Change>, StoreError> {
        let sql = "select seq, document_id as id, kind from changes where seq > ? order by seq limit ?";
        let rows = sqlx::query(sql).bind(signed(seq.0)).bind(limit).fetch_all(&self.reader).await?;
        rows.iter()
            .map(|row| {
                let kind = match row.try_get::<&str, _>("kind")? {
                    "put" => ChangeKind::Put,
                    "embedded" => ChangeKind::Embedded,
                    _ => ChangeKind::Delete,
                };
                let place = Seq(row.try_get::<i64, _>("seq")?.unsigned_abs());
                Ok(Change { seq: place, document: document_id(row)?, kind })
            })
            .collect()
    }

    /// The newest place in the change log.
    ///
    /// # Errors
    /// Database errors.
    pub async fn last_seq(&self) -> Result<Seq, StoreError> {
        let sql = "select coalesce(max(seq), 0) from changes";
        let seq: i64 = sqlx::query_scalar(sql).fetch_one(&self.reader).await?;
        Ok(Seq(seq.unsigned_abs()))
    }

    /// How far a view has followed, for views that cannot say it themselves.
    ///
    /// # Errors
    /// Database errors.
    pub async fn checkpoint(&self, view: &str) -> Result<Seq, StoreError> {
        let sql = "select seq from checkpoints where view = ?";
        let seq: Option<i64> = sqlx::query_scalar(sql).bind(view).fetch_optional(&self.reader).await?;
        Ok(Seq(seq.unwrap_or(0).unsigned_abs()))
    }

    /// Notes how far a view has followed; called after the view has made it durable.
    ///
    /// # Errors
    /// Database errors.
    pub async fn set_checkpoint(&self, view: &str, seq: Seq) -> Result<(), StoreError> {
        let sql =
            "insert into checkpoints (view, seq) values (?, ?) on conflict (view) do update set seq = excluded.seq";
        sqlx::query(sql).bind(view).bind(signed(seq.0)).execute(&self.writer).await?;
        Ok(())
    }
}
