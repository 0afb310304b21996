//! What a ranking of documents is worth, against graded judgements of which documents answer.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// How well each judged document answers a query: above 0 it is relevant, and a larger grade is a better answer.
pub type Grades = BTreeMap<String, f64>;

/// Places that nDCG, MRR and the first recall look at.
const TOP: usize = 10;
/// Places that the second recall looks at.
pub(super) const DEEP: usize = 100;

/// The scores of one ranking, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct RankScores {
    /// Normalised discounted cumulative gain of the first ten documents: Järvelin and Kekäläinen 2002, "Cumulated gain-based
    /// evaluation of IR techniques". The gain is the grade itself and the discount 1 / log2(rank + 1), as in trec_eval and
    /// BEIR.
    pub ndcg_at_10: f64,
    /// The share of the relevant documents that are among the first ten.
    pub recall_at_10: f64,
    /// The share of the relevant documents that are among the first hundred.
    pub recall_at_100: f64,
    /// One over the rank of the first relevant document, 0 when none is among the first ten.
    pub mrr_at_10: f64,
}

impl RankScores {
    /// The scores of `ranked`, best first. A document that comes again counts at its first place only, and takes no other.
    /// All are 0 when no document is relevant.
    pub fn of(ranked: &[&str], grades: &Grades) -> Self {
        let ranked = distinct(ranked.iter().copied());
        let relevant = grades.values().filter(|grade| **grade > 0.0).count();
        if relevant == 0 {
            return Self::default();
        }
        let is_relevant = |document: &&str| gain(grades, document) > 0.0;
        let among = |depth: usize| ranked.iter().take(depth).copied().filter(is_relevant).count() as f64;
        let first = ranked.iter().take(TOP).position(is_relevant);
        Self {
            ndcg_at_10: ndcg(&ranked, grades),
            recall_at_10: among(TOP) / relevant as f64,
            recall_at_100: among(DEEP) / relevant as f64,
            mrr_at_10: first.map_or(0.0, |at| 1.0 / (at as f64 + 1.0)),
        }
    }
}

/// Each document once, where it comes first.
pub(super) fn distinct<'a>(ranked: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    ranked.filter(|document| seen.insert(*document)).collect()
}

fn ndcg(ranked: &[&str], grades: &Grades) -> f64 {
    let gains = ranked.iter().map(|document| gain(grades, document));
    let mut ideal: Vec<f64> = grades.values().copied().filter(|grade| *grade > 0.0).collect();
    ideal.sort_by(|a, b| b.total_cmp(a));
    discounted(gains) / discounted(ideal.into_iter())
}

/// The grade of a document, 0 when it is not judged or judged to be worse than nothing.
fn gain(grades: &Grades, document: &str) -> f64 {
    grades.get(document).map_or(0.0, |grade| grade.max(0.0))
}

fn discounted(gains: impl Iterator<Item = f64>) -> f64 {
    gains.take(TOP).enumerate().map(|(at, gain)| gain / (at as f64 + 2.0).log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grades(judged: &[(&str, f64)]) -> Grades {
        judged.iter().map(|(document, grade)| ((*document).to_owned(), *grade)).collect()
    }

    fn ndcg_of(ranked: &[&str], judged: &[(&str, f64)]) -> f64 {
        RankScores::of(ranked, &grades(judged)).ndcg_at_10
    }

    #[test]
    fn ndcg_worked_out_by_hand() {
        assert_eq!(ndcg_of(&["a", "b"], &[("a", 1.0)]), 1.0);
        // 1/log2(3) = 0.63093
        assert!((ndcg_of(&["b", "a"], &[("a", 1.0)]) - 0.630_93).abs() < 1e-5);
        // (1/log2(2) + 1/log2(4)) / (1/log2(2) + 1/log2(3)) = 1.5 / 1.63093
        assert!((ndcg_of(&["a", "x", "b"], &[("a", 1.0), ("b", 1.0)]) - 0.919_72).abs() < 1e-5);
        // Gains are linear: (1 + 3/log2(3)) / (3 + 1/log2(3)) = 2.89279 / 3.63093
        assert!((ndcg_of(&["b", "a"], &[("a", 3.0), ("b", 1.0)]) - 0.796_71).abs() < 1e-5);
        assert_eq!(ndcg_of(&["x"], &[("a", 1.0)]), 0.0);
    }

    #[test]
    fn recall_and_reciprocal_rank_worked_out_by_hand() {
        let ranked: Vec<String> = (1..=100).map(|place| format!("d{place}")).collect();
        let ranked: Vec<&str> = ranked.iter().map(String::as_str).collect();
        let scores = RankScores::of(&ranked, &grades(&[("d4", 1.0), ("d11", 2.0), ("d100", 1.0), ("away", 1.0)]));
        assert_eq!((scores.recall_at_10, scores.recall_at_100, scores.mrr_at_10), (0.25, 0.75, 0.25));
        let late = RankScores::of(&ranked, &grades(&[("d11", 1.0)]));
        assert_eq!((late.mrr_at_10, late.recall_at_10, late.ndcg_at_10), (0.0, 0.0, 0.0));
    }

    #[test]
    fn a_document_with_several_chunks_counts_once() {
        assert_eq!(ndcg_of(&["a", "a", "a"], &[("a", 1.0)]), 1.0);
        let twice = ndcg_of(&["x", "x", "a"], &[("a", 1.0)]);
        assert!((twice - 0.630_93).abs() < 1e-5, "the second x takes no place");
    }

    #[test]
    fn without_a_relevant_document_every_score_is_zero() {
        assert_eq!(RankScores::of(&["a"], &grades(&[])), RankScores::default());
        assert_eq!(RankScores::of(&["a"], &grades(&[("a", 0.0), ("b", -1.0)])), RankScores::default());
        let below = ndcg_of(&["b", "a"], &[("a", 1.0), ("b", -1.0)]);
        assert!((below - 0.630_93).abs() < 1e-5, "a negative grade gains nothing and costs a place");
    }
}
