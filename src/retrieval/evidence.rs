//! Whether what was found answers the question: a small model over what a finished search shows.
//!
//! It looks at nothing that costs: the scores that both legs gave, and the words of the first hits. Words alone tell less than
//! words and meaning together, so there are two sets of coefficients, and a question is judged between both by how much the
//! vector leg deserves to be heard.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::coverage::{AskedWords, Held, PassageCoverage};
use super::legs::LegAnswers;
use super::signals::Signals;
use crate::types::{Hit, LegHit, Legs};

/// The coefficients that come with the program.
const BUILT_IN: &str = include_str!("evidence.toml");

/// Hits whose words are read.
const HITS_READ: usize = 5;
/// Hits that answer together.
const HITS_TOGETHER: usize = 3;
/// The score from which on evidence is enough; the intercepts are fitted to it.
const SUFFICIENT: f32 = 0.5;

/// What speaks for an answer being in the documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Evidence {
    /// How likely the hits answer the question, 0 to 1. It orders questions and is no probability.
    pub score: f32,
    /// Whether to answer at all. A person is told "not in these documents" when this is false.
    pub sufficient: bool,
    /// What was observed, by name.
    pub signals: BTreeMap<String, f32>,
}

/// A finished search, and what it shows.
pub(super) struct FinishedSearch {
    pub(super) question: String,
    pub(super) answers: LegAnswers,
    pub(super) signals: Signals,
    /// How much the vector leg says of whether there is an answer, 0 to 1; 0 when it did not run.
    pub(super) trust_in_vectors: f32,
    /// The hits, best first.
    pub(super) hits: Vec<Hit>,
    /// What each leg said of each hit, in the same order.
    pub(super) legs: Vec<Legs>,
}

/// The coefficients of both models.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceModel {
    /// How the coefficients were found, for people.
    pub fitted: String,
    /// For questions that were only searched by word.
    pub words: Coefficients,
    /// For questions that were searched by meaning as well.
    pub meaning: Coefficients,
}

/// A logistic model: `1 / (1 + exp(-(intercept + sum of coefficient * signal)))`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct Coefficients {
    /// The log-odds when every signal is 0.
    pub intercept: f32,
    /// What each signal adds to the log-odds; a signal that is not named adds nothing.
    #[serde(flatten)]
    pub signals: BTreeMap<String, f32>,
}

impl Coefficients {
    /// The log-odds of an answer.
    pub fn log_odds(&self, signals: &BTreeMap<String, f32>) -> f32 {
        let signal = |name: &String| signals.get(name).copied().unwrap_or(0.0);
        self.intercept + self.signals.iter().map(|(name, coefficient)| coefficient * signal(name)).sum::<f32>()
    }
}

impl EvidenceModel {
    /// The model that comes with the program.
    pub fn built_in() -> &'static Self {
        static MODEL: LazyLock<EvidenceModel> =
            LazyLock::new(|| toml::from_str(BUILT_IN).expect("a test reads the file that is compiled in"));
        &MODEL
    }

    /// How likely these signals come of a question that the documents answer, 0 to 1.
    pub fn score(&self, signals: &BTreeMap<String, f32>) -> f32 {
        let vectors = signals.get("vectors").copied().unwrap_or(0.0);
        let log_odds = (1.0 - vectors) * self.words.log_odds(signals) + vectors * self.meaning.log_odds(signals);
        1.0 / (1.0 + (-log_odds).exp())
    }
}

impl Evidence {
    /// The evidence that a search has found.
    pub(super) fn of(search: &FinishedSearch) -> Self {
        if search.hits.is_empty() {
            return Self { score: 0.0, sufficient: false, signals: BTreeMap::new() };
        }
        let signals = observed(search).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let score = EvidenceModel::built_in().score(&signals);
        Self { score, sufficient: score >= SUFFICIENT, signals }
    }
}

fn observed(search: &FinishedSearch) -> Vec<(&'static str, f32)> {
    let asked = AskedWords::of(&search.question, &search.answers.keyword.terms);
    let passages: Vec<PassageCoverage> = search.hits.iter().take(HITS_READ).map(|hit| asked.in_passage(hit)).collect();
    let most = |value: &dyn Fn(&PassageCoverage) -> f32| passages.iter().map(value).fold(0.0, f32::max);
    let held_by = |hits: usize| passages.iter().take(hits).fold(Held::default(), |all, passage| passage.all.and(all));
    let (together, read) = (held_by(HITS_TOGETHER), held_by(HITS_READ));
    let mut signals = vec![
        ("coverage", most(&|passage| asked.share(passage.all))),
        ("sentence", most(&|passage| passage.sentence)),
        ("first", passages.first().map_or(0.0, |passage| asked.share(passage.all))),
        ("together", asked.share(together)),
        ("rarest_missing", asked.heaviest_missing(together)),
        ("numbers_missing", asked.numbers_missing(together)),
        ("names_missing", asked.names_missing(together)),
        ("strange", asked.strange(read)),
        ("pairs", asked.pairs()),
        ("words", keyword_share(search)),
    ];
    signals.extend(search.signals.named());
    signals.extend(meaning(search, asked.strange(read)));
    signals
}

/// The share of all that the question's words could score, those included that no document has, which the best hit reaches.
fn keyword_share(search: &FinishedSearch) -> f32 {
    let best = search.legs.iter().filter_map(|legs| legs.keyword).map(|rank| rank.score).fold(0.0, f32::max);
    let bound = search.answers.keyword.score_bound;
    if bound > 0.0 { (search.signals.known * best / bound).min(1.0) } else { 0.0 }
}

/// What the vector leg says, on the model's own scale: 0 for an unrelated passage, 1 for the very words of the question.
///
/// Across languages cosines are lower, and what tells is how far the best stands above the others. That shrinks as documents
/// grow in number, so it counts only as far as the question's words are strange to the hits.
fn meaning(search: &FinishedSearch, strange: f32) -> Vec<(&'static str, f32)> {
    let span = search.answers.cosine_span;
    let hears = if span > 0.0 && !search.answers.vector.is_empty() { search.trust_in_vectors } else { 0.0 };
    if hears <= 0.0 {
        return vec![("vectors", 0.0)];
    }
    let of_hits = || search.legs.iter().filter_map(|legs| legs.vector).map(|rank| rank.score);
    let best = of_hits().fold(0.0, f32::max);
    let worst = search.answers.vector.last().map_or(best, |hit| hit.score);
    let first: Vec<f32> = of_hits().take(HITS_READ).collect();
    let mean = first.iter().sum::<f32>() / (first.len().max(1)) as f32;
    let scaled = |cosine: f32| (cosine - (1.0 - span)) / span;
    vec![
        ("vectors", hears),
        ("meaning", scaled(best)),
        ("meaning_above_worst", (best - worst) / span),
        ("strange_lead", strange * (best - worst) / span),
        ("meaning_above_mean", (best - mean) / span),
        ("meaning_peak", peak(best, &search.answers.vector)),
    ]
}

/// How many deviations of the candidates the best lies above their mean, in tens. It does not depend on how alike all passages
/// are, and little on how many there are.
fn peak(best: f32, candidates: &[LegHit]) -> f32 {
    let count = candidates.len().max(1) as f32;
    let mean = candidates.iter().map(|hit| hit.score).sum::<f32>() / count;
    let variance = candidates.iter().map(|hit| (hit.score - mean).powi(2)).sum::<f32>() / count;
    if variance > 0.0 { (best - mean) / variance.sqrt() / 10.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{ChunkId, LegRank};

    /// A search by both legs that found one passage of `text` with this cosine, and `others` below it.
    fn found(question: &str, text: &str, cosine: f32, others: &[f32]) -> FinishedSearch {
        let ranked = |score| LegRank { rank: 1, score, normalized: 1.0, weight: 0.5 };
        let hit = Hit { text: text.to_owned(), ..passage_hit() };
        let scores = std::iter::once(&cosine).chain(others);
        let vector = scores.zip(1..).map(|(score, id)| LegHit { chunk: ChunkId(id), score: *score }).collect();
        FinishedSearch {
            question: question.to_owned(),
            answers: LegAnswers { vector, cosine_span: 0.25, ..LegAnswers::default() },
            signals: Signals::default(),
            trust_in_vectors: 1.0,
            hits: vec![hit],
            legs: vec![Legs { vector: Some(ranked(cosine)), ..Legs::default() }],
        }
    }

    fn passage_hit() -> Hit {
        let hit = serde_json::json!({
            "chunk_id": "c1", "document_id": "00000000000000000000000000000001", "collection": "default", "uri": "a.txt",
            "title": "", "media_type": "text/plain", "heading_path": [], "span": {"start": 0, "end": 1}, "text": "",
            "highlights": [], "score": 1.0,
        });
        serde_json::from_value(hit).unwrap()
    }

    #[test]
    fn every_coefficient_of_the_built_in_model_is_that_of_a_signal() {
        let model = EvidenceModel::built_in();
        assert!(!model.fitted.is_empty());
        let observed = Evidence::of(&found("otters", "An otter.", 0.9, &[0.8])).signals;
        for name in model.words.signals.keys().chain(model.meaning.signals.keys()) {
            assert!(observed.contains_key(name), "{name} is no signal");
        }
    }

    #[test]
    fn a_question_is_answered_by_its_own_words_or_by_what_stands_out_in_another_language() {
        let is_enough = |search: &FinishedSearch| Evidence::of(search).sufficient;
        assert!(is_enough(&found("Where do otters sleep?", "Otters sleep in dens.", 0.88, &[0.78])));
        assert!(is_enough(&found("Wo schlafen Fischotter?", "Otters sleep in dens.", 0.84, &[0.72])));
        assert!(!is_enough(&found("Wo schlafen Fischotter?", "The bridge is long.", 0.77, &[0.74])));
        assert!(!is_enough(&found("Where do otters sleep?", "The bridge is long.", 0.78, &[0.75])));
        let by_words =
            |question| FinishedSearch { trust_in_vectors: 0.0, ..found(question, "Otters eat crabs.", 0.0, &[]) };
        assert!(is_enough(&by_words("otters")) && !is_enough(&by_words("chess championship")));
    }

    #[test]
    fn nothing_found_is_no_evidence() {
        let nothing = FinishedSearch { hits: Vec::new(), legs: Vec::new(), ..found("otters", "", 0.9, &[]) };
        assert_eq!(Evidence::of(&nothing), Evidence { score: 0.0, sufficient: false, signals: BTreeMap::new() });
    }

    #[test]
    fn every_observation_is_a_number_whatever_was_asked() {
        for question in ["", "?", "what", "「」", "1972", "of the", "\u{301}"] {
            let evidence = Evidence::of(&found(question, "Otters.", 0.8, &[]));
            assert!(evidence.score.is_finite(), "{question}: {evidence:?}");
            assert!(evidence.signals.values().all(|value| value.is_finite()), "{question}: {evidence:?}");
        }
    }

    #[test]
    fn the_more_the_vectors_are_heard_the_more_meaning_counts() {
        let only =
            |name: &str, intercept| Coefficients { intercept, signals: BTreeMap::from([(name.to_owned(), 4.0)]) };
        let model =
            EvidenceModel { fitted: String::new(), words: only("coverage", -2.0), meaning: only("meaning", -2.0) };
        let score = |vectors| {
            let signals = [("vectors", vectors), ("coverage", 0.0), ("meaning", 1.0)];
            model.score(&signals.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
        };
        assert!(score(0.0) < 0.2 && score(1.0) > 0.8);
        assert!((score(0.5) - 0.5).abs() < 1e-6);
    }
}
