//! Measurements that were kept, so that a later one shows what changed.

use async_trait::async_trait;

use super::StoreError;

/// A measurement to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvaluation {
    /// The name of what was measured on.
    pub dataset: String,
    /// Of the queries and what answers them.
    pub digest: String,
    /// The report, as JSON.
    pub report: String,
}

/// A measurement that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// When, in milliseconds since 1970 (UTC).
    pub measured_at_ms: i64,
    /// The report, as JSON.
    pub report: String,
}

/// Kept measurements.
#[async_trait]
pub trait Evaluations {
    /// Keeps a measurement beside the earlier ones.
    ///
    /// # Errors
    /// Database errors; then nothing is written.
    async fn save_evaluation(&self, new: &NewEvaluation, now_ms: i64) -> Result<(), StoreError>;

    /// The measurement that was kept last for the same queries and answers.
    ///
    /// # Errors
    /// Database errors.
    async fn last_evaluation(&self, digest: &str) -> Result<Option<Evaluation>, StoreError>;
}
