//! BM25, term at a time: each posting adds to its chunk's score.
//!
//! Questions here have many terms (a Korean one is a few dozen pairs of characters) over three fields, and the legs of
//! a hybrid search are long (k of 100 and more). Skipping postings that cannot reach the top, as tantivy's own queries
//! do, gains little then, while adding up in one pass gives exact scores, ties in a fixed order, and scores that a
//! filter cannot change.

use std::collections::BTreeSet;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::SegmentReader;
use tantivy::postings::Postings;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, Searcher, Term};

use super::query::KeywordQuery;
use super::schema::{Fields, WordField};
use super::{KeywordError, QUERY_BYTES_MAX};
use crate::analysis::{Language, QueryTerm, query_terms};
use crate::types::{MatchedTerm, TermStatistics, TextField};

/// Term frequency saturation, as everybody has it since Robertson.
const K1: f32 = 1.2;
/// How much the length of a field counts.
const B: f32 = 0.75;
/// Terms that are scored: the rarest ones, which decide the ranking.
const TERMS_MAX: usize = 128;
/// Terms that stand for a single character in one segment: more than any syllable of Korean has in a large corpus.
const PREFIX_FORMS_MAX: usize = 512;
/// What the fields weigh: the text of the chunk, its headings, its document's title. nDCG@10 on ClapNQ: 0.90 without
/// titles, 0.944 at 0.5, 0.960 at 1.0, 0.953 at 1.5; HotpotQA and JSQuAD agree.
const WEIGHTS: [f32; 3] = [1.0, 0.5, 1.0];
/// What a word that only asks weighs. nDCG@10 on Belebele in Korean: 0.882 at 1.0; Latin sets gain a little, too.
const STOP_WORD_WEIGHT: f32 = 0.3;

/// The terms of a query with their weights in every field.
pub(super) struct Scoring {
    terms: Vec<TermStatistics>,
    fields: Vec<ScoredField>,
}

impl Scoring {
    pub(super) fn new(
        searcher: &Searcher,
        fields: &Fields,
        query: &KeywordQuery,
        languages: &[Language],
    ) -> Result<Self, KeywordError> {
        let text = scored_text(query);
        let chunks: u64 = searcher.segment_readers().iter().map(|segment| u64::from(segment.max_doc())).sum();
        let mut found = Vec::new();
        for term in query_terms(&text, languages) {
            found.push(FoundTerm::new(searcher, fields, term, chunks)?);
        }
        keep_rarest(&mut found);
        let statistics = |known: &FoundTerm| TermStatistics {
            term: text[known.term.start..known.term.end].to_owned(),
            idf: idf(known.chunks, chunks),
            chunks: known.chunks,
            is_stop_word: known.term.is_stop_word,
        };
        let terms = found.iter().map(statistics).collect();
        let mut scored = Vec::new();
        for (place, (name, field)) in text_fields(fields).into_iter().enumerate() {
            let in_field =
                found.iter_mut().enumerate().filter_map(|(at, term)| term.scored(at, place, chunks)).collect();
            let saturation = saturation(searcher, field, chunks)?;
            scored.push(ScoredField { name, field, terms: in_field, saturation });
        }
        Ok(Self { terms, fields: scored })
    }

    /// The score of each chunk of a segment, by its place there.
    pub(super) fn scores(&self, segment: &SegmentReader) -> Result<Vec<f32>, KeywordError> {
        let mut scores = vec![0.0_f32; segment.max_doc() as usize];
        self.fields.iter().try_for_each(|field| field.add_to(segment, &mut scores))?;
        Ok(scores)
    }

    /// What the text of a chunk could score at most.
    pub(super) fn bound(&self) -> f32 {
        let body = self.fields.iter().filter(|field| field.name == TextField::Body);
        body.flat_map(|field| &field.terms).map(|term| term.weight).sum()
    }

    /// The terms that are scored, and as many of the unknown ones as there is room for.
    pub(super) fn into_terms(self) -> Vec<TermStatistics> {
        self.terms
    }

    /// The terms that the chunk at a place in a segment has, and those that it lacks.
    pub(super) fn explain(
        &self,
        segment: &SegmentReader,
        place: DocId,
    ) -> Result<(Vec<MatchedTerm>, Vec<String>), KeywordError> {
        let mut matched = Vec::new();
        let mut has = vec![false; self.terms.len()];
        for field in &self.fields {
            let length = segment.get_fieldnorms_reader(field.field.terms)?.fieldnorm_id(place);
            for term in &field.terms {
                let (frequency, score) = term.at(segment, place, field.saturation[usize::from(length)])?;
                if frequency > 0 {
                    has[term.place] = true;
                    let name = self.terms[term.place].term.clone();
                    matched.push(MatchedTerm { term: name, field: field.name, idf: term.idf, frequency, score });
                }
            }
        }
        let missing = self.terms.iter().zip(has).filter(|(_, has)| !has).map(|(term, _)| term.term.clone());
        Ok((matched, missing.collect()))
    }
}

/// The words of a query and of its clauses that chunks have to have.
pub(super) fn scored_text(query: &KeywordQuery) -> String {
    let mut text = String::new();
    for part in std::iter::once(&query.text).chain(&query.phrases).chain(&query.titles) {
        let left = QUERY_BYTES_MAX.saturating_sub(text.len());
        text.push_str(&part[..part.floor_char_boundary(left)]);
        // A blank line ends a run of characters.
        text.push_str("\n\n");
    }
    text
}

/// The fields that are searched, in the order of [`WEIGHTS`].
fn text_fields(fields: &Fields) -> [(TextField, WordField); 3] {
    [(TextField::Body, fields.body), (TextField::Heading, fields.heading), (TextField::Title, fields.title)]
}

/// A term of a query with the forms of it that each field has.
struct FoundTerm {
    term: QueryTerm,
    forms: [Vec<(Term, u64)>; 3],
    /// Chunks that have it in the field where it is most frequent.
    chunks: u64,
}

impl FoundTerm {
    fn new(searcher: &Searcher, fields: &Fields, term: QueryTerm, chunks: u64) -> Result<Self, KeywordError> {
        let mut forms = [const { Vec::new() }; 3];
        for (known, (_, field)) in forms.iter_mut().zip(text_fields(fields)) {
            *known = known_forms(searcher, field, &term.alternatives, term.is_prefix)?;
        }
        let most = forms.iter().map(|forms| chunks_with(forms)).max().unwrap_or(0);
        Ok(Self { term, forms, chunks: most.min(chunks) })
    }

    /// The term as one field scores it; `None` when the field does not have it.
    fn scored(&mut self, place: usize, field: usize, chunks: u64) -> Option<ScoredTerm> {
        let forms = std::mem::take(&mut self.forms[field]);
        if forms.is_empty() {
            return None;
        }
        let idf = idf(chunks_with(&forms).min(chunks), chunks);
        let asks = if self.term.is_stop_word { STOP_WORD_WEIGHT } else { 1.0 };
        let weight = WEIGHTS[field] * asks * self.term.count as f32 * idf * (K1 + 1.0);
        Some(ScoredTerm { place, forms: forms.into_iter().map(|(form, _)| form).collect(), idf, weight })
    }
}

fn chunks_with(forms: &[(Term, u64)]) -> u64 {
    forms.iter().map(|(_, chunks)| chunks).sum()
}

/// One field with the terms that occur in it.
struct ScoredField {
    name: TextField,
    field: WordField,
    terms: Vec<ScoredTerm>,
    /// `K1 * (1 - B + B * length / average length)` for each of the 256 lengths that tantivy tells apart.
    saturation: [f32; 256],
}

struct ScoredTerm {
    /// Its place among the terms of the query.
    place: usize,
    forms: Vec<Term>,
    idf: f32,
    /// What it scores at most.
    weight: f32,
}

impl ScoredTerm {
    fn score(&self, frequency: u32, saturation: f32) -> f32 {
        let frequency = frequency as f32;
        self.weight * frequency / (frequency + saturation)
    }

    /// How often the chunk at a place in a segment has it, and what it scores there.
    fn at(&self, segment: &SegmentReader, place: DocId, saturation: f32) -> Result<(u32, f32), KeywordError> {
        let (mut frequency, mut score) = (0, 0.0);
        for form in &self.forms {
            let inverted = segment.inverted_index(form.field())?;
            let Some(mut postings) = inverted.read_postings(form, IndexRecordOption::WithFreqs)? else { continue };
            // Postings only go forwards, and some begin behind the place.
            if postings.doc() <= place && postings.seek(place) == place {
                frequency += postings.term_freq();
                score += self.score(postings.term_freq(), saturation);
            }
        }
        Ok((frequency, score))
    }
}

impl ScoredField {
    /// Each form of a term saturates by itself: a chunk that says `regulate` and `regulations` has more than one that
    /// says either twice. One frequency for all forms gave 0.1 points less on Belebele and 0.4 on code.
    fn add_to(&self, segment: &SegmentReader, scores: &mut [f32]) -> Result<(), KeywordError> {
        let lengths = segment.get_fieldnorms_reader(self.field.terms)?;
        for term in &self.terms {
            for form in &term.forms {
                let inverted = segment.inverted_index(form.field())?;
                let postings = inverted.read_block_postings(form, IndexRecordOption::WithFreqs)?;
                let Some(mut block) = postings else { continue };
                while block.block_len() > 0 {
                    for (&place, &frequency) in block.docs().iter().zip(block.freqs()) {
                        let saturation = self.saturation[usize::from(lengths.fieldnorm_id(place))];
                        scores[place as usize] += term.score(frequency, saturation);
                    }
                    block.advance();
                }
            }
        }
        Ok(())
    }
}

fn saturation(searcher: &Searcher, field: WordField, chunks: u64) -> Result<[f32; 256], KeywordError> {
    let mut length = 0;
    for segment in searcher.segment_readers() {
        length += segment.inverted_index(field.terms)?.total_num_tokens();
    }
    let average = (length as f32 / chunks.max(1) as f32).max(f32::MIN_POSITIVE);
    Ok(std::array::from_fn(|id| {
        let id = u8::try_from(id).expect("an array of 256 has places of one byte");
        K1 * (1.0 - B + B * FieldNormReader::id_to_fieldnorm(id) as f32 / average)
    }))
}

/// The forms of a term that a field has, each with the number of chunks that have it. `is_prefix` says that a form is a
/// character out of runs: the terms that begin with it are forms as well, and so are the runs that end with it.
pub(super) fn known_forms(
    searcher: &Searcher,
    field: WordField,
    alternatives: &[String],
    is_prefix: bool,
) -> Result<Vec<(Term, u64)>, KeywordError> {
    let mut forms = BTreeSet::from_iter(alternatives.iter().cloned());
    if is_prefix {
        for prefix in alternatives {
            add_terms_with_prefix(searcher, field.terms, prefix, &mut forms)?;
        }
    }
    let last = alternatives.iter().filter(|_| is_prefix).map(|form| Term::from_field_text(field.last, form));
    let terms = forms.iter().map(|form| Term::from_field_text(field.terms, form));
    let mut known = Vec::with_capacity(forms.len() + 1);
    for form in terms.chain(last) {
        let chunks = searcher.doc_freq(&form)?;
        if chunks > 0 {
            known.push((form, chunks));
        }
    }
    Ok(known)
}

/// Adds terms that begin with a character, up to [`PREFIX_FORMS_MAX`] from each segment.
fn add_terms_with_prefix(
    searcher: &Searcher,
    field: Field,
    prefix: &str,
    forms: &mut BTreeSet<String>,
) -> Result<(), KeywordError> {
    for segment in searcher.segment_readers() {
        let inverted = segment.inverted_index(field)?;
        let mut stream = inverted.terms().range().ge(prefix).into_stream()?;
        let mut left = PREFIX_FORMS_MAX;
        while left > 0 && stream.advance() {
            let Some(form) = std::str::from_utf8(stream.key()).ok().filter(|form| form.starts_with(prefix)) else {
                break;
            };
            forms.insert(form.to_owned());
            left -= 1;
        }
    }
    Ok(())
}

/// The form of Lucene and tantivy, which is never negative.
pub(super) fn idf(with_term: u64, chunks: u64) -> f32 {
    let (with_term, chunks) = (with_term as f32, chunks as f32);
    (1.0 + (chunks - with_term + 0.5) / (with_term + 0.5)).ln()
}

/// Drops the most frequent terms of a long question, and before them those that no chunk has.
fn keep_rarest(terms: &mut Vec<FoundTerm>) {
    if terms.len() <= TERMS_MAX {
        return;
    }
    let mut places: Vec<_> = (0..terms.len()).collect();
    places.sort_by_key(|place| (terms[*place].chunks == 0, terms[*place].chunks));
    let mut kept = vec![false; terms.len()];
    places.into_iter().take(TERMS_MAX).for_each(|place| kept[place] = true);
    let mut kept = kept.into_iter();
    terms.retain(|_| kept.next().unwrap_or(false));
}
