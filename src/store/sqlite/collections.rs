//! Collections: named sets of documents.

use serde::Serialize;
use sqlx::Row;

use super::super::StoreError;
use super::Store;
use crate::types::CollectionName;

/// A collection and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CollectionSummary {
    /// Its name.
    #[schema(value_type = String)]
    pub name: CollectionName,
    /// Documents that can be searched.
    pub documents: u64,
    /// Documents that could not be read.
    pub failed: u64,
    /// Documents whose vectors are complete.
    pub embedded: u64,
    /// Chunks of all documents.
    pub chunks: u64,
}

impl Store {
    /// Makes the collection if it is not there.
    ///
    /// # Errors
    /// Database errors.
    pub async fn ensure_collection(&self, name: &CollectionName, now_ms: i64) -> Result<(), StoreError> {
        let sql = "insert into collections (name, created_at_ms) values (?, ?) on conflict (name) do nothing";
        sqlx::query(sql).bind(name.as_str()).bind(now_ms).execute(&self.writer).await?;
        Ok(())
    }

    /// Every collection, by name.
    ///
    /// # Errors
    /// Database errors.
    pub async fn collections(&self) -> Result<Vec<CollectionSummary>, StoreError> {
        let sql = "select c.name as name,
                count(d.id) filter (where d.state = 'ready') as documents,
                count(d.id) filter (where d.state = 'failed') as failed,
                count(d.id) filter (where d.state = 'ready' and d.embedded = 1) as embedded,
                coalesce(sum(d.chunk_count), 0) as chunks
            from collections c left join documents d on d.collection_id = c.id
            group by c.id order by c.name";
        let rows = sqlx::query(sql).fetch_all(&self.reader).await?;
        rows.iter()
            .map(|row| {
                let name: String = row.try_get("name")?;
                let name = name.parse().map_err(|_| StoreError::Corrupt { what: "collection name", key: name })?;
                Ok(CollectionSummary {
                    name,
                    documents: row.try_get::<i64, _>("documents")?.unsigned_abs(),
                    failed: row.try_get::<i64, _>("failed")?.unsigned_abs(),
                    embedded: row.try_get::<i64, _>("embedded")?.unsigned_abs(),
                    chunks: row.try_get::<i64, _>("chunks")?.unsigned_abs(),
                })
            })
            .collect()
    }
}
