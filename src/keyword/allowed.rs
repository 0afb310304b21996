//! Which chunks of a segment pass the filter and the clauses.

use tantivy::index::SegmentReader;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, Term};

use super::KeywordError;
use super::clauses::Clauses;
use crate::types::FacetQuery;

/// Which chunks of a segment pass.
pub(super) enum Allowed {
    All,
    /// For each chunk, how many conditions it meets in a row from the first; and how many there are.
    Conditions(Vec<u16>, u16),
}

/// What a chunk that meets an excluding clause is set to: more conditions than there can be.
const EXCLUDED: u16 = u16::MAX;

impl Allowed {
    pub(super) fn by_filter(segment: &SegmentReader, facet: Field, filter: &FacetQuery) -> Result<Self, KeywordError> {
        if filter.is_empty() {
            return Ok(Self::All);
        }
        let facets = segment.inverted_index(facet)?;
        let mut met = vec![0_u16; segment.max_doc() as usize];
        let mut groups = 0;
        for group in &filter.groups {
            for value in group {
                let term = Term::from_field_text(facet, value);
                let Some(mut block) = facets.read_block_postings(&term, IndexRecordOption::Basic)? else { continue };
                while block.block_len() > 0 {
                    block.docs().iter().for_each(|place| meet(&mut met, *place, groups));
                    block.advance();
                }
            }
            groups += 1;
        }
        Ok(Self::Conditions(met, groups))
    }

    pub(super) fn and_clauses(self, segment: &SegmentReader, clauses: &Clauses) -> Result<Self, KeywordError> {
        if clauses.is_empty() {
            return Ok(self);
        }
        let (mut met, mut conditions) = match self {
            Self::All => (vec![0; segment.max_doc() as usize], 0),
            Self::Conditions(met, conditions) => (met, conditions),
        };
        for clause in clauses.iter() {
            let places = clause.places(segment)?;
            if clause.excludes {
                places.into_iter().for_each(|place| met[place as usize] = EXCLUDED);
            } else {
                places.into_iter().for_each(|place| meet(&mut met, place, conditions));
                conditions += 1;
            }
        }
        Ok(Self::Conditions(met, conditions))
    }

    pub(super) fn passes(&self, place: DocId) -> bool {
        match self {
            Self::All => true,
            Self::Conditions(met, conditions) => met[place as usize] == *conditions,
        }
    }
}

fn meet(met: &mut [u16], place: DocId, condition: u16) {
    let met = &mut met[place as usize];
    *met = if *met == condition { condition + 1 } else { *met };
}
