//! The functions applied number by number: exponential, GELU, layer normalisation.
//!
//! They are plain loops that the compiler turns into vectors. No fused multiply-add and a fixed order of sums, so
//! their results are the same on every processor.

use pulp::{Arch, Simd, WithSimd};

/// Partial sums of a row; added up in order at the end.
const LANES: usize = 32;

/// `e` to the power of `x`, for `x` of at most 0; smaller than -87 counts as -87.
///
/// The polynomial is that of the Cephes library (`expf`); the error is under 2 units in the last place.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    /// Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.max(-87.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let power = rounded - ROUND;
    let r = x - power * 0.693_359_4 - power * -2.121_944_4e-4;
    let mut y = 1.987_569_1e-4;
    y = y * r + 1.398_199_9e-3;
    y = y * r + 8.333_452e-3;
    y = y * r + 4.166_579_6e-2;
    y = y * r + 1.666_666_5e-1;
    y = y * r + 5e-1;
    y = y * r * r + r + 1.0;
    y * f32::from_bits(rounded.to_bits().wrapping_add(127) << 23)
}

/// The error function as a quotient of polynomials (the coefficients of Eigen's `erf` for f32), error under 5e-7.
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let s = x * x;
    let mut p = -2.726_142_4e-10;
    p = p * s + 2.770_681_4e-8;
    p = p * s + -2.101_024e-6;
    p = p * s + -5.692_506_5e-5;
    p = p * s + -7.349_906_3e-4;
    p = p * s + -2.954_6e-3;
    p = p * s + -1.609_603_3e-2;
    let mut q = -1.456_607_2e-5;
    q = q * s + -2.133_740_6e-4;
    q = q * s + -1.682_827e-3;
    q = q * s + -7.373_329e-3;
    q = q * s + -1.426_474e-2;
    x * p / q
}

/// Replaces each number by its GELU (the exact form with the error function).
pub(crate) fn gelu(arch: Arch, values: &mut [f32]) {
    arch.dispatch(Gelu { values });
}

struct Gelu<'a> {
    values: &'a mut [f32],
}

impl WithSimd for Gelu<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for value in self.values {
            let x = *value;
            *value = 0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
        }
    }
}

/// The scale, shift and epsilon of a layer normalisation.
#[derive(Debug)]
pub(crate) struct Norm {
    pub(crate) scale: Vec<f32>,
    pub(crate) shift: Vec<f32>,
    pub(crate) epsilon: f32,
}

impl Norm {
    /// Replaces each row by the normalised sum of it and the same row of `added`.
    pub(crate) fn apply(&self, arch: Arch, rows: &mut [f32], added: &[f32]) {
        arch.dispatch(AddNorm { norm: self, rows, added });
    }
}

struct AddNorm<'a> {
    norm: &'a Norm,
    rows: &'a mut [f32],
    added: &'a [f32],
}

impl WithSimd for AddNorm<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Norm { scale, shift, epsilon } = self.norm;
        let size = scale.len();
        for (row, added) in self.rows.chunks_exact_mut(size).zip(self.added.chunks_exact(size)) {
            for (value, other) in row.iter_mut().zip(added) {
                *value += *other;
            }
            let mean = sum(row, |value| value) / size as f32;
            let variance = sum(row, |value| (value - mean) * (value - mean)) / size as f32;
            let factor = 1.0 / (variance + epsilon).sqrt();
            for ((value, times), plus) in row.iter_mut().zip(scale).zip(shift) {
                *value = (*value - mean) * factor * *times + *plus;
            }
        }
    }
}

#[inline(always)]
fn sum(row: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    for values in row.as_chunks::<LANES>().0 {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += term(*value);
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_is_close_to_the_double_one() {
        for step in 0..=87_000 {
            let x = -(step as f32) / 1000.0;
            let expected = f64::from(x).exp();
            assert!(((f64::from(exp(x)) - expected) / expected).abs() < 3e-7, "{x}");
        }
    }

    #[test]
    fn error_function_is_close_to_its_series() {
        for step in -6000..=6000 {
            let x = f64::from(step) / 1000.0;
            assert!((f64::from(erf(x as f32)) - erf_series(x)).abs() < 6e-7, "{x}");
        }
    }

    /// The Maclaurin series; enough terms for |x| of at most 6, where its rounding error is near 1e-3 of 1e-7.
    fn erf_series(x: f64) -> f64 {
        if x.abs() > 4.5 {
            return x.signum();
        }
        let (mut term, mut total) = (x, x);
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            total += term / f64::from(2 * n + 1);
        }
        total * std::f64::consts::FRAC_2_SQRT_PI
    }
}
