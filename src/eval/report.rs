//! What was measured: means with intervals for each mode, and the queries that did worst.

use serde::{Deserialize, Serialize};

use super::dataset::Dataset;
use super::estimate::Estimate;
use super::metrics::RankScores;
use super::run::{Answer, DEFAULT_MODE, Found, Latency, Measurement};
use super::spans::SpanScores;

/// A measurement of a dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The dataset's name.
    pub dataset: String,
    /// The digest of its queries and of what answers them.
    pub digest: String,
    /// What was measured.
    pub setup: Setup,
    /// Queries that were asked.
    pub queries: usize,
    /// Queries that no document answers, which were left out.
    pub unanswerable: usize,
    /// The names of the queries, in the order of every list of values by query.
    pub query_ids: Vec<String>,
    /// Each mode.
    pub modes: Vec<ModeReport>,
    /// How long it took to measure, in seconds.
    pub measured_in_s: f64,
}

/// What was measured: the index and how it is searched.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Setup {
    /// Documents.
    pub documents: u64,
    /// Chunks.
    pub chunks: u64,
    /// The embedding model; `None` when there is none.
    pub model: Option<String>,
    /// Most tokens of a chunk.
    pub chunk_tokens_max: usize,
    /// Tokens that a chunk repeats from the one before it.
    pub chunk_overlap_tokens: usize,
    /// The section `search` of the configuration.
    pub search: String,
}

/// What one mode is worth, over all queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModeReport {
    /// The mode.
    pub mode: String,
    /// nDCG of the first ten documents.
    pub ndcg_at_10: Estimate,
    /// Recall of the first ten documents.
    pub recall_at_10: Estimate,
    /// Recall of the first hundred documents.
    pub recall_at_100: Estimate,
    /// Reciprocal rank of the first relevant of ten documents.
    pub mrr_at_10: Estimate,
    /// How well chunks cover the passages that answer, over the queries that have such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spans: Option<SpanReport>,
    /// How long searches took.
    pub latency: Latency,
    /// nDCG of the first ten documents, query by query.
    pub ndcg_by_query: Vec<f64>,
}

/// How well the first five chunks cover the passages that answer, over characters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpanReport {
    /// Queries that have such passages.
    pub queries: usize,
    /// Share of the retrieved characters that are expected.
    pub precision: Estimate,
    /// Share of the expected characters that are retrieved.
    pub recall: Estimate,
    /// Intersection over union.
    pub iou: Estimate,
}

/// A query that did badly.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorstQuery {
    /// Its name.
    pub id: String,
    /// The question.
    pub query: String,
    /// Its nDCG of the first ten documents.
    pub ndcg_at_10: f64,
    /// What answers it.
    pub expected: Vec<Expected>,
    /// What came first.
    pub found: Vec<Found>,
}

/// A document that answers a query.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Expected {
    /// Its URI.
    pub document: String,
    /// How well it answers.
    pub grade: f64,
    /// Where it was found, from 1.
    pub rank: Option<usize>,
}

impl Report {
    /// The report of a dataset's measurements.
    pub fn of(dataset: &Dataset, setup: Setup, measurements: &[Measurement], measured_in_s: f64) -> Self {
        Self {
            dataset: dataset.name.clone(),
            digest: dataset.digest(),
            setup,
            queries: dataset.queries.len(),
            unanswerable: dataset.unanswerable,
            query_ids: dataset.queries.iter().map(|query| query.id.clone()).collect(),
            modes: measurements.iter().map(ModeReport::of).collect(),
            measured_in_s,
        }
    }
}

impl ModeReport {
    fn of(measurement: &Measurement) -> Self {
        let answers = &measurement.answers;
        let mean = |score: fn(&RankScores) -> f64| {
            let values: Vec<f64> = answers.iter().map(|answer| score(&answer.scores)).collect();
            Estimate::of(&values)
        };
        Self {
            mode: measurement.mode.name.to_owned(),
            ndcg_at_10: mean(|scores| scores.ndcg_at_10),
            recall_at_10: mean(|scores| scores.recall_at_10),
            recall_at_100: mean(|scores| scores.recall_at_100),
            mrr_at_10: mean(|scores| scores.mrr_at_10),
            spans: SpanReport::of(answers),
            latency: measurement.latency,
            ndcg_by_query: answers.iter().map(|answer| answer.scores.ndcg_at_10).collect(),
        }
    }
}

impl SpanReport {
    /// `None` when no query has passages.
    fn of(answers: &[Answer]) -> Option<Self> {
        let scores: Vec<SpanScores> = answers.iter().filter_map(|answer| answer.spans).collect();
        let mean = |score: fn(&SpanScores) -> f64| {
            let values: Vec<f64> = scores.iter().map(score).collect();
            Estimate::of(&values)
        };
        (!scores.is_empty()).then(|| Self {
            queries: scores.len(),
            precision: mean(|one| one.precision),
            recall: mean(|one| one.recall),
            iou: mean(|one| one.iou),
        })
    }
}

/// The `count` queries with the lowest nDCG of the first ten documents, lowest first, in the mode that people get; without it,
/// in the last one that was measured.
pub fn worst(dataset: &Dataset, measurements: &[Measurement], count: usize) -> Vec<WorstQuery> {
    let usual = measurements.iter().find(|measurement| measurement.mode.name == DEFAULT_MODE);
    let Some(measurement) = usual.or(measurements.last()) else { return Vec::new() };
    let mut pairs: Vec<_> = dataset.queries.iter().zip(&measurement.answers).collect();
    // A stable sort, so that equals stay in the order of the dataset.
    pairs.sort_by(|(_, a), (_, b)| a.scores.ndcg_at_10.total_cmp(&b.scores.ndcg_at_10));
    pairs.truncate(count);
    let expected = |document: &String, grade: &f64, answer: &Answer| Expected {
        document: document.clone(),
        grade: *grade,
        rank: answer.ranks.get(document).copied(),
    };
    pairs
        .into_iter()
        .map(|(query, answer)| WorstQuery {
            id: query.id.clone(),
            query: query.text.clone(),
            ndcg_at_10: answer.scores.ndcg_at_10,
            expected: query
                .grades
                .iter()
                .filter(|(_, grade)| **grade > 0.0)
                .map(|(document, grade)| expected(document, grade, answer))
                .collect(),
            found: answer.found.clone(),
        })
        .collect()
}
