//! A linear layer: all rows are multiplied by one panel of weights after the other.
//!
//! Weights in 4 bits are unpacked a panel at a time, just before the product; f32 weights lie in panels from the start.

use half::f16;
use pulp::{Arch, Simd, WithSimd};

use crate::storage::{BLOCK, BLOCK_BYTES};
use crate::tile::{Base, Target, multiply, pack_rows, rows_max, split, width};

/// Depth of one pass: a panel of it and the rows of a tile fit the first-level cache.
const DEPTH_MAX: usize = 384;
/// Rows packed at a time: with the depth above, they fit the second-level cache.
pub(crate) const ROWS_MAX: usize = 256;

/// Weights in one word.
const WORD: usize = 8;

/// The weights of one layer, in the order in which the product reads them.
#[derive(Debug)]
pub(crate) struct Linear {
    depth: usize,
    outputs: usize,
    bias: Vec<f32>,
    panels: Panels,
}

/// Weights as a file holds them: a row an output.
#[derive(Debug)]
pub(crate) enum Rows {
    /// `Q4_0` blocks.
    Q4(Vec<u8>),
    /// Numbers.
    Float(Vec<f32>),
}

/// Weights in panels; each holds `width` outputs.
#[derive(Debug)]
enum Panels {
    /// A panel is a row of blocks of 32 inputs; a block has one scale an output, and 4 rows of `width` words: word row `r`
    /// carries inputs `8 r` to `8 r + 7`, the first in the lowest 4 bits.
    Q4 { words: Vec<u32>, scales: Vec<f32> },
    /// A panel has `width` numbers an input.
    Float(Vec<f32>),
}

impl Linear {
    /// Lays out the weights of `bias.len()` outputs with `depth` inputs each.
    pub(crate) fn new(arch: Arch, depth: usize, rows: &Rows, bias: Vec<f32>) -> Self {
        let width = arch.dispatch(Width);
        let outputs = bias.len();
        let panels = match rows {
            Rows::Q4(rows) => lay_out_blocks(rows, (depth, outputs), width),
            Rows::Float(rows) => lay_out_floats(rows, depth, width),
        };
        Self { depth, outputs, bias, panels }
    }

    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Writes `input * weights + bias`, row by row, to `out`.
    pub(crate) fn apply(&self, arch: Arch, input: &[f32], out: &mut [f32], scratch: &mut Scratch) {
        arch.dispatch(Apply { linear: self, input, out, scratch });
    }
}

/// Memory for packed rows and one unpacked panel.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    packed: Vec<f32>,
    panel: Vec<f32>,
}

fn lay_out_blocks(rows: &[u8], (depth, outputs): (usize, usize), width: usize) -> Panels {
    let blocks = depth / BLOCK;
    let mut words = vec![0; outputs * depth / WORD];
    let mut scales = vec![0.0; outputs * blocks];
    for (index, block) in rows.chunks_exact(BLOCK_BYTES).enumerate() {
        let (output, place) = (index / blocks, index % blocks);
        let (panel, column) = (output / width, output % width);
        let first = (panel * blocks + place) * width;
        scales[first + column] = f16::from_le_bytes([block[0], block[1]]).to_f32();
        let words = &mut words[first * (BLOCK / WORD) + column..];
        for (input, byte) in block[2..].iter().enumerate() {
            let shift = 4 * (input % WORD);
            words[input / WORD * width] |= u32::from(byte & 15) << shift;
            words[(input + BLOCK / 2) / WORD * width] |= u32::from(byte >> 4) << shift;
        }
    }
    Panels::Q4 { words, scales }
}

fn lay_out_floats(rows: &[f32], depth: usize, width: usize) -> Panels {
    let mut panels = vec![0.0; rows.len()];
    for (output, row) in rows.chunks_exact(depth).enumerate() {
        let places = panels[output / width * width * depth + output % width..].iter_mut().step_by(width);
        for (place, weight) in places.zip(row) {
            *place = *weight;
        }
    }
    Panels::Float(panels)
}

struct Width;

impl WithSimd for Width {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> usize {
        width::<S>()
    }
}

struct Apply<'a> {
    linear: &'a Linear,
    input: &'a [f32],
    out: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl WithSimd for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { linear, input, out, scratch } = self;
        let rows_total = input.len() / linear.depth;
        scratch.packed.resize(rows_total.min(ROWS_MAX) * DEPTH_MAX, 0.0);
        scratch.panel.resize(DEPTH_MAX * width::<S>(), 0.0);
        for (first_row, rows) in split(rows_total, ROWS_MAX) {
            let out = &mut out[first_row * linear.outputs..][..rows * linear.outputs];
            for first in (0..linear.depth).step_by(DEPTH_MAX) {
                let depth = DEPTH_MAX.min(linear.depth - first);
                let input = &input[first_row * linear.depth + first..];
                for (start, size) in split(rows, rows_max::<S>()) {
                    let packed = &mut scratch.packed[start * depth..][..size * depth];
                    pack_rows(packed, &input[start * linear.depth..], linear.depth, size, depth);
                }
                linear.multiply_panels(simd, (first, depth), rows, out, scratch);
            }
        }
    }
}

impl Linear {
    /// Multiplies the packed rows by the part of every panel between `first` and `first + depth`.
    #[inline(always)]
    fn multiply_panels<S: Simd>(
        &self,
        simd: S,
        (first, depth): (usize, usize),
        rows: usize,
        out: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let width = width::<S>();
        let Scratch { packed, panel: unpacked } = scratch;
        for column in (0..self.outputs).step_by(width) {
            let place = column / width * self.depth + first;
            let panel = match &self.panels {
                Panels::Q4 { words, scales } => {
                    let block = place / BLOCK * width;
                    let scales = &scales[block..][..depth / BLOCK * width];
                    let words = &words[block * (BLOCK / WORD)..][..depth / WORD * width];
                    let unpacked = &mut unpacked[..depth * width];
                    unpack(simd, words, scales, unpacked);
                    &*unpacked
                }
                Panels::Float(panels) => &panels[place * width..][..depth * width],
            };
            let base = if first == 0 { Base::Bias(&self.bias[column..]) } else { Base::Held };
            for (start, size) in split(rows, rows_max::<S>()) {
                let packed = &packed[start * depth..][..size * depth];
                let out = &mut out[start * self.outputs + column..];
                multiply(simd, packed, size, panel, Target { out, stride: self.outputs, base });
            }
        }
    }
}

/// Writes the f32 weights of some blocks of a panel.
///
/// A number under 16 in the low bits of the float 2^23 adds itself to that float, so taking 2^23 + 8 away leaves it
/// less 8: exact, and one instruction instead of a conversion.
#[inline(always)]
fn unpack<S: Simd>(simd: S, words: &[u32], scales: &[f32], panel: &mut [f32]) {
    const FLOAT: f32 = 8_388_608.0;
    let (mask, float) = (simd.splat_u32s(15), simd.splat_u32s(FLOAT.to_bits()));
    let offset = simd.splat_f32s(FLOAT + 8.0);
    let scales = S::as_simd_f32s(scales).0.as_chunks::<2>().0;
    let words = S::as_simd_u32s(words).0.as_chunks::<2>().0;
    let rows = S::as_mut_simd_f32s(panel).0.as_chunks_mut::<2>().0;
    for (index, (word, rows_of_word)) in words.iter().zip(rows.as_chunks_mut::<WORD>().0).enumerate() {
        let scale = &scales[index / (BLOCK / WORD)];
        for half in 0..2 {
            for (place, row) in rows_of_word.iter_mut().enumerate() {
                let shift = simd.splat_u32s(4 * place as u32);
                let low = simd.and_u32s(simd.wrapping_dyn_shr_u32s(word[half], shift), mask);
                let value = simd.transmute_f32s_u32s(simd.or_u32s(low, float));
                row[half] = simd.mul_f32s(simd.sub_f32s(value, offset), scale[half]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Storage;

    fn numbers(count: usize) -> Vec<f32> {
        (0..count).map(|index| (index * 7919 % 1000) as f32 / 500.0 - 1.0).collect()
    }

    fn blocks(count: usize) -> Vec<u8> {
        let byte = |place| {
            if place % BLOCK_BYTES == 1 { 0x2c } else { (place * 31 % 251) as u8 }
        };
        (0..count * BLOCK_BYTES).map(byte).collect()
    }

    fn apply(arch: Arch, depth: usize, outputs: usize, input: &[f32]) -> Vec<f32> {
        let linear = Linear::new(arch, depth, &Rows::Q4(blocks(depth / BLOCK * outputs)), numbers(outputs));
        let mut out = vec![0.0; input.len() / depth * outputs];
        linear.apply(arch, input, &mut out, &mut Scratch::default());
        out
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn narrow_and_wide_registers_give_the_same_bits() {
        let input = numbers(17 * 416);
        if let Some(simd) = pulp::x86::V3::try_new() {
            let narrow = apply(Arch::V3(simd), 416, 64, &input);
            assert!(narrow == apply(Arch::new(), 416, 64, &input));
        }
    }

    #[test]
    fn a_row_does_not_depend_on_the_rows_beside_it() {
        let (depth, outputs) = (64, 32);
        let input = numbers(300 * depth);
        let together = apply(Arch::new(), depth, outputs, &input);
        for rows in [1, 2, 11, 13, 257] {
            let alone = apply(Arch::new(), depth, outputs, &input[..rows * depth]);
            assert!(alone == together[..rows * outputs], "{rows}");
        }
    }

    #[test]
    fn the_product_is_that_of_the_definition() {
        let (depth, outputs) = (416, 64);
        let input = numbers(3 * depth);
        let out = apply(Arch::new(), depth, outputs, &input);
        let (rows, bias) = (blocks(depth / BLOCK * outputs), numbers(outputs));
        let scalar = apply(Arch::Scalar, depth, outputs, &input);
        for (place, value) in out.iter().enumerate() {
            let (row, output) = (place / outputs, place % outputs);
            let mut sum = f64::from(bias[output]);
            for index in 0..depth {
                let block = &rows[(output * depth + index) / BLOCK * BLOCK_BYTES..][..BLOCK_BYTES];
                let byte = block[2 + index % 16];
                let nibble = if index % BLOCK < 16 { byte & 15 } else { byte >> 4 };
                let scale = f16::from_le_bytes([block[0], block[1]]).to_f64();
                sum += (f64::from(nibble) - 8.0) * scale * f64::from(input[row * depth + index]);
            }
            assert!((f64::from(*value) - sum).abs() < 1e-4, "{place}: {value} {sum}");
            assert!((value - scalar[place]).abs() < 1e-4);
        }
    }

    #[test]
    fn the_same_weights_as_numbers_give_the_same_bits() {
        let (depth, outputs) = (416, 64);
        let input = numbers(17 * depth);
        let mut weights = vec![0.0; depth * outputs];
        Storage::Q4.decode(&blocks(depth / BLOCK * outputs), &mut weights);
        for arch in [Arch::new(), Arch::Scalar] {
            let linear = Linear::new(arch, depth, &Rows::Float(weights.clone()), numbers(outputs));
            let mut out = vec![0.0; 17 * outputs];
            linear.apply(arch, &input, &mut out, &mut Scratch::default());
            assert!(out == apply(arch, depth, outputs, &input));
        }
    }
}
