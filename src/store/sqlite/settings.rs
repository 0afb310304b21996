//! Settings: small values by name.

use async_trait::async_trait;

use super::SqliteStore;
use crate::store::{Settings, StoreError};

#[async_trait]
impl Settings for SqliteStore {
    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let sql = "select value from settings where name = $1";
        Ok(sqlx::query_scalar(sql).bind(name).fetch_optional(&self.reader).await?)
    }

    async fn settings(&self, prefix: &str) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "select name, value from settings where substr(name, 1, length($1)) = $1 order by name";
        Ok(sqlx::query_as(sql).bind(prefix).fetch_all(&self.reader).await?)
    }

    async fn set_setting(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let sql = "insert into settings (name, value) values ($1, $2)
            on conflict (name) do update set value = excluded.value";
        sqlx::query(sql).bind(name).bind(value).execute(&self.writer).await?;
        Ok(())
    }

    async fn setting_or(&self, name: &str, value: &str) -> Result<String, StoreError> {
        let sql = "insert into settings (name, value) values ($1, $2) on conflict (name) do nothing";
        sqlx::query(sql).bind(name).bind(value).execute(&self.writer).await?;
        let read = "select value from settings where name = $1";
        Ok(sqlx::query_scalar(read).bind(name).fetch_one(&self.writer).await?)
    }
}
