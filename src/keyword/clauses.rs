//! Clauses: what a chunk has to have or must not have, as phrases that are matched by the positions of their terms.

use std::collections::BTreeMap;

use tantivy::index::SegmentReader;
use tantivy::postings::Postings;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, Searcher, TERMINATED, Term};

use super::query::KeywordQuery;
use super::schema::{Fields, WordField};
use super::scoring::known_forms;
use super::{KeywordError, QUERY_BYTES_MAX};
use crate::analysis::{Language, PhraseTerm, phrases};

/// Clauses that are read: nobody writes more by hand.
const CLAUSES_MAX: usize = 32;
/// Terms of one clause that are matched, from its beginning: no other text has a sentence of so many terms.
const PHRASE_TERMS_MAX: usize = 128;

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
        for (label, excludes, text, fields) in required.chain(titles).chain(excluded).take(CLAUSES_MAX) {
            let text = &text[..text.floor_char_boundary(QUERY_BYTES_MAX)];
            let phrases = phrases(text, languages);
            if phrases.is_empty() {
                continue;
            }
            let mut ways = Vec::new();
            for (terms, field) in phrases.iter().flat_map(|terms| fields.iter().map(move |field| (terms, *field))) {
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
            places.extend(way.places(segment)?);
        }
        places.sort_unstable();
        places.dedup();
        Ok(places)
    }
}

/// A phrase in one field, of terms that the field has.
struct Phrase {
    /// Rarest first.
    slots: Vec<Slot>,
}

struct Slot {
    offset: u32,
    forms: Vec<Term>,
}

/// Positions, by place of the chunk in its segment, at which a phrase may begin.
type Beginnings = BTreeMap<DocId, Vec<u32>>;

impl Phrase {
    /// `None` when the field lacks one of the terms.
    fn new(searcher: &Searcher, field: WordField, terms: &[PhraseTerm]) -> Result<Option<Self>, KeywordError> {
        let mut slots = Vec::new();
        for term in terms.iter().take(PHRASE_TERMS_MAX) {
            let known = known_forms(searcher, field, &term.alternatives, term.is_prefix)?;
            if known.is_empty() {
                return Ok(None);
            }
            let chunks: u64 = known.iter().map(|(_, chunks)| chunks).sum();
            let forms = known.into_iter().map(|(form, _)| form).collect();
            slots.push((chunks, Slot { offset: term.offset, forms }));
        }
        slots.sort_by_key(|(chunks, _)| *chunks);
        Ok(Some(Self { slots: slots.into_iter().map(|(_, slot)| slot).collect() }))
    }

    fn places(&self, segment: &SegmentReader) -> Result<Vec<DocId>, KeywordError> {
        let Some((rarest, others)) = self.slots.split_first() else { return Ok(Vec::new()) };
        let mut beginnings = rarest.beginnings(segment)?;
        for slot in others {
            if beginnings.is_empty() {
                break;
            }
            slot.narrow(segment, &mut beginnings)?;
        }
        Ok(beginnings.into_keys().collect())
    }
}

impl Slot {
    /// Where the phrase begins if this term is the one of the phrase.
    fn beginnings(&self, segment: &SegmentReader) -> Result<Beginnings, KeywordError> {
        let mut found = Beginnings::new();
        let mut positions = Vec::new();
        for form in &self.forms {
            let inverted = segment.inverted_index(form.field())?;
            let postings = inverted.read_postings(form, IndexRecordOption::WithFreqsAndPositions)?;
            let Some(mut postings) = postings else { continue };
            while postings.doc() != TERMINATED {
                postings.positions(&mut positions);
                let begins = positions.iter().filter_map(|position| position.checked_sub(self.offset));
                found.entry(postings.doc()).or_default().extend(begins);
                postings.advance();
            }
        }
        Ok(found)
    }

    /// Keeps the beginnings at whose distance this term stands.
    fn narrow(&self, segment: &SegmentReader, beginnings: &mut Beginnings) -> Result<(), KeywordError> {
        let mut kept = Beginnings::new();
        let mut positions = Vec::new();
        for form in &self.forms {
            let inverted = segment.inverted_index(form.field())?;
            let postings = inverted.read_postings(form, IndexRecordOption::WithFreqsAndPositions)?;
            let Some(mut postings) = postings else { continue };
            for (&place, begins) in beginnings.iter() {
                if postings.doc() > place || postings.seek(place) != place {
                    continue;
                }
                postings.positions(&mut positions);
                let stands = |begin: &&u32| positions.binary_search(&(**begin + self.offset)).is_ok();
                let mut confirmed = begins.iter().filter(stands).copied().peekable();
                if confirmed.peek().is_some() {
                    kept.entry(place).or_default().extend(confirmed);
                }
            }
        }
        *beginnings = kept;
        Ok(())
    }
}
