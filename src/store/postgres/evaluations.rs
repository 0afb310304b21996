//! Measurements that were kept, so that a later one shows what changed.

use async_trait::async_trait;

use super::{PostgresStore, storable};
use crate::store::{Evaluation, Evaluations, NewEvaluation, StoreError};

#[async_trait]
impl Evaluations for PostgresStore {
    async fn save_evaluation(&self, new: &NewEvaluation, now_ms: i64) -> Result<(), StoreError> {
        let sql = "insert into evaluations (dataset, digest, measured_at_ms, report) values ($1, $2, $3, $4)";
        let query = sqlx::query(sql).bind(storable(&new.dataset)).bind(storable(&new.digest)).bind(now_ms);
        query.bind(storable(&new.report)).execute(&mut *self.connection().await?).await?;
        Ok(())
    }

    async fn last_evaluation(&self, digest: &str) -> Result<Option<Evaluation>, StoreError> {
        let sql = "select measured_at_ms, report from evaluations where digest = $1 order by id desc limit 1";
        let query = sqlx::query_as(sql).bind(storable(digest));
        let found: Option<(i64, String)> = query.fetch_optional(&mut *self.connection().await?).await?;
        Ok(found.map(|(measured_at_ms, report)| Evaluation { measured_at_ms, report }))
    }
}
