//! Settings: small values by name.

use async_trait::async_trait;

use super::{PostgresStore, storable};
use crate::store::{Settings, StoreError};

#[async_trait]
impl Settings for PostgresStore {
    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let query = sqlx::query_scalar("select value from settings where name = $1").bind(name);
        Ok(query.fetch_optional(&mut *self.connection().await?).await?)
    }

    async fn settings(&self, prefix: &str) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "select name, value from settings where starts_with(name, $1) order by name collate \"C\"";
        Ok(sqlx::query_as(sql).bind(prefix).fetch_all(&mut *self.connection().await?).await?)
    }

    async fn set_setting(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let sql = "insert into settings (name, value) values ($1, $2)
            on conflict (name) do update set value = excluded.value";
        sqlx::query(sql).bind(name).bind(storable(value)).execute(&mut *self.connection().await?).await?;
        Ok(())
    }

    async fn setting_or(&self, name: &str, value: &str) -> Result<String, StoreError> {
        let mut connection = self.connection().await?;
        // Waits for another one that sets it at this moment; the next statement sees what that one set.
        let sql = "insert into settings (name, value) values ($1, $2) on conflict (name) do nothing";
        sqlx::query(sql).bind(name).bind(storable(value)).execute(&mut *connection).await?;
        let query = sqlx::query_scalar("select value from settings where name = $1").bind(name);
        Ok(query.fetch_one(&mut *connection).await?)
    }
}
