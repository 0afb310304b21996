//! Options that narrow a search, shared by the commands that search.

use crate::types::{Caller, CollectionName, Filter, FilterError, Principal};

/// What to narrow a search to.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct FilterArgs {
    /// Only this collection; may be given more than once.
    #[arg(long, value_name = "NAME")]
    collection: Vec<CollectionName>,
    /// Only documents where FIELD is VALUE: `uri=docs/guide` for everything under a path, `type=pdf`, `lang=ko`, `date=2024-05`,
    /// `after=` and `before=` a date, or any metadata field; `metadata.date=x` for a metadata field with such a name. May be
    /// given more than once.
    #[arg(long, value_name = "FIELD=VALUE", value_parser = pair)]
    filter: Vec<String>,
    /// Search as somebody who may act as these, such as user:alice,group:staff: only what they may read is found. Without it
    /// everything is.
    #[arg(long = "as", value_name = "PRINCIPAL,...", value_delimiter = ',')]
    principals: Option<Vec<Principal>>,
}

/// What can be read as a part of a filter.
fn pair(text: &str) -> Result<String, FilterError> {
    Filter::default().add_pair(text)?;
    Ok(text.to_owned())
}

impl FilterArgs {
    /// Who asks.
    pub(super) fn caller(&self) -> Caller {
        let principals = self.principals.as_ref();
        principals.map_or(Caller::Owner, |principals| Caller::Principals(principals.iter().cloned().collect()))
    }

    pub(super) fn filter(&self) -> anyhow::Result<Filter> {
        let mut filter = Filter { collections: self.collection.clone(), ..Filter::default() };
        for pair in &self.filter {
            filter.add_pair(pair)?;
        }
        Ok(filter)
    }
}
