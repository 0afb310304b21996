//! Two measurements on the same queries: by how much they differ, and whether that can be chance.

use serde::Serialize;

use super::estimate::{Estimate, mean};
use super::report::{ModeReport, Report};
use crate::types::{Generation, GenerationId};

/// How a generation does against the one that serves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Mean nDCG@10 of the one that serves.
    pub mean_before: f64,
    /// Mean nDCG@10 of the other.
    pub mean_after: f64,
    /// The probability of a difference in means this large or larger if the two were equally good.
    pub p_value: f64,
    /// How many queries.
    pub queries: usize,
}

/// Below this many queries a test can hardly show anything, so the means alone decide.
const QUERIES_FOR_A_TEST: usize = 30;
/// A drop less likely than this under chance is a drop.
const SIGNIFICANCE: f64 = 0.05;
/// Random assignments of signs.
const ROUNDS: u32 = 10_000;

impl Comparison {
    /// Whether the mean fell by more than `max_drop` and chance does not explain it.
    pub fn is_worse(&self, max_drop: f64) -> bool {
        let dropped = self.mean_before - self.mean_after > max_drop;
        dropped && (self.queries < QUERIES_FOR_A_TEST || self.p_value < SIGNIFICANCE)
    }
}

/// Compares a generation with the one that serves; `None` when they are not both measured on the same queries.
pub fn comparison(known: &[Generation], id: GenerationId) -> Option<Comparison> {
    let before = known.iter().find(|generation| generation.serving)?.score.as_ref()?;
    let after = known.iter().find(|generation| generation.id == id)?.score.as_ref()?;
    if before.queries_digest != after.queries_digest {
        return None;
    }
    Some(Comparison {
        mean_before: before.mean(),
        mean_after: after.mean(),
        p_value: paired_p_value(&before.ndcg_at_10, &after.ndcg_at_10),
        queries: before.ndcg_at_10.len(),
    })
}

/// How one mode does in two reports, by nDCG of the first ten documents.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModeDifference {
    /// The mode.
    pub mode: String,
    /// Its mean in the first report.
    pub mean_before: f64,
    /// Its mean in the second.
    pub mean_after: f64,
    /// The mean of the differences query by query, with the interval of a paired bootstrap; above 0 when the second is better.
    pub difference: Estimate,
    /// The probability of a difference in means this large or larger if the two were equally good.
    pub p_value: f64,
}

/// The modes that both reports have, in the order of the second. Empty when the reports are of different queries.
pub fn differences(before: &Report, after: &Report) -> Vec<ModeDifference> {
    if before.digest != after.digest {
        return Vec::new();
    }
    let same = |mode: &ModeReport| before.modes.iter().find(|other| other.mode == mode.mode);
    after.modes.iter().filter_map(|mode| same(mode).map(|other| mode_difference(other, mode))).collect()
}

fn mode_difference(before: &ModeReport, after: &ModeReport) -> ModeDifference {
    let pairs = before.ndcg_by_query.iter().zip(&after.ndcg_by_query);
    let each: Vec<f64> = pairs.map(|(first, second)| second - first).collect();
    ModeDifference {
        mode: after.mode.clone(),
        mean_before: mean(before.ndcg_by_query.iter().copied()),
        mean_after: mean(after.ndcg_by_query.iter().copied()),
        difference: Estimate::of(&each),
        p_value: paired_p_value(&before.ndcg_by_query, &after.ndcg_by_query),
    }
}

/// The two-sided p-value of Fisher's randomisation test on pairs: how often random signs give the differences a mean as far
/// from zero as theirs. Smucker, Allan and Carterette 2007, "A comparison of statistical significance tests for
/// information retrieval evaluation". The signs come from a fixed seed, so the same scores give the same value.
pub fn paired_p_value(before: &[f64], after: &[f64]) -> f64 {
    const ROUNDING: f64 = 1e-12;
    let differences: Vec<f64> = before.iter().zip(after).map(|(before, after)| after - before).collect();
    let observed = differences.iter().sum::<f64>().abs();
    let mut random = fastrand::Rng::with_seed(42);
    let mut as_far = 0;
    for _ in 0..ROUNDS {
        let sum: f64 = differences.iter().map(|difference| if random.bool() { *difference } else { -difference }).sum();
        as_far += u32::from(sum.abs() >= observed - ROUNDING);
    }
    // The observed assignment is one of those that chance could have made.
    f64::from(as_far + 1) / f64::from(ROUNDS + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_are_no_difference_and_a_clear_fall_is_one() {
        let before = vec![0.9; 40];
        assert_eq!(paired_p_value(&before, &before), 1.0);
        let after = vec![0.7; 40];
        assert!(paired_p_value(&before, &after) < 0.001);
        // Four pairs of one sign: 2 of 16 assignments are as far out.
        let p = paired_p_value(&[1.0; 4], &[0.0; 4]);
        assert!((p - 0.125).abs() < 0.02, "{p}");
    }

    #[test]
    fn a_fall_is_refused_when_it_is_large_and_not_chance() {
        let comparison = |mean_after, p_value, queries| Comparison { mean_before: 0.8, mean_after, p_value, queries };
        assert!(comparison(0.7, 0.01, 100).is_worse(0.01));
        assert!(!comparison(0.7, 0.4, 100).is_worse(0.01), "chance explains it");
        assert!(comparison(0.7, 0.4, 10).is_worse(0.01), "too few queries to ask chance");
        assert!(!comparison(0.795, 0.01, 100).is_worse(0.01), "within the allowance");
        assert!(!comparison(0.9, 0.01, 100).is_worse(0.01), "a rise is no fall");
    }
}
