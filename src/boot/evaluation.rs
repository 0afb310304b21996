//! Data folders that only a measurement uses: nothing of them is outside of them, and most are gone afterwards.

use anyhow::Context;
use tempfile::TempDir;

use super::chunking;
use crate::config::{Config, VectorBackend};

/// The configuration of such a folder: the database and the indexes are in it, whatever a service is configured to use.
pub fn for_evaluation(config: &Config) -> Config {
    let mut alone = config.clone();
    alone.store.url = None;
    alone.vector.backend = config.vector.backend.filter(|backend| *backend == VectorBackend::Exact);
    alone
}

/// Whether both configurations give the same chunks and vectors, so that one folder serves both.
pub fn same_index(a: &Config, b: &Config) -> bool {
    a.embedding.model.unwrap_or_default() == b.embedding.model.unwrap_or_default() && chunking(a) == chunking(b)
}

/// A folder that is deleted when the value is dropped.
///
/// # Errors
/// When it cannot be made.
pub fn temporary_folder() -> anyhow::Result<TempDir> {
    let made = tempfile::Builder::new().prefix("ibid-eval-").tempdir();
    made.with_context(|| format!("a folder in {} cannot be made", std::env::temp_dir().display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_stays_in_its_folder() {
        let mut config = Config::default();
        config.store.url = Some("postgres://db/ibid".to_owned());
        config.vector.backend = Some(VectorBackend::Pgvector);
        let alone = for_evaluation(&config);
        assert_eq!((alone.store.url, alone.vector.backend), (None, None));
        config.vector.backend = Some(VectorBackend::Exact);
        assert_eq!(for_evaluation(&config).vector.backend, Some(VectorBackend::Exact));
    }

    #[test]
    fn what_only_changes_the_search_shares_the_index() {
        let base = Config::default();
        let mut other = Config::default();
        other.search.passages += 1;
        assert!(same_index(&base, &other));
        other.ingest.chunk_tokens_max = Some(64);
        assert!(!same_index(&base, &other));
    }
}
