//! What it is worth that words which stand next to each other in a question do so in a chunk.

use tantivy::index::SegmentReader;
use tantivy::{DocId, Searcher};

use super::KeywordError;
use super::phrase::Phrase;
use super::query::KeywordQuery;
use super::schema::Fields;
use super::scoring::idf;
use crate::analysis::{Language, word_pairs};

/// What a pair in a chunk's text adds, as a share of the idf of its more frequent word; a word alone adds up to 2.2 of its
/// own. nDCG@10 at 0.3: +0.2 points on XQuAD in English and German, +0.3 on HotpotQA, -0.2 on code, nothing on Belebele,
/// ClapNQ and JSQuAD; at 0.6 and 1.0 there is no more to gain. Korean words of three syllables and more as phrases lost up
/// to 1.4 points on Belebele, and a title that has the whole question changed nothing on any set, so there is neither.
const PAIR_WEIGHT: f32 = 0.3;
/// Pairs that are looked for, from the beginning of a question.
const PAIRS_MAX: usize = 16;
const TEXT_BYTES_MAX: usize = 2_000;

/// The pairs of neighbouring words of a question.
pub(super) struct Neighbours {
    pairs: Vec<(f32, Phrase)>,
}

impl Neighbours {
    pub(super) fn new(
        searcher: &Searcher,
        fields: &Fields,
        query: &KeywordQuery,
        languages: &[Language],
    ) -> Result<Self, KeywordError> {
        let chunks: u64 = searcher.segment_readers().iter().map(|segment| u64::from(segment.max_doc())).sum();
        let text = &query.text[..query.text.floor_char_boundary(TEXT_BYTES_MAX)];
        let mut pairs = Vec::new();
        for pair in word_pairs(text, languages).iter().take(PAIRS_MAX) {
            if let Some(phrase) = Phrase::new(searcher, fields.body, pair)? {
                pairs.push((PAIR_WEIGHT * idf(phrase.chunks().min(chunks), chunks), phrase));
            }
        }
        Ok(Self { pairs })
    }

    /// What each of some chunks of a segment, ascending by place, gains.
    pub(super) fn boosts(&self, segment: &SegmentReader, places: &[DocId]) -> Result<Vec<f32>, KeywordError> {
        let mut boosts = vec![0.0; places.len()];
        for (weight, phrase) in &self.pairs {
            for place in phrase.places(segment, Some(places))? {
                if let Ok(at) = places.binary_search(&place) {
                    boosts[at] += weight;
                }
            }
        }
        Ok(boosts)
    }
}
