//! Citations that were given, so that each can be looked up again.

use async_trait::async_trait;

use super::StoreError;
use crate::types::{Citation, CitationId};

/// A citation that was given.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedCitation {
    /// As it was given.
    pub citation: Citation,
    /// The run that gave it.
    pub run_id: String,
    /// When, in milliseconds since 1970 (UTC).
    pub made_at_ms: i64,
}

/// The citations of the runs that ended.
#[async_trait]
pub trait CitationLog {
    /// A citation that an account was given.
    ///
    /// # Errors
    /// Database errors.
    async fn citation(&self, id: &CitationId, account: &str) -> Result<Option<LoggedCitation>, StoreError>;
}
