//! Measurements that were kept, so that a later one shows what changed.

use async_trait::async_trait;

use super::SqliteStore;
use crate::store::{Evaluation, Evaluations, NewEvaluation, StoreError};

#[async_trait]
impl Evaluations for SqliteStore {
    async fn save_evaluation(&self, new: &NewEvaluation, now_ms: i64) -> Result<(), StoreError> {
        let sql = "insert into evaluations (dataset, digest, measured_at_ms, report) values ($1, $2, $3, $4)";
        let query = sqlx::query(sql).bind(&new.dataset).bind(&new.digest).bind(now_ms).bind(&new.report);
        query.execute(&self.writer).await?;
        Ok(())
    }

    async fn last_evaluation(&self, digest: &str) -> Result<Option<Evaluation>, StoreError> {
        let sql = "select measured_at_ms, report from evaluations where digest = $1 order by id desc limit 1";
        let found: Option<(i64, String)> = sqlx::query_as(sql).bind(digest).fetch_optional(&self.reader).await?;
        Ok(found.map(|(measured_at_ms, report)| Evaluation { measured_at_ms, report }))
    }
}
