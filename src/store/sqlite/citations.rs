//! Citations that were given, so that each can be looked up again.

use async_trait::async_trait;

use super::SqliteStore;
use crate::store::rows::{CITATION, CitationRow};
use crate::store::{CitationLog, LoggedCitation, StoreError};
use crate::types::CitationId;

#[async_trait]
impl CitationLog for SqliteStore {
    async fn citation(&self, id: &CitationId, account: &str) -> Result<Option<LoggedCitation>, StoreError> {
        let query = sqlx::query_as(CITATION).bind(id.as_str()).bind(account);
        let row: Option<CitationRow> = query.fetch_optional(&self.reader).await?;
        row.map(LoggedCitation::try_from).transpose()
    }
}
