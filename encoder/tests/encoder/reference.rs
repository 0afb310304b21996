//! The network as its definition reads, in doubles and plain loops.

use std::collections::HashMap;

use crate::tiny::{HEADS, HIDDEN, LAYERS, WIDE};

type Rows = Vec<Vec<f64>>;

pub(crate) struct Reference<'a>(pub(crate) &'a HashMap<String, Vec<f64>>);

impl Reference<'_> {
    pub(crate) fn vector(&self, ids: &[u32]) -> Vec<f64> {
        let mut rows: Rows = ids.iter().enumerate().map(|(place, id)| self.embedding(place, *id)).collect();
        rows = self.norm(&rows, "emb.ln");
        for layer in 0..LAYERS {
            let name = |part: &str| format!("l{layer}.{part}");
            let mixed = self.attention(&rows, layer);
            let change = self.linear(&mixed, &name("ao"), HIDDEN);
            rows = self.norm(&add(&rows, &change), &name("aln"));
            let mut wide = self.linear(&rows, &name("fi"), WIDE);
            wide.iter_mut().flatten().for_each(|value| *value = gelu(*value));
            let narrow = self.linear(&wide, &name("fo"), HIDDEN);
            rows = self.norm(&add(&rows, &narrow), &name("oln"));
        }
        let sums = (0..HIDDEN).map(|column| rows.iter().map(|row| row[column]).sum());
        let sums: Vec<f64> = sums.collect();
        let length = sums.iter().map(|value| value * value).sum::<f64>().sqrt();
        sums.iter().map(|value| value / length).collect()
    }

    fn embedding(&self, place: usize, id: u32) -> Vec<f64> {
        let at = |name: &str, row: usize, column: usize| self.0[name][row * HIDDEN + column];
        (0..HIDDEN)
            .map(|column| {
                at("emb.word", id as usize, column) + at("emb.pos", place, column) + at("emb.type", 0, column)
            })
            .collect()
    }

    fn linear(&self, rows: &Rows, name: &str, outputs: usize) -> Rows {
        let (weights, bias) = (&self.0[&format!("{name}.w")], &self.0[&format!("{name}.b")]);
        let product = |row: &Vec<f64>, output: usize| {
            let weights = &weights[output * row.len()..][..row.len()];
            bias[output] + row.iter().zip(weights).map(|(value, weight)| value * weight).sum::<f64>()
        };
        rows.iter().map(|row| (0..outputs).map(|output| product(row, output)).collect()).collect()
    }

    fn norm(&self, rows: &Rows, name: &str) -> Rows {
        let (scale, shift) = (&self.0[&format!("{name}.w")], &self.0[&format!("{name}.b")]);
        let normalised = |row: &Vec<f64>| {
            let mean = row.iter().sum::<f64>() / HIDDEN as f64;
            let variance = row.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / HIDDEN as f64;
            let value =
                |column: usize| (row[column] - mean) / (variance + 1e-12).sqrt() * scale[column] + shift[column];
            (0..HIDDEN).map(value).collect()
        };
        rows.iter().map(normalised).collect()
    }

    fn attention(&self, rows: &Rows, layer: usize) -> Rows {
        let project = |part: &str| self.linear(rows, &format!("l{layer}.{part}"), HIDDEN);
        let (queries, keys, values) = (project("q"), project("k"), project("v"));
        let size = HIDDEN / HEADS;
        let mut out = vec![vec![0.0; HIDDEN]; rows.len()];
        for head in 0..HEADS {
            let columns = head * size..(head + 1) * size;
            for (query, place) in queries.iter().zip(&mut out) {
                let score = |key: &Vec<f64>| {
                    let products = columns.clone().map(|column| query[column] * key[column]);
                    (products.sum::<f64>() / (size as f64).sqrt()).exp()
                };
                let scores: Vec<f64> = keys.iter().map(score).collect();
                let total: f64 = scores.iter().sum();
                for column in columns.clone() {
                    let parts = scores.iter().zip(&values).map(|(weight, value)| weight * value[column]);
                    place[column] = parts.sum::<f64>() / total;
                }
            }
        }
        out
    }
}

fn add(rows: &Rows, other: &Rows) -> Rows {
    let pair = |(row, added): (&Vec<f64>, &Vec<f64>)| row.iter().zip(added).map(|(a, b)| a + b).collect();
    rows.iter().zip(other).map(pair).collect()
}

/// GELU through the Maclaurin series of the error function.
fn gelu(x: f64) -> f64 {
    let z = x * std::f64::consts::FRAC_1_SQRT_2;
    if z.abs() > 5.0 {
        return if z > 0.0 { x } else { 0.0 };
    }
    let (mut term, mut total) = (z, z);
    for n in 1..200 {
        term *= -z * z / f64::from(n);
        total += term / f64::from(2 * n + 1);
    }
    0.5 * x * (1.0 + total * std::f64::consts::FRAC_2_SQRT_PI)
}
