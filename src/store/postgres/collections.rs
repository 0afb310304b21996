//! Collections: named sets of documents.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::changes::{append_changes, each};
use super::facets::write_facets;
use super::{PostgresStore, retried};
use crate::store::rows::{CollectionRow, document_id, json};
use crate::store::{ChangeKind, CollectionSummary, Collections, StoreError};
use crate::types::{CollectionName, Principal};

impl PostgresStore {
    async fn write_collection_readers(
        &self,
        name: &CollectionName,
        readers: &BTreeSet<Principal>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        // Whoever writes a document holds the collection's row, so that this waits for it, and then sees its document.
        let sql = "update collections set readers = $1 where name = $2 returning id";
        let query = sqlx::query_scalar(sql).bind(json(readers)).bind(name.as_str());
        let Some(collection): Option<i64> = query.fetch_optional(&mut *tx).await? else { return Ok(false) };
        let read_by = "select id from documents where collection_id = $1 and readers is null and state = 'ready'
            order by id for no key update";
        let documents: Vec<Vec<u8>> = sqlx::query_scalar(read_by).bind(collection).fetch_all(&mut *tx).await?;
        let documents = documents.iter().map(|id| document_id(id)).collect::<Result<Vec<_>, _>>()?;
        write_facets(&mut tx, &documents).await?;
        append_changes(&mut tx, &each(&documents, ChangeKind::Put, None)).await?;
        tx.commit().await?;
        Ok(true)
    }
}

#[async_trait]
impl Collections for PostgresStore {
    async fn ensure_collection(&self, name: &CollectionName, now_ms: i64) -> Result<(), StoreError> {
        let sql = "insert into collections (name, created_at_ms) values ($1, $2) on conflict (name) do nothing";
        let query = sqlx::query(sql).bind(name.as_str()).bind(now_ms);
        query.execute(&mut *self.connection().await?).await?;
        Ok(())
    }

    async fn set_collection_readers(
        &self,
        name: &CollectionName,
        readers: &BTreeSet<Principal>,
    ) -> Result<bool, StoreError> {
        retried(|| self.write_collection_readers(name, readers)).await
    }

    async fn collections(&self) -> Result<Vec<CollectionSummary>, StoreError> {
        let sql = "select n.name, n.readers,
                count(d.id) filter (where d.state = 'ready') as documents,
                count(d.id) filter (where d.state = 'failed') as failed,
                count(d.id) filter (where d.state = 'ready' and k.embedded) as embedded,
                cast(coalesce(sum(k.chunk_count), 0) as bigint) as chunks
            from collections n left join documents d on d.collection_id = n.id
            left join chunkings k on k.document_id = d.id and k.generation = (select id from generations where serving)
            group by n.id order by n.name collate \"C\"";
        let rows: Vec<CollectionRow> = sqlx::query_as(sql).fetch_all(&mut *self.connection().await?).await?;
        rows.into_iter().map(CollectionSummary::try_from).collect()
    }
}
