//! Threads: the conversations of an account.

use async_trait::async_trait;
use sqlx::{Postgres, QueryBuilder};

use super::{PostgresStore, retried, storable};
use crate::store::rows::{THREADS, TURNS, ThreadRow, TurnRow};
use crate::store::{StoreError, ThreadQuery, Threads};
use crate::types::{Thread, Turn};

#[async_trait]
impl Threads for PostgresStore {
    async fn thread(&self, id: &str, account: &str, now_ms: i64) -> Result<Option<Thread>, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new(THREADS);
        sql.push(" where id = ").push_bind(storable(id)).push(" and account = ").push_bind(storable(account));
        sql.push(" and (expires_at_ms is null or expires_at_ms > ").push_bind(now_ms).push(")");
        let row: Option<ThreadRow> = sql.build_query_as().fetch_optional(&mut *self.connection().await?).await?;
        Ok(row.map(Thread::from))
    }

    async fn threads(&self, account: &str, query: &ThreadQuery, now_ms: i64) -> Result<Vec<Thread>, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new(THREADS);
        sql.push(" where account = ").push_bind(storable(account));
        sql.push(" and title <> ''");
        sql.push(" and (expires_at_ms is null or expires_at_ms > ").push_bind(now_ms).push(")");
        if let Some((at_ms, id)) = &query.after {
            sql.push(" and (updated_at_ms, id collate \"C\") < (").push_bind(*at_ms);
            sql.push(", ").push_bind(storable(id)).push(")");
        }
        sql.push(" order by updated_at_ms desc, id collate \"C\" desc limit ").push_bind(i64::from(query.limit));
        let rows: Vec<ThreadRow> = sql.build_query_as().fetch_all(&mut *self.connection().await?).await?;
        Ok(rows.into_iter().map(Thread::from).collect())
    }

    async fn rename_thread(&self, id: &str, account: &str, title: &str) -> Result<bool, StoreError> {
        let query = sqlx::query("update threads set title = $3 where id = $1 and account = $2");
        let query = query.bind(storable(id)).bind(storable(account)).bind(storable(title));
        Ok(query.execute(&mut *self.connection().await?).await?.rows_affected() > 0)
    }

    async fn delete_thread(&self, id: &str, account: &str) -> Result<bool, StoreError> {
        let remove = async || {
            let query = sqlx::query("delete from threads where id = $1 and account = $2");
            let query = query.bind(storable(id)).bind(storable(account));
            Ok(query.execute(&mut *self.connection().await?).await?.rows_affected() > 0)
        };
        retried(remove).await
    }

    async fn expire_threads(&self, now_ms: i64) -> Result<u64, StoreError> {
        let remove = async || {
            let query = sqlx::query("delete from threads where expires_at_ms <= $1").bind(now_ms);
            Ok(query.execute(&mut *self.connection().await?).await?.rows_affected())
        };
        retried(remove).await
    }

    async fn turns(&self, id: &str, account: &str, newest: u32) -> Result<Vec<Turn>, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new(TURNS);
        sql.push(" where r.thread_id = ").push_bind(storable(id));
        sql.push(" and t.account = ").push_bind(storable(account));
        sql.push(" order by r.number desc limit ").push_bind(i64::from(newest));
        let rows: Vec<TurnRow> = sql.build_query_as().fetch_all(&mut *self.connection().await?).await?;
        rows.into_iter().rev().map(Turn::try_from).collect()
    }
}
