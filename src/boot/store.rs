//! Which database holds the truth.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::data_folder::database;
use crate::config::Config;
use crate::store::{PostgresOptions, PostgresStore, SqliteStore, Store};

/// Opens the database that the configuration names, and does not touch the data folder otherwise: what only looks at the
/// truth, or leaves a wish there, may do so while another process holds the folder.
///
/// # Errors
/// One sentence by what is wrong.
pub async fn open_store(config: &Config, data: &Path) -> anyhow::Result<Arc<dyn Store>> {
    match &config.store.url {
        Some(url) => {
            let timeout = Duration::from_secs(config.store.connect_timeout_s);
            let options = PostgresOptions {
                connections_max: config.store.connections_max.max(2),
                connect_timeout: timeout,
                acquire_timeout: timeout,
                ..PostgresOptions::new(url, &uuid::Uuid::new_v4().to_string())
            };
            Ok(Arc::new(PostgresStore::open(&options).await?))
        }
        None => Ok(Arc::new(SqliteStore::open(&database(data)).await?)),
    }
}

/// Whether there is anything to open: a database server, or a file that was made before.
pub fn store_exists(config: &Config, data: &Path) -> bool {
    config.store.url.is_some() || database(data).exists()
}
