//! The journal: a step's result is recorded once and read ever after.

use std::future::Future;
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::RunError;
use crate::faults;
use crate::store::Store;

/// The journal of one run.
pub(super) struct Journal<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) run_id: &'a str,
    /// A digest of what was asked, so that a run id that is used for another question finds nothing of the first one.
    pub(super) input: String,
}

impl Journal<'_> {
    /// What the step returned before, if it finished.
    pub(super) async fn recorded<T: DeserializeOwned>(&self, step: &str) -> Result<Option<T>, RunError> {
        let result = self.store.step_result(self.run_id, &self.key(step)).await?;
        Ok(result.and_then(|json| serde_json::from_str(&json).ok()))
    }

    /// Records what a step returned.
    pub(super) async fn record<T: Serialize>(&self, step: &str, result: &T, began: Instant) -> Result<(), RunError> {
        let json = serde_json::to_string(result).map_err(|error| RunError::Internal(error.to_string()))?;
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.store.record_step(self.run_id, &self.key(step), &json, took_ms).await?;
        faults::point();
        Ok(())
    }

    /// The recorded result of a step, or the work done and recorded.
    pub(super) async fn step<T, W>(&self, step: &str, work: W) -> Result<T, RunError>
    where
        T: Serialize + DeserializeOwned,
        W: Future<Output = Result<T, RunError>>,
    {
        if let Some(recorded) = self.recorded(step).await? {
            return Ok(recorded);
        }
        let began = Instant::now();
        let result = work.await?;
        self.record(step, &result, began).await?;
        Ok(result)
    }

    fn key(&self, step: &str) -> String {
        format!("{step}:{}", self.input)
    }
}
