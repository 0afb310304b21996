//! Who may read what: principals, and the caller that a door has established.
//!
//! A document carries readers, or takes those of its collection. What is known of neither is read by nobody but the owner.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use super::FacetQuery;

/// Somebody, or a group of them, that may read: `user:alice`, `group:staff`, `everyone`. 1 to 256 bytes without control
/// characters, commas and white space.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct Principal(String);

/// A principal that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("principal {0:?} is not 1 to 256 bytes without commas, spaces and control characters, such as user:alice")]
pub struct InvalidPrincipal(String);

const PRINCIPAL_BYTES_MAX: usize = 256;

impl Principal {
    /// Every caller that a door lets in, known by name or not.
    pub fn everyone() -> Self {
        Self("everyone".to_owned())
    }

    /// The principal as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The facet of a document that it may read.
    pub(super) fn facet(&self) -> String {
        format!("r:{}", self.0)
    }
}

impl FromStr for Principal {
    type Err = InvalidPrincipal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| !c.is_control() && !c.is_whitespace() && c != ',';
        if (1..=PRINCIPAL_BYTES_MAX).contains(&text.len()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPrincipal(text.chars().take(80).collect()))
        }
    }
}

impl<'de> Deserialize<'de> for Principal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Caller {
    /// Whoever runs the program: reads everything.
    Owner,
    /// Whoever may act as these principals; with none of them, nothing can be read.
    Principals(BTreeSet<Principal>),
}

impl Caller {
    /// Narrows a query to what the caller may read. Every index and the check against the truth take the narrowed one.
    #[must_use]
    pub fn narrowed(&self, mut query: FacetQuery) -> FacetQuery {
        if let Self::Principals(principals) = self {
            query.groups.push(principals.iter().map(Principal::facet).collect());
        }
        query
    }

    /// Whose threads the caller has: one account for the owner, one for each person, and one for each set of groups that
    /// names no person.
    pub fn account(&self) -> String {
        let Self::Principals(principals) = self else { return "owner".to_owned() };
        let names: Vec<&str> = principals.iter().map(Principal::as_str).collect();
        let people: Vec<&str> = names.iter().copied().filter(|name| name.starts_with("user:")).collect();
        format!("as:{}", if people.is_empty() { names } else { people }.join(","))
    }

    /// Whether the caller may read what these readers may.
    pub fn may_read(&self, readers: &BTreeSet<Principal>) -> bool {
        match self {
            Self::Owner => true,
            Self::Principals(principals) => principals.iter().any(|principal| readers.contains(principal)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_checked() {
        assert!("group:연구소".parse::<Principal>().is_ok());
        for bad in ["", "a b", "a,b", "a\n", &"a".repeat(257)] {
            assert!(bad.parse::<Principal>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_account_is_a_person_or_what_is_known_of_one() {
        let account = |names: &[&str]| Caller::Principals(names.iter().map(|name| name.parse().unwrap()).collect());
        assert_eq!(Caller::Owner.account(), "owner");
        assert_eq!(account(&["everyone", "user:bob", "group:staff", "user:ann"]).account(), "as:user:ann,user:bob");
        assert_eq!(account(&["group:staff", "everyone"]).account(), "as:everyone,group:staff");
        assert_eq!(account(&["owner"]).account(), "as:owner", "a principal is not the owner");
        assert_eq!(account(&[]).account(), "as:");
    }

    #[test]
    fn a_caller_that_nobody_knows_reads_nothing() {
        let facets = BTreeSet::from(["c:default".to_owned(), "r:everyone".to_owned()]);
        let unknown = Caller::Principals(BTreeSet::new());
        assert!(!unknown.narrowed(FacetQuery::default()).matches(&facets));
        assert!(!unknown.may_read(&BTreeSet::from([Principal::everyone()])));
        assert!(Caller::Owner.narrowed(FacetQuery::default()).matches(&BTreeSet::new()));
    }
}
