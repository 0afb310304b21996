//! The chat model that needs no model: it quotes the sentences that support an answer, and says so when there are none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use ibid_ingest::Span;

use super::{ChatDelta, ChatError, ChatModel, ChatRequest, ChatStream, Embedder, Passage};
use crate::analysis;

/// Quotes the best sentences of the passages.
pub struct Extractive {
    embedder: Option<Arc<dyn Embedder>>,
}

/// Passages that are read for quotes; those further down rarely hold the answer and cost an embedding a sentence.
const PASSAGES_READ: usize = 6;
/// Sentences that are weighed, best by words first, so that the cost of one answer is bounded.
const CANDIDATES_MAX: usize = 32;
/// Quotes in one answer.
const QUOTES_MAX: usize = 3;
/// A further quote has to be this good, as a share of the best one.
const QUOTE_SHARE: f32 = 0.8;
/// Share of the question's words that the best sentence with its headings holds at least where words alone let it be quoted.
/// Whether the documents answer is judged by the search (`retrieval::Evidence`); this keeps a caller who did not ask it from
/// quoting what has nothing to do with the question.
const WORDS_MIN: f32 = 0.34;
/// The same for meaning, in the embedder's own unit: 0 is an unrelated passage, 1 the very words of the question.
const MEANING_MIN: f32 = 0.3;
/// Sentences with fewer letters are headings, labels and marks.
const LETTERS_MIN: usize = 8;

/// A sentence that may be quoted.
struct Candidate<'a> {
    passage: &'a Passage,
    span: Span,
    /// Share of the question's words that it holds.
    coverage: f32,
    /// The same with rare words counting more.
    words: f32,
    /// Cosine, scaled to 0..1 over the candidates.
    meaning: f32,
}

impl Candidate<'_> {
    fn text(&self) -> &str {
        &self.passage.text[self.span.start..self.span.end]
    }

    fn score(&self) -> f32 {
        // The order of the passages is the search's own judgement and breaks near ties.
        self.words + self.meaning + 0.1 / self.passage.n as f32
    }
}

impl Extractive {
    /// A model that weighs sentences by words and, with an embedder, by meaning.
    pub fn new(embedder: Option<Arc<dyn Embedder>>) -> Self {
        Self { embedder }
    }

    async fn answer(&self, request: &ChatRequest) -> Result<Vec<String>, ChatError> {
        let mut candidates = weigh_words(&request.question, &request.passages);
        let best_meaning = self.weigh_meaning(&request.question, &mut candidates).await?;
        let best_coverage = candidates.iter().map(|candidate| candidate.coverage).fold(0.0, f32::max);
        tracing::debug!(best_coverage, best_meaning, "evidence");
        if best_coverage < WORDS_MIN && best_meaning < MEANING_MIN {
            return Ok(vec![nothing_found(&request.question).to_owned()]);
        }
        candidates.sort_by(|a, b| b.score().total_cmp(&a.score()));
        let Some(best) = candidates.first().map(Candidate::score) else {
            return Ok(vec![nothing_found(&request.question).to_owned()]);
        };
        let (mut cited, mut said) = (BTreeSet::new(), BTreeSet::new());
        let quotes = candidates.iter().filter(|candidate| candidate.score() >= best * QUOTE_SHARE);
        // The same sentence often stands in several documents.
        let quotes = quotes.filter(|candidate| said.insert(terms_of(candidate.text())));
        let quotes = quotes.filter(|candidate| cited.insert(candidate.passage.n)).take(QUOTES_MAX);
        let lines = quotes.map(|candidate| format!("“{}” [{}]", candidate.text(), candidate.passage.n));
        Ok(lines.enumerate().map(|(at, line)| if at == 0 { line } else { format!("\n\n{line}") }).collect())
    }

    /// Adds each candidate's cosine, scaled to 0..1 over the candidates, and gives the best in the embedder's own unit; 0 when
    /// the embedder knows words only.
    async fn weigh_meaning(&self, question: &str, candidates: &mut [Candidate<'_>]) -> Result<f32, ChatError> {
        let Some(embedder) = self.embedder.as_ref().filter(|_| !candidates.is_empty()) else { return Ok(0.0) };
        let local = |error: super::EmbedError| ChatError::Local(error.to_string());
        let query = embedder.embed_query(question).await.map_err(local)?;
        let texts = candidates
            .iter()
            .map(|candidate| {
                crate::types::embedding_input(
                    &candidate.passage.title,
                    &candidate.passage.heading_path,
                    candidate.text(),
                )
            })
            .collect();
        let vectors = embedder.embed_passages(texts).await.map_err(local)?;
        let cosines: Vec<f32> = vectors.iter().map(|v| v.iter().zip(&query).map(|(a, b)| a * b).sum()).collect();
        let best = cosines.iter().copied().fold(f32::MIN, f32::max);
        let worst = cosines.iter().copied().fold(f32::MAX, f32::min);
        let range = (best - worst).max(1e-6);
        for (candidate, cosine) in candidates.iter_mut().zip(&cosines) {
            candidate.meaning = (cosine - worst) / range;
        }
        let span = embedder.cosine_span();
        Ok(if embedder.knows_meaning() && span > 0.0 { (best - (1.0 - span)) / span } else { 0.0 })
    }
}

#[async_trait]
impl ChatModel for Extractive {
    fn name(&self) -> &str {
        "extractive"
    }

    fn is_generative(&self) -> bool {
        false
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ChatError> {
        let pieces = self.answer(&request).await?;
        let answering = ChatDelta::Answering { model: self.name().to_owned() };
        let deltas = std::iter::once(answering).chain(pieces.into_iter().map(ChatDelta::Text));
        // Collected, because the stream outlives what was borrowed to make it.
        Ok(futures::stream::iter(deltas.map(Ok).collect::<Vec<_>>()).boxed())
    }
}

/// The sentences of the passages with the share of the question's words that each holds, best first.
fn weigh_words<'a>(question: &str, passages: &'a [Passage]) -> Vec<Candidate<'a>> {
    let asked = asked_terms(question);
    let mut sentences = Vec::new();
    for passage in passages.iter().take(PASSAGES_READ) {
        let headings = terms_of(&format!("{} {}", passage.title, passage.heading_path.join(" ")));
        for span in analysis::sentences(&passage.text).into_iter().map(|span| without_list_mark(&passage.text, span)) {
            let text = &passage.text[span.start..span.end];
            if is_quotable(text) {
                sentences.push((passage, span, terms_of(text), headings.clone()));
            }
        }
    }
    let weight = rarity(&asked, sentences.iter().map(|(_, _, terms, _)| terms));
    let total: f32 = weight.values().sum::<f32>().max(f32::EPSILON);
    let mut candidates: Vec<Candidate<'a>> = sentences
        .into_iter()
        .map(|(passage, span, terms, headings)| {
            let says_something = asked.iter().any(|term| terms.contains(term));
            let share = |term: &str| match (terms.contains(term), headings.contains(term)) {
                (true, _) => 1.0,
                // A heading says what a sentence is about; a sentence that holds nothing of its own says nothing.
                (false, true) if says_something => 0.5,
                (false, _) => 0.0,
            };
            let held: f32 = weight.iter().map(|(term, weight)| weight * share(term)).sum();
            let shared: f32 = asked.iter().map(|term| share(term)).sum();
            let coverage = shared / (asked.len() as f32).max(1.0);
            Candidate { passage, span, coverage, words: held / total, meaning: 0.0 }
        })
        .collect();
    candidates.sort_by(|a, b| b.score().total_cmp(&a.score()));
    candidates.truncate(CANDIDATES_MAX);
    candidates
}

/// Whether a sentence can stand in an answer: words, and no heading, table row, markup or question.
fn is_quotable(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let signs = text.chars().filter(|c| !c.is_whitespace()).count();
    let is_markup = text.starts_with(['#', '|', '<', '!', '`']) || text.starts_with("{{");
    let is_question = text.trim_end().ends_with(['?', '？']);
    letters >= LETTERS_MIN && letters * 2 >= signs && !is_markup && !is_question
}

/// The sentence without a leading `-`, `*`, `>` or `1.`.
fn without_list_mark(passage: &str, span: Span) -> Span {
    let text = &passage[span.start..span.end];
    let number = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let after = match number.strip_prefix(['.', ')']) {
        Some(rest) if number.len() < text.len() && rest.starts_with(' ') => rest,
        _ => text.trim_start_matches(['-', '*', '>', '+']),
    };
    let words = after.trim_start();
    Span { start: span.end - words.len(), end: span.end }
}

/// What a question asks about: its words without those that only make it a question.
fn asked_terms(question: &str) -> BTreeSet<String> {
    let telling = |word: &&str| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        !bare.is_empty() && !analysis::is_stop_word(bare)
    };
    let words = question.split_whitespace().filter(telling).collect::<Vec<_>>().join(" ");
    terms_of(if words.is_empty() { question } else { &words })
}

/// How much each asked term tells the sentences apart.
fn rarity<'a>(
    asked: &BTreeSet<String>,
    sentences: impl Iterator<Item = &'a BTreeSet<String>>,
) -> BTreeMap<String, f32> {
    let sentences: Vec<_> = sentences.collect();
    let weight = |term: &String| {
        let holding = sentences.iter().filter(|terms| terms.contains(term)).count();
        (1.0 + sentences.len() as f32 / (1.0 + holding as f32)).ln()
    };
    asked.iter().map(|term| (term.clone(), weight(term))).collect()
}

fn terms_of(text: &str) -> BTreeSet<String> {
    analysis::tokens(text, None).into_iter().map(|token| token.term).collect()
}

/// The honest answer when the documents hold none, in the language of the question as far as its script tells.
pub fn nothing_found(question: &str) -> &'static str {
    let hangul = question.chars().any(|c| ('\u{ac00}'..='\u{d7a3}').contains(&c));
    if hangul {
        "이 문서들에서는 답을 찾지 못했습니다."
    } else {
        "I found nothing in these documents that answers this."
    }
}
