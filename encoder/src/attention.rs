//! Self-attention of one sequence: every head, real tokens only.
//!
//! Scores are kept transposed, a column a query, so that the soft maximum runs down the columns of a panel and the
//! panel is at once the right side of the second product.

use pulp::{Arch, Simd, WithSimd};

use crate::math::exp;
use crate::tile::{Base, Target, WIDTH_MAX, multiply, pack_rows, rows_max, split, width};

/// Memory of one worker.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    keys: Vec<f32>,
    values: Vec<f32>,
    queries: Vec<f32>,
    scores: Vec<f32>,
    mixed: Vec<f32>,
}

/// One sequence: each row of `projected` is query, key and value of a token; each row of `out` its heads side by side.
pub(crate) struct Attention<'a> {
    pub(crate) projected: &'a [f32],
    pub(crate) out: &'a mut [f32],
    pub(crate) hidden: usize,
    pub(crate) heads: usize,
    pub(crate) scratch: &'a mut Scratch,
}

impl Attention<'_> {
    pub(crate) fn apply(self, arch: Arch) {
        arch.dispatch(self);
    }
}

impl WithSimd for Attention<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { projected, out, hidden, heads, scratch } = self;
        let tokens = out.len() / hidden;
        let size = hidden / heads;
        let shape = Shape { tokens, size, hidden };
        scratch.keys.resize(tokens * size, 0.0);
        scratch.values.resize(tokens * size, 0.0);
        scratch.queries.resize(size * width::<S>(), 0.0);
        scratch.scores.resize(tokens * width::<S>(), 0.0);
        scratch.mixed.resize(size * width::<S>(), 0.0);
        for head in 0..heads {
            let column = head * size;
            shape.pack_keys::<S>(&projected[hidden + column..], &mut scratch.keys);
            shape.pack_values::<S>(&projected[2 * hidden + column..], &mut scratch.values);
            for first in (0..tokens).step_by(width::<S>()) {
                let count = width::<S>().min(tokens - first);
                let queries = &projected[first * 3 * hidden + column..];
                shape.pack_queries::<S>(queries, count, &mut scratch.queries);
                let out = &mut out[first * hidden + column..];
                shape.attend(simd, count, out, scratch);
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Shape {
    tokens: usize,
    /// Numbers of one head.
    size: usize,
    hidden: usize,
}

impl Shape {
    #[inline(always)]
    fn pack_keys<S: Simd>(self, keys: &[f32], packed: &mut [f32]) {
        let stride = 3 * self.hidden;
        for (start, rows) in split(self.tokens, rows_max::<S>()) {
            let packed = &mut packed[start * self.size..][..rows * self.size];
            pack_rows(packed, &keys[start * stride..], stride, rows, self.size);
        }
    }

    /// The rows of this product are the head's dimensions, its depth the tokens.
    #[inline(always)]
    fn pack_values<S: Simd>(self, values: &[f32], packed: &mut [f32]) {
        for (start, rows) in split(self.size, rows_max::<S>()) {
            let packed = &mut packed[start * self.tokens..][..rows * self.tokens];
            for (token, place) in packed.chunks_exact_mut(rows).enumerate() {
                place.copy_from_slice(&values[token * 3 * self.hidden + start..][..rows]);
            }
        }
    }

    #[inline(always)]
    fn pack_queries<S: Simd>(self, queries: &[f32], count: usize, panel: &mut [f32]) {
        let scale = 1.0 / (self.size as f32).sqrt();
        panel.fill(0.0);
        for query in 0..count {
            let values = &queries[query * 3 * self.hidden..][..self.size];
            for (place, value) in panel[query..].iter_mut().step_by(width::<S>()).zip(values) {
                *place = *value * scale;
            }
        }
    }

    #[inline(always)]
    fn attend<S: Simd>(self, simd: S, count: usize, out: &mut [f32], scratch: &mut Scratch) {
        let width = width::<S>();
        let Scratch { keys, values, queries, scores, mixed } = scratch;
        for (start, rows) in split(self.tokens, rows_max::<S>()) {
            let keys = &keys[start * self.size..][..rows * self.size];
            let target = Target { out: &mut scores[start * width..], stride: width, base: Base::Zero };
            multiply(simd, keys, rows, queries, target);
        }
        let mut sums = [0.0; WIDTH_MAX];
        exponentiate(&mut scores[..self.tokens * width], &mut sums[..width]);
        for (start, rows) in split(self.size, rows_max::<S>()) {
            let values = &values[start * self.tokens..][..rows * self.tokens];
            let target = Target { out: &mut mixed[start * width..], stride: width, base: Base::Zero };
            multiply(simd, values, rows, &scores[..self.tokens * width], target);
        }
        for query in 0..count {
            let factor = 1.0 / sums[query];
            let row = &mut out[query * self.hidden..][..self.size];
            for (place, value) in row.iter_mut().zip(mixed[query..].iter().step_by(width)) {
                *place = *value * factor;
            }
        }
    }
}

/// Replaces each score by the exponential of its distance to the greatest of its column, and sums the columns.
#[inline(always)]
fn exponentiate(scores: &mut [f32], sums: &mut [f32]) {
    let width = sums.len();
    let mut greatest = [f32::NEG_INFINITY; WIDTH_MAX];
    let greatest = &mut greatest[..width];
    for row in scores.chunks_exact(width) {
        for (most, score) in greatest.iter_mut().zip(row) {
            *most = if *score > *most { *score } else { *most };
        }
    }
    for row in scores.chunks_exact_mut(width) {
        for ((score, most), sum) in row.iter_mut().zip(greatest.iter()).zip(sums.iter_mut()) {
            *score = exp(*score - *most);
            *sum += *score;
        }
    }
}
