//! What is rare and what repeats in a set of documents.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use ibid_ingest::Span;

use crate::analysis::{each_token, sentences};
use crate::store::ChunkSource;

/// Counts over all documents. Terms and sentences are known by hashes of 64 bits, so that large sets fit in memory.
#[derive(Default)]
pub(super) struct Statistics {
    documents: u32,
    documents_with_term: HashMap<u64, u32>,
    documents_with_heading: HashMap<String, u32>,
    sentences: HashMap<u64, u32>,
}

/// Text that a language is told from.
const SAMPLE_BYTES: usize = 4096;
/// One document in so many is few.
const RARE_ONE_IN: u32 = 20;

impl Statistics {
    /// Counts a document in, and says what language or script it is in.
    pub(super) fn add(&mut self, source: &ChunkSource) -> String {
        self.documents += 1;
        let mut terms = HashSet::new();
        each_token(&source.text, None, |term, _, _| {
            terms.insert(hash(term));
        });
        terms.into_iter().for_each(|term| *self.documents_with_term.entry(term).or_default() += 1);
        let headings: HashSet<String> = source.structure.headings.iter().map(|heading| key(&heading.title)).collect();
        headings.into_iter().for_each(|heading| *self.documents_with_heading.entry(heading).or_default() += 1);
        for sentence in body_sentences(source) {
            *self.sentences.entry(hash(sentence.slice(&source.text))).or_default() += 1;
        }
        language(&source.text)
    }

    /// Whether no other document has a heading of these words.
    pub(super) fn is_own_heading(&self, title: &str) -> bool {
        self.documents_with_heading.get(&key(title)).is_none_or(|documents| *documents <= 1)
    }

    /// Whether the sentence stands nowhere else.
    pub(super) fn is_own_sentence(&self, sentence: &str) -> bool {
        self.sentences.get(&hash(sentence)).is_none_or(|times| *times <= 1)
    }

    /// How much a word tells documents apart: the mean inverse document frequency of its terms, in nats.
    pub(super) fn rarity(&self, word: &str) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        each_token(word, None, |term, _, _| {
            let documents = self.documents_with_term.get(&hash(term)).copied().unwrap_or(0);
            sum += (f64::from(self.documents + 1) / f64::from(documents.max(1))).ln();
            count += 1.0;
        });
        if count > 0.0 { sum / count } else { 0.0 }
    }

    /// Whether a term of the word is in one document only, or in few of many.
    pub(super) fn is_rare(&self, word: &str) -> bool {
        let few = (self.documents / RARE_ONE_IN).max(1);
        let mut is_rare = false;
        each_token(word, None, |term, _, _| {
            is_rare |= self.documents_with_term.get(&hash(term)).is_some_and(|documents| *documents <= few);
        });
        is_rare
    }
}

/// The sentences of the part that is chunked, in bytes of the whole text.
pub(super) fn body_sentences(source: &ChunkSource) -> Vec<Span> {
    let body = source.structure.body;
    let Some(text) = body.get(&source.text) else { return Vec::new() };
    let placed = |span: Span| Span::new(span.start + body.start, span.end + body.start);
    sentences(text).into_iter().map(placed).collect()
}

/// The language where it is certain, else the script.
fn language(text: &str) -> String {
    let sample = &text[..text.floor_char_boundary(SAMPLE_BYTES)];
    match whatlang::detect(sample) {
        Some(found) if found.is_reliable() => found.lang().code().to_owned(),
        Some(found) => found.script().to_string(),
        None => String::new(),
    }
}

fn key(title: &str) -> String {
    title.trim().to_lowercase()
}

fn hash(text: &str) -> u64 {
    // The keys of this hasher are fixed, so a seed gives the same questions in every process.
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
