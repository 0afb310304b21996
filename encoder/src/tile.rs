//! The inner product of the crate: a few packed rows times one packed panel of columns, all sums kept in registers.
//!
//! Each sum runs over the depth in order, with one fused multiply-add a step, whatever the number of rows in the
//! tile. So a row's result does not depend on the rows beside it, nor on the width of the processor's registers.

use pulp::Simd;

/// The most rows of a tile, on a processor with 32 vector registers.
const ROWS_MAX: usize = 12;

/// The widest panel, on a processor with registers of 16 numbers.
pub(crate) const WIDTH_MAX: usize = 32;

/// Columns of a panel: two registers.
#[inline(always)]
pub(crate) const fn width<S: Simd>() -> usize {
    assert!(2 * S::F32_LANES <= WIDTH_MAX && WIDTH_MAX.is_multiple_of(2 * S::F32_LANES));
    2 * S::F32_LANES
}

/// Rows of a tile, chosen so that its sums fill three quarters of the registers.
#[inline(always)]
pub(crate) const fn rows_max<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { ROWS_MAX } else { ROWS_MAX / 2 }
}

/// Cuts `total` into the fewest parts of at most `most`, as even as possible: start and size of each.
#[inline(always)]
pub(crate) fn split(total: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let parts = total.div_ceil(most).max(1);
    (0..parts).map(move |part| {
        let start = part * total / parts;
        (start, (part + 1) * total / parts - start)
    })
}

/// Writes `rows` rows so that the numbers of one depth stand together. Row `i` begins at `i * stride`.
#[inline(always)]
pub(crate) fn pack_rows(packed: &mut [f32], input: &[f32], stride: usize, rows: usize, depth: usize) {
    for row in 0..rows {
        let values = &input[row * stride..][..depth];
        for (slot, value) in packed[row..].iter_mut().step_by(rows).zip(values) {
            *slot = *value;
        }
    }
}

/// What a tile's sums are added to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Base<'a> {
    /// Nothing: what is in the target is written over.
    Zero,
    /// A number a column.
    Bias(&'a [f32]),
    /// What the target holds.
    Held,
}

/// Where a tile is written: its first number and the distance of its rows.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) out: &'a mut [f32],
    pub(crate) stride: usize,
    pub(crate) base: Base<'a>,
}

/// Multiplies `rows` packed rows by a panel. The depth is the length of the panel over its width.
#[inline(always)]
pub(crate) fn multiply<S: Simd>(simd: S, packed: &[f32], rows: usize, panel: &[f32], target: Target<'_>) {
    match rows {
        1 => tile::<S, 1>(simd, packed, panel, target),
        2 => tile::<S, 2>(simd, packed, panel, target),
        3 => tile::<S, 3>(simd, packed, panel, target),
        4 => tile::<S, 4>(simd, packed, panel, target),
        5 => tile::<S, 5>(simd, packed, panel, target),
        6 => tile::<S, 6>(simd, packed, panel, target),
        7 => tile::<S, 7>(simd, packed, panel, target),
        8 => tile::<S, 8>(simd, packed, panel, target),
        9 => tile::<S, 9>(simd, packed, panel, target),
        10 => tile::<S, 10>(simd, packed, panel, target),
        11 => tile::<S, 11>(simd, packed, panel, target),
        _ => tile::<S, ROWS_MAX>(simd, packed, panel, target),
    }
}

#[inline(always)]
fn tile<S: Simd, const ROWS: usize>(simd: S, packed: &[f32], panel: &[f32], target: Target<'_>) {
    let Target { out, stride, base } = target;
    let mut sums = [[simd.splat_f32s(0.0); 2]; ROWS];
    let columns = S::as_simd_f32s(panel).0.as_chunks::<2>().0;
    for (left, right) in packed.as_chunks::<ROWS>().0.iter().zip(columns) {
        for (sum, value) in sums.iter_mut().zip(left) {
            let value = simd.splat_f32s(*value);
            sum[0] = simd.mul_add_e_f32s(value, right[0], sum[0]);
            sum[1] = simd.mul_add_e_f32s(value, right[1], sum[1]);
        }
    }
    for (row, sum) in sums.iter().enumerate() {
        let place = S::as_mut_simd_f32s(&mut out[row * stride..][..width::<S>()]).0;
        let start = match base {
            Base::Zero => [simd.splat_f32s(0.0); 2],
            Base::Bias(bias) => {
                let bias = S::as_simd_f32s(&bias[..width::<S>()]).0;
                [bias[0], bias[1]]
            }
            Base::Held => [place[0], place[1]],
        };
        place[0] = simd.add_f32s(start[0], sum[0]);
        place[1] = simd.add_f32s(start[1], sum[1]);
    }
}
