//! What a search is narrowed to, reduced to facet terms so that every index filters by the same rule.
//!
//! A document carries a set of *facets*, plain strings such as `c:default` or `u:docs/guide`. A filter becomes an AND
//! of ORs over facets. An index only has to match strings; what a prefix or a metadata field means is decided here.

use std::collections::{BTreeMap, BTreeSet};

use ibid_ingest::MediaType;
use serde::{Deserialize, Serialize};

use super::date::range_facets;
use super::{CalendarDate, CollectionName, Document, InvalidDate, Principal, primary_language};

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
    /// Any of these languages, as ISO 639-1 codes such as `ko`; empty means all. A document whose language is not known
    /// passes only without.
    pub languages: Vec<String>,
    /// The document's date, all of it, lies on the first day of this or later.
    pub date_from: Option<CalendarDate>,
    /// The document's date, all of it, lies on the last day of this or earlier.
    pub date_to: Option<CalendarDate>,
    /// Every one of these metadata fields has exactly this value.
    pub metadata: BTreeMap<String, String>,
}

/// A filter that cannot be applied.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FilterError {
    /// `key=value` was expected.
    #[error("filter {0:?} is not of the form field=value")]
    NotAPair(String),
    /// The collection cannot have this name.
    #[error("collection {0:?} is not a name of letters, digits, '.', '_' and '-'")]
    Collection(String),
    /// The language is not one.
    #[error("language {0:?} is not an ISO 639-1 code such as ko or en")]
    Language(String),
    /// The type is neither a MIME type nor an extension of a format that is read.
    #[error("type {0:?} is neither a MIME type nor one of pdf, html, md, txt or an extension of source code")]
    MediaType(String),
    /// A date cannot be read.
    #[error(transparent)]
    Date(#[from] InvalidDate),
    /// Nothing comes before the first year.
    #[error("before {0} there is no date; the earliest is 1900")]
    BeforeAll(CalendarDate),
    /// No day lies in the range.
    #[error("no date is from {0} on and up to {1}")]
    NoDates(CalendarDate, CalendarDate),
    /// Too many conditions.
    #[error("the filter has {0} values, the limit is {TERMS_MAX}")]
    TooMany(usize),
}

/// Each condition costs a posting list in both indexes; nobody writes this many by hand. The facets of a range of dates do
/// not count: they are bounded themselves.
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

    /// What passes this and `other`.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.groups.extend(other.groups);
        self
    }

    /// Whether everything passes.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

/// Before the name of a metadata field, where the bare name would mean something else.
const METADATA_PREFIX: &str = "metadata.";

impl Filter {
    /// Adds one `field=value` as the command line writes it:
    ///
    /// - `collection`, `lang` (`ko`, `ko-KR`) and `type` (a MIME type, or an extension such as `pdf`) let one more through;
    /// - `uri` is the path to be under;
    /// - `after` takes a date and lets its first day and what follows through, `before` what comes before its first day,
    ///   and `date` what lies within; together they have to hold all;
    /// - any other field is metadata, and so are those named above when they are written as `metadata.lang`.
    ///
    /// # Errors
    /// [`FilterError::NotAPair`] when there is no `=`, or nothing before it, and others when the value cannot be read.
    pub fn add_pair(&mut self, pair: &str) -> Result<(), FilterError> {
        let not_a_pair = || FilterError::NotAPair(shortened(pair));
        let (field, value) = pair.split_once('=').ok_or_else(not_a_pair)?;
        if field.is_empty() {
            return Err(not_a_pair());
        }
        self.add(field, value)
    }

    /// Adds one field as [`Self::add_pair`] does.
    ///
    /// # Errors
    /// When the value cannot be read; then the filter is as it was.
    pub fn add(&mut self, field: &str, value: &str) -> Result<(), FilterError> {
        match field {
            "collection" => {
                let name = value.parse().map_err(|_| FilterError::Collection(shortened(value)))?;
                self.collections.push(name);
            }
            "uri" => self.uri_prefix = Some(value.to_owned()),
            "type" => self.media_types.push(media_type(value)?),
            "lang" => self.languages.push(language(value)?.to_owned()),
            "after" => self.narrow_dates(Some(value.parse()?), None),
            "before" => {
                let date: CalendarDate = value.parse()?;
                let last = date.day_before().ok_or(FilterError::BeforeAll(date))?;
                self.narrow_dates(None, Some(last));
            }
            "date" => {
                let date = value.parse()?;
                self.narrow_dates(Some(date), Some(date));
            }
            _ => {
                let key = field.strip_prefix(METADATA_PREFIX).unwrap_or(field);
                self.metadata.insert(key.to_owned(), value.to_owned());
            }
        }
        Ok(())
    }

    fn narrow_dates(&mut self, from: Option<CalendarDate>, to: Option<CalendarDate>) {
        let is_later = |date: &CalendarDate| self.date_from.is_none_or(|known| date.begins_after(known));
        self.date_from = from.filter(is_later).or(self.date_from);
        let is_earlier = |date: &CalendarDate| self.date_to.is_none_or(|known| date.ends_before(known));
        self.date_to = to.filter(is_earlier).or(self.date_to);
    }

    /// The filter as facets. Two filters that both have to hold are joined there, by [`FacetQuery::and`].
    ///
    /// # Errors
    /// [`FilterError::TooMany`] over the limit on values, and others for values that mean nothing.
    pub fn facets(&self) -> Result<FacetQuery, FilterError> {
        let lists = self.collections.len() + self.media_types.len() + self.languages.len() + self.metadata.len();
        let count = lists + usize::from(self.date_from.is_some()) + usize::from(self.date_to.is_some());
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
        if !self.languages.is_empty() {
            let facet = |tag: &String| language(tag).map(language_facet);
            groups.push(self.languages.iter().map(facet).collect::<Result<_, _>>()?);
        }
        groups.extend(self.date_group()?);
        groups.extend(self.metadata.iter().map(|(key, value)| vec![metadata_facet(key, value)]));
        Ok(FacetQuery { groups })
    }

    fn date_group(&self) -> Result<Option<Vec<String>>, FilterError> {
        let facets = match (self.date_from, self.date_to) {
            (None, None) => return Ok(None),
            (Some(from), Some(to)) => range_facets(Some(from), Some(to)).ok_or(FilterError::NoDates(from, to))?,
            (from, to) => range_facets(from, to).unwrap_or_default(),
        };
        Ok(Some(facets))
    }
}

fn language(tag: &str) -> Result<&'static str, FilterError> {
    primary_language(tag).ok_or_else(|| FilterError::Language(shortened(tag)))
}

/// The MIME type that a name such as `pdf` or `text/html` stands for.
fn media_type(name: &str) -> Result<String, FilterError> {
    let known = MediaType::from_extension(name).map(|known| known.as_mime().to_owned());
    let mime = known.or_else(|| name.contains('/').then(|| name.to_owned()));
    mime.ok_or_else(|| FilterError::MediaType(shortened(name)))
}

/// What an error may repeat of a value.
fn shortened(value: &str) -> String {
    value.chars().take(80).collect()
}

/// The facets that a document carries in every index.
pub fn document_facets(document: &Document) -> BTreeSet<String> {
    let mut facets = BTreeSet::from([collection_facet(&document.collection), format!("m:{}", document.media_type)]);
    facets.extend(path_prefixes(&document.uri).map(|prefix| format!("u:{prefix}")));
    facets.extend(document.readers.iter().map(Principal::facet));
    facets.extend(document.language.as_deref().map(language_facet));
    facets.extend(document.date().into_iter().flat_map(CalendarDate::facets));
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

fn language_facet(code: &str) -> String {
    format!("l:{code}")
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

    fn filter(pairs: &[&str]) -> Filter {
        let mut filter = Filter::default();
        pairs.iter().for_each(|pair| filter.add_pair(pair).unwrap());
        filter
    }

    #[test]
    fn metadata_of_a_name_that_means_something_else_has_a_prefix() {
        let named = filter(&["lang=ko-KR", "metadata.lang=x", "metadata.date=soon", "team=a"]);
        assert_eq!(named.languages, ["ko"]);
        let metadata: Vec<_> = named.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(metadata, [("date", "soon"), ("lang", "x"), ("team", "a")]);
    }

    #[test]
    fn dates_narrow_one_another() {
        let date = |text: &str| Some(text.parse::<CalendarDate>().unwrap());
        let range = |pairs: &[&str]| (filter(pairs).date_from, filter(pairs).date_to);
        assert_eq!(range(&["after=2024-05"]), (date("2024-05"), None));
        assert_eq!(range(&["before=2024-05"]), (None, date("2024-04-30")));
        assert_eq!(range(&["date=2024", "after=2024-03", "after=2023"]), (date("2024-03"), date("2024")));
        assert_eq!(range(&["before=2023", "before=2025"]), (None, date("2022-12-31")));
        let nothing = FilterError::NoDates("2025".parse().unwrap(), "2023-12-31".parse().unwrap());
        assert_eq!(filter(&["after=2025", "before=2024"]).facets(), Err(nothing));
    }

    #[test]
    fn types_have_short_names() {
        let types = ["type=pdf", "type=md", "type=rs", "type=image/png"];
        assert_eq!(filter(&types).media_types, ["application/pdf", "text/markdown", "text/x-rust", "image/png"]);
        let unknown = Filter::default().add_pair("type=nonsense");
        assert_eq!(unknown, Err(FilterError::MediaType("nonsense".to_owned())));
    }

    #[test]
    fn two_filters_that_both_hold_are_joined_as_facets() {
        let facets = |pair: &str| filter(&[pair]).facets().unwrap();
        let both = facets("lang=ko").and(facets("lang=en")).and(facets("date=2024"));
        let carried = |known: &[&str]| known.iter().map(|facet| (*facet).to_owned()).collect::<BTreeSet<_>>();
        assert!(both.matches(&carried(&["l:ko", "l:en", "d:2024"])));
        assert!(!both.matches(&carried(&["l:ko", "d:2024"])));
        assert!(!both.matches(&carried(&["l:ko", "l:en"])));
    }

    #[test]
    fn too_many_values_are_refused() {
        let filter = Filter { media_types: vec![String::new(); TERMS_MAX + 1], ..Filter::default() };
        assert_eq!(filter.facets(), Err(FilterError::TooMany(TERMS_MAX + 1)));
    }
}
