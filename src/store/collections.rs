//! Collections: named sets of documents.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::Serialize;

use super::StoreError;
use crate::types::{CollectionName, Principal};

/// A collection and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CollectionSummary {
    /// Its name.
    #[schema(value_type = String)]
    pub name: CollectionName,
    /// Who may read documents that name no readers of their own.
    #[schema(value_type = Vec<String>)]
    pub readers: BTreeSet<Principal>,
    /// Documents that can be searched.
    pub documents: u64,
    /// Documents that could not be read.
    pub failed: u64,
    /// Documents whose vectors are complete.
    pub embedded: u64,
    /// Chunks of all documents.
    pub chunks: u64,
}

/// Collections.
#[async_trait]
pub trait Collections {
    /// Makes the collection if it is not there. Everyone may read it until [`Self::set_collection_readers`] says otherwise.
    ///
    /// # Errors
    /// Database errors.
    async fn ensure_collection(&self, name: &CollectionName, now_ms: i64) -> Result<(), StoreError>;

    /// Says who may read the collection's documents that name no readers, and adds a change for each of them. `false`
    /// when there is no such collection.
    ///
    /// # Errors
    /// Database errors; then nothing is written.
    async fn set_collection_readers(
        &self,
        name: &CollectionName,
        readers: &BTreeSet<Principal>,
    ) -> Result<bool, StoreError>;

    /// Every collection, by name.
    ///
    /// # Errors
    /// Database errors.
    async fn collections(&self) -> Result<Vec<CollectionSummary>, StoreError>;
}
