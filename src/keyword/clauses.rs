//! Clauses: what a chunk has to have or must not have, as phrases in the fields of a chunk.

use tantivy::index::SegmentReader;
use tantivy::{DocId, Searcher};

use super::phrase::Phrase;
use super::query::KeywordQuery;
use super::schema::Fields;
use super::{KeywordError, QUERY_BYTES_MAX};
use crate::analysis::{Language, phrases};

/// Clauses that are read: nobody writes more by hand.
const CLAUSES_MAX: usize = 32;

/// The clauses of a query.
pub(super) struct Clauses {
    clauses: Vec<Clause>,
}

/// One clause.
pub(super) struct Clause {
    /// As a person writes it.
    pub(super) label: String,
    /// Whether it must not match, instead of must.
    pub(super) excludes: bool,
    /// The ways in which a chunk may have it.
    ways: Vec<Phrase>,
}

impl Clauses {
    /// A clause without terms, such as `"?!"`, is none.
    pub(super) fn new(
        searcher: &Searcher,
        fields: &Fields,
        query: &KeywordQuery,
        languages: &[Language],
    ) -> Result<Self, KeywordError> {
        let everywhere = [fields.body, fields.heading, fields.title];
        let required = query.phrases.iter().map(|text| (format!("\"{text}\""), false, text, &everywhere[..]));
        let titles = query.titles.iter().map(|text| (format!("title:\"{text}\""), false, text, &everywhere[2..]));
        let excluded = query.excluded.iter().map(|text| (format!("-\"{text}\""), true, text, &everywhere[..]));
        let mut clauses = Vec::new();
        for (label, excludes, text, searched) in required.chain(titles).chain(excluded).take(CLAUSES_MAX) {
            let text = &text[..text.floor_char_boundary(QUERY_BYTES_MAX)];
            let phrases = phrases(text, languages);
            if phrases.is_empty() {
                continue;
            }
            let mut ways = Vec::new();
            for (terms, field) in phrases.iter().flat_map(|terms| searched.iter().map(move |field| (terms, *field))) {
                ways.extend(Phrase::new(searcher, field, terms)?);
            }
            clauses.push(Clause { label, excludes, ways });
        }
        Ok(Self { clauses })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.clauses.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Clause> {
        self.clauses.iter()
    }
}

impl Clause {
    /// The chunks of a segment that match, whether that is wanted or not, none twice.
    pub(super) fn places(&self, segment: &SegmentReader) -> Result<Vec<DocId>, KeywordError> {
        let mut places = Vec::new();
        for way in &self.ways {
            places.extend(way.places(segment, None)?);
        }
        places.sort_unstable();
        places.dedup();
        Ok(places)
    }
}
