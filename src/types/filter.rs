//! What a search is narrowed to, reduced to facet terms so that every index filters by the same rule.
//!
//! A document carries a set of *facets*, plain strings such as `c:default` or `u:docs/guide`. A filter becomes an AND
//! of ORs over facets. An index only has to match strings; what a prefix or a metadata field means is decided here.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{CollectionName, Document, Principal};

/// A filter as a caller writes it. An empty filter lets everything through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// Any of these collections; empty means all.
    pub collections: Vec<CollectionName>,
    /// The document's URI is this, or lies under it as a path: `docs` lets `docs/a.md` through and not `docs2/a.md`.
    pub uri_prefix: Option<String>,
    /// Any of these MIME types; empty means all.
    pub media_types: Vec<String>,
    /// Every one of these metadata fields has exactly this value.
    pub metadata: BTreeMap<String, String>,
}

/// A filter that cannot be applied.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FilterError {
    /// `key=value` was expected.
    #[error("filter {0:?} is not of the form field=value")]
    NotAPair(String),
    /// Too many conditions.
    #[error("the filter has {0} values, the limit is {TERMS_MAX}")]
    TooMany(usize),
}

/// Each condition costs a posting list in both indexes; nobody writes this many by hand.
const TERMS_MAX: usize = 256;

/// An AND of ORs over facets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FacetQuery {
    /// Every group must be met by at least one of its facets. No group means everything.
    pub groups: Vec<Vec<String>>,
}

impl FacetQuery {
    /// Whether a document with these facets passes: the meaning that every index has to agree with.
    pub fn matches(&self, facets: &BTreeSet<String>) -> bool {
        self.groups.iter().all(|group| group.iter().any(|facet| facets.contains(facet)))
    }

    /// Whether everything passes.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

impl Filter {
    /// Adds one `field=value` as the command line writes it: `collection`, `uri` and `type` are known, any other
    /// field is metadata.
    ///
    /// # Errors
    /// [`FilterError::NotAPair`] when there is no `=`, or nothing before it.
    pub fn add_pair(&mut self, pair: &str) -> Result<(), FilterError> {
        let not_a_pair = || FilterError::NotAPair(pair.chars().take(80).collect());
        let (field, value) = pair.split_once('=').ok_or_else(not_a_pair)?;
        match field {
            "" => return Err(not_a_pair()),
            "collection" => self.collections.push(value.parse().map_err(|_| not_a_pair())?),
            "uri" => self.uri_prefix = Some(value.to_owned()),
            "type" => self.media_types.push(value.to_owned()),
            _ => drop(self.metadata.insert(field.to_owned(), value.to_owned())),
        }
        Ok(())
    }

    /// The filter as facets.
    ///
    /// # Errors
    /// [`FilterError::TooMany`] over the limit on values.
    pub fn facets(&self) -> Result<FacetQuery, FilterError> {
        let count = self.collections.len() + self.media_types.len() + self.metadata.len();
        if count > TERMS_MAX {
            return Err(FilterError::TooMany(count));
        }
        let mut groups = Vec::new();
        if !self.collections.is_empty() {
            groups.push(self.collections.iter().map(collection_facet).collect());
        }
        if let Some(prefix) = self.uri_prefix.as_deref().map(|p| p.trim_end_matches('/')).filter(|p| !p.is_empty()) {
            groups.push(vec![format!("u:{prefix}")]);
        }
        if !self.media_types.is_empty() {
            groups.push(self.media_types.iter().map(|mime| format!("m:{mime}")).collect());
        }
        groups.extend(self.metadata.iter().map(|(key, value)| vec![metadata_facet(key, value)]));
        Ok(FacetQuery { groups })
    }
}

/// The facets that a document carries in every index.
pub fn document_facets(document: &Document) -> BTreeSet<String> {
    let mut facets = BTreeSet::from([collection_facet(&document.collection), format!("m:{}", document.media_type)]);
    facets.extend(path_prefixes(&document.uri).map(|prefix| format!("u:{prefix}")));
    facets.extend(document.readers.iter().map(Principal::facet));
    facets.extend(document.metadata.iter().map(|(key, value)| metadata_facet(key, value)));
    facets
}

/// Every path that `uri` lies under, itself included: `a/b/c` gives `a`, `a/b` and `a/b/c`.
pub fn path_prefixes(uri: &str) -> impl Iterator<Item = &str> {
    let inner = uri.match_indices('/').map(|(at, _)| &uri[..at]).filter(|prefix| !prefix.is_empty());
    inner.chain(std::iter::once(uri.trim_end_matches('/')))
}

fn collection_facet(collection: &CollectionName) -> String {
    format!("c:{collection}")
}

/// The key's length comes first, so that no key and value can look like another pair.
fn metadata_facet(key: &str, value: &str) -> String {
    format!("k{}:{key}={value}", key.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_prefix_ends_at_a_path_boundary() {
        let prefixes: Vec<_> = path_prefixes("docs/guide/a.md").collect();
        assert_eq!(prefixes, ["docs", "docs/guide", "docs/guide/a.md"]);
        let filter = Filter { uri_prefix: Some("docs/guide/".to_owned()), ..Filter::default() };
        let query = filter.facets().unwrap();
        let under = |uri: &str| path_prefixes(uri).map(|prefix| format!("u:{prefix}")).collect::<BTreeSet<_>>();
        assert!(query.matches(&under("docs/guide/a.md")));
        assert!(!query.matches(&under("docs/guide2/a.md")));
    }

    #[test]
    fn pairs_name_fields_and_metadata() {
        let mut filter = Filter::default();
        for pair in ["collection=notes", "uri=a/b", "type=text/html", "lang=ko"] {
            filter.add_pair(pair).unwrap();
        }
        assert_eq!(filter.facets().unwrap().groups.len(), 4);
        assert!(filter.add_pair("nonsense").is_err());
        assert!(filter.add_pair("=x").is_err());
    }

    #[test]
    fn too_many_values_are_refused() {
        let filter = Filter { media_types: vec![String::new(); TERMS_MAX + 1], ..Filter::default() };
        assert_eq!(filter.facets(), Err(FilterError::TooMany(TERMS_MAX + 1)));
    }
}
