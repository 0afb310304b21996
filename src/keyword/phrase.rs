//! A phrase in one field: the chunks in which its terms stand at the right distances from each other.

use std::collections::BTreeMap;

use tantivy::index::SegmentReader;
use tantivy::postings::{Postings, SegmentPostings};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, Searcher, TERMINATED, Term};

use super::KeywordError;
use super::schema::WordField;
use super::scoring::known_forms;
use crate::analysis::PhraseTerm;

/// Terms of a phrase that are matched, from its beginning: no other text has a sentence of so many terms.
const PHRASE_TERMS_MAX: usize = 128;

/// A phrase in one field, of terms that the field has.
pub(super) struct Phrase {
    /// The chunks that have its most frequent term.
    chunks: u64,
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
    pub(super) fn new(
        searcher: &Searcher,
        field: WordField,
        terms: &[PhraseTerm],
    ) -> Result<Option<Self>, KeywordError> {
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
        let chunks = slots.last().map_or(0, |(chunks, _)| *chunks);
        Ok(Some(Self { chunks, slots: slots.into_iter().map(|(_, slot)| slot).collect() }))
    }

    /// How many chunks of the index have the most frequent of its terms, forms counted apart.
    pub(super) fn chunks(&self) -> u64 {
        self.chunks
    }

    /// The chunks of a segment that say it, ascending: all of them, or those among some, which are ascending as well.
    pub(super) fn places(&self, segment: &SegmentReader, among: Option<&[DocId]>) -> Result<Vec<DocId>, KeywordError> {
        let Some((rarest, others)) = self.slots.split_first() else { return Ok(Vec::new()) };
        let mut beginnings = rarest.beginnings(segment, among)?;
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
    /// Where the phrase begins by this term alone.
    fn beginnings(&self, segment: &SegmentReader, among: Option<&[DocId]>) -> Result<Beginnings, KeywordError> {
        let mut found = Beginnings::new();
        let mut positions = Vec::new();
        for form in &self.forms {
            let inverted = segment.inverted_index(form.field())?;
            let postings = inverted.read_postings(form, IndexRecordOption::WithFreqsAndPositions)?;
            let Some(mut postings) = postings else { continue };
            let mut add = |at: &mut SegmentPostings| {
                at.positions(&mut positions);
                let begins = positions.iter().filter_map(|position| position.checked_sub(self.offset));
                found.entry(at.doc()).or_default().extend(begins);
            };
            if let Some(among) = among {
                for place in among {
                    if postings.doc() <= *place && postings.seek(*place) == *place {
                        add(&mut postings);
                    }
                }
                continue;
            }
            while postings.doc() != TERMINATED {
                add(&mut postings);
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
