//! A mean over queries, with how far it can be trusted.

use serde::{Deserialize, Serialize};

/// A mean with its 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

/// Samples that are drawn: the ends move in the third digit from one seed to the next.
const SAMPLES: usize = 1_000;
/// Any fixed seed, so that the same values give the same interval.
const SEED: u64 = 42;
/// What lies outside on each side of a 95 % interval.
const TAIL: f64 = 0.025;

impl Estimate {
    /// The mean of `values`, and the percentiles of the means of samples drawn from them with replacement: Efron and Tibshirani
    /// 1993, "An Introduction to the Bootstrap", chapter 13. All are 0 without values.
    pub fn of(values: &[f64]) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let mut random = fastrand::Rng::with_seed(SEED);
        let mut sample = || mean((0..values.len()).map(|_| values[random.usize(..values.len())]));
        let mut means: Vec<f64> = (0..SAMPLES).map(|_| sample()).collect();
        means.sort_by(f64::total_cmp);
        Self { mean: mean(values.iter().copied()), low: percentile(&means, TAIL), high: percentile(&means, 1.0 - TAIL) }
    }
}

/// The mean, 0 without values.
pub(super) fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1) as f64;
    values.sum::<f64>() / count
}

/// The value below which a share of the ascending `sorted` values lies, by the nearest rank; 0 without values.
pub(super) fn percentile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil().max(1.0);
    // A rank is at most the length, which is a whole number that fits.
    let at = sorted.len().min(rank as usize).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_by_the_nearest_rank() {
        let sorted: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(
            (percentile(&sorted, 0.5), percentile(&sorted, 0.95), percentile(&sorted, 1.0)),
            (50.0, 95.0, 100.0)
        );
        assert_eq!((percentile(&[7.0], 0.5), percentile(&[], 0.5)), (7.0, 0.0));
    }

    #[test]
    fn equal_values_leave_no_doubt() {
        assert_eq!(Estimate::of(&[0.5; 20]), Estimate { mean: 0.5, low: 0.5, high: 0.5 });
        assert_eq!(Estimate::of(&[]), Estimate::default());
    }

    #[test]
    fn the_interval_is_near_that_of_the_normal_distribution() {
        // 400 values of 0 and 1: a standard error of 0.5 / 20, so 0.5 +- 1.96 * 0.025.
        let values: Vec<f64> = (0..400).map(|at| f64::from(at % 2)).collect();
        let estimate = Estimate::of(&values);
        assert_eq!(estimate.mean, 0.5);
        assert!((estimate.low - 0.451).abs() < 0.006 && (estimate.high - 0.549).abs() < 0.006, "{estimate:?}");
        assert_eq!(estimate, Estimate::of(&values), "the seed is fixed");
    }
}
