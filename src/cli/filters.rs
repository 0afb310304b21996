//! Options that narrow a search, shared by the commands that search.

use crate::types::{CollectionName, Filter};

/// What to narrow a search to.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct FilterArgs {
    /// Only this collection; may be given more than once.
    #[arg(long, value_name = "NAME")]
    collection: Vec<CollectionName>,
    /// Only documents where FIELD is VALUE: `uri=docs/guide` for everything under a path, `type=application/pdf`, or any
    /// metadata field; may be given more than once.
    #[arg(long, value_name = "FIELD=VALUE")]
    filter: Vec<String>,
}

impl FilterArgs {
    pub(super) fn filter(&self) -> anyhow::Result<Filter> {
        let mut filter = Filter { collections: self.collection.clone(), ..Filter::default() };
        for pair in &self.filter {
            filter.add_pair(pair)?;
        }
        Ok(filter)
    }
}
