//! A dataset's queries through the read path, in each way to search that there is.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::dataset::{Dataset, JudgedQuery};
use super::estimate::percentile;
use super::metrics::{DEEP, RankScores, distinct};
use super::spans::{Retrieved, SpanScores};
use crate::retrieval::{Retriever, SearchError, SearchRequest};
use crate::types::{Hit, SearchMode};

/// A way to search that is measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    /// What reports call it.
    pub name: &'static str,
    /// Its legs.
    pub legs: SearchMode,
    /// Whether the reranker has the last word.
    pub rerank: bool,
}

/// The name of the mode that people get when they ask for none.
pub const DEFAULT_MODE: &str = "hybrid";

/// Chunks of a search that is scored: each leg gives as many candidates to fusion as for the ten that a person asks for, so
/// that the first ones are those that a person gets.
const CHUNKS: usize = 100;
/// Chunks of the search that looks for the hundred first documents where several chunks of one document came before.
const CHUNKS_DEEP: usize = 300;
/// Passages of a search as a person makes it.
const PASSAGES: usize = 10;
/// Searches before time is taken, so that files are read and caches are filled.
const WARM_UP: usize = 10;
/// Searches whose time is taken, spread over the dataset: the 95th percentile is then the tenth slowest.
const TIMED: usize = 200;
/// Passages that are kept of each answer are cut to this many characters.
const PASSAGE_CHARS: usize = 160;

/// What one mode answered.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// The mode.
    pub mode: Mode,
    /// The answers, in the order of the dataset's queries.
    pub answers: Vec<Answer>,
    /// How long searches took.
    pub latency: Latency,
}

/// What one query got.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What the ranking of documents is worth.
    pub scores: RankScores,
    /// How well the chunks cover the passages that answer, when those are known.
    pub spans: Option<SpanScores>,
    /// The places of the relevant documents that were found, from 1.
    pub ranks: BTreeMap<String, usize>,
    /// The first documents.
    pub found: Vec<Found>,
}

/// A document that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// The document's URI.
    pub document: String,
    /// The score of its best chunk.
    pub score: f32,
    /// The beginning of that chunk.
    pub passage: String,
}

/// How long searches for ten passages took, one after another.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Latency {
    /// Half of them took at most this many milliseconds.
    pub p50_ms: f64,
    /// All but a twentieth took at most this many milliseconds.
    pub p95_ms: f64,
    /// How many there were.
    pub searches: usize,
}

/// How a measurement is listened to: the mode, the queries that are done, and how many there are.
pub type RunListener<'a> = &'a (dyn Fn(&'static str, usize, usize) + Send + Sync);

/// The ways to search that `retriever` has the parts for. Another way is one more line here, with what it changes in
/// `request`.
pub fn modes(retriever: &Retriever) -> Vec<Mode> {
    let mode = |name, legs| Mode { name, legs, rerank: false };
    let mut modes = vec![mode("keyword", SearchMode::Keyword)];
    if retriever.generations.serving().embedder.is_some() {
        modes.push(mode("vector", SearchMode::Vector));
        modes.push(mode(DEFAULT_MODE, SearchMode::Hybrid));
        if retriever.rerank.is_some() {
            modes.push(Mode { rerank: true, ..mode("hybrid+rerank", SearchMode::Hybrid) });
        }
    }
    modes
}

/// The search that ranks documents for a query.
fn for_documents(query: &str, mode: Mode, k: usize) -> SearchRequest {
    SearchRequest { mode: mode.legs, rerank: mode.rerank, ..SearchRequest::for_documents(query, k) }
}

/// The search for passages as a person makes it, with the query taken word for word.
fn for_passages(query: &str, mode: Mode, k: usize) -> SearchRequest {
    SearchRequest { k, mode: mode.legs, rerank: mode.rerank, plain: true, ..SearchRequest::new(query) }
}

/// Searches for every query of a dataset in one mode, one after another. The first `kept` documents of each answer are kept.
///
/// # Errors
/// [`SearchError`] when a search fails.
pub async fn measure_mode(
    retriever: &Retriever,
    dataset: &Dataset,
    mode: Mode,
    kept: usize,
    listener: RunListener<'_>,
) -> Result<Measurement, SearchError> {
    let total = dataset.queries.len();
    let mut answers = Vec::with_capacity(total);
    for query in &dataset.queries {
        answers.push(answer(retriever, query, mode, kept).await?);
        listener(mode.name, answers.len(), total);
    }
    let latency = timed(retriever, dataset, mode).await?;
    Ok(Measurement { mode, answers, latency })
}

async fn answer(retriever: &Retriever, query: &JudgedQuery, mode: Mode, kept: usize) -> Result<Answer, SearchError> {
    let hits = retriever.search(&for_documents(&query.text, mode, CHUNKS)).await?.hits;
    let ranked = distinct(hits.iter().map(|hit| hit.uri.as_str()));
    let mut scores = RankScores::of(&ranked, &query.grades);
    if scores.recall_at_100 < 1.0 && ranked.len() < DEEP {
        let deep = retriever.search(&for_documents(&query.text, mode, CHUNKS_DEEP)).await?.hits;
        let documents: Vec<&str> = deep.iter().map(|hit| hit.uri.as_str()).collect();
        scores.recall_at_100 = RankScores::of(&documents, &query.grades).recall_at_100;
    }
    let spans = if query.spans.is_empty() {
        None
    } else {
        let passages = retriever.search(&for_passages(&query.text, mode, PASSAGES)).await?.hits;
        Some(SpanScores::of(&retrieved(&passages), &query.spans))
    };
    let relevant = |document: &str| query.grades.get(document).is_some_and(|grade| *grade > 0.0);
    let places = ranked.iter().zip(1..).filter(|(document, _)| relevant(document));
    Ok(Answer {
        scores,
        spans,
        ranks: places.map(|(document, place)| ((*document).to_owned(), place)).collect(),
        found: found(&hits, &ranked, kept),
    })
}

fn retrieved(hits: &[Hit]) -> Vec<Retrieved<'_>> {
    hits.iter().map(|hit| Retrieved { document: &hit.uri, span: hit.span, text: &hit.text }).collect()
}

fn found(hits: &[Hit], ranked: &[&str], kept: usize) -> Vec<Found> {
    let best = |document: &&str| hits.iter().find(|hit| hit.uri == **document);
    let passage = |hit: &Hit| hit.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let kept = ranked.iter().take(kept).filter_map(best);
    kept.map(|hit| Found {
        document: hit.uri.clone(),
        score: hit.score,
        passage: passage(hit).chars().take(PASSAGE_CHARS).collect(),
    })
    .collect()
}

/// Takes the time of searches as a person makes them.
async fn timed(retriever: &Retriever, dataset: &Dataset, mode: Mode) -> Result<Latency, SearchError> {
    let spread = dataset.queries.len().div_ceil(TIMED).max(1);
    let queries: Vec<&JudgedQuery> = dataset.queries.iter().step_by(spread).collect();
    for query in queries.iter().take(WARM_UP) {
        retriever.search(&for_passages(&query.text, mode, PASSAGES)).await?;
    }
    let mut times_ms = Vec::with_capacity(queries.len());
    for query in queries {
        let began = Instant::now();
        retriever.search(&for_passages(&query.text, mode, PASSAGES)).await?;
        times_ms.push(began.elapsed().as_secs_f64() * 1e3);
    }
    times_ms.sort_by(f64::total_cmp);
    let at = |share: f64| percentile(&times_ms, share);
    Ok(Latency { p50_ms: at(0.5), p95_ms: at(0.95), searches: times_ms.len() })
}
