//! Attention of some queries to one block of the cache.

use ulp_tensor::Float;
use ulp_tensor::simd::Kernel;

use super::LANES;
use crate::kv_cache::BLOCK;

/// Queries that go through a block together: each number of it that is loaded is used for all.
const TOGETHER: usize = 4;

/// Numbers of a row of keys or values that a pass of [`products`] takes: with [`TOGETHER`] rows of
/// sums they fill half of the registers.
const WIDE: usize = 2 * LANES;

/// Some queries and one block, of which all see the positions `seen`. What is computed for
/// one query does not depend on the others.
pub(super) struct AttendBlock<'a> {
    /// A query each `stride` numbers, `[D]`; as many as there are partial results in `out`.
    pub(super) queries: &'a [f32],
    pub(super) stride: usize,
    pub(super) d: usize,
    /// `[D, BLOCK]`
    pub(super) keys: &'a [f32],
    /// `[BLOCK, D padded]`
    pub(super) values: &'a [f32],
    pub(super) seen: Seen,
    pub(super) scale: f32,
    /// c of c·tanh(score / c).
    pub(super) cap: Option<f32>,
    /// A [partial result](super::partial) for each query.
    pub(super) out: &'a mut [f32],
}

/// The positions of a block from `from` up to `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Seen {
    /// All of a block.
    pub(super) const ALL: Seen = Seen { from: 0, to: BLOCK };

    /// What of block `index` lies in positions `from..to` of a sequence; none if nothing does.
    pub(super) fn of_block(index: usize, from: usize, to: usize) -> Option<Seen> {
        let start = index * BLOCK;
        let seen =
            Seen { from: from.saturating_sub(start), to: to.saturating_sub(start).min(BLOCK) };
        (seen.from < seen.to).then_some(seen)
    }

    #[inline(always)]
    fn contains(self, position: usize) -> bool {
        self.from <= position && position < self.to
    }
}

impl Kernel for AttendBlock<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let AttendBlock { queries, stride, d, keys, values, seen, scale, cap, out } = self;
        let width = values.len() / BLOCK;
        let block = Block { d, keys, values, width, seen, scale, cap };
        for (i, out) in out.chunks_mut(TOGETHER * (2 + width)).enumerate() {
            let queries = &queries[i * TOGETHER * stride..];
            match out.len() / (2 + width) {
                4 => block.attend::<4>(queries, stride, out),
                3 => block.attend::<3>(queries, stride, out),
                2 => block.attend::<2>(queries, stride, out),
                _ => block.attend::<1>(queries, stride, out),
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Block<'a> {
    d: usize,
    keys: &'a [f32],
    values: &'a [f32],
    width: usize,
    seen: Seen,
    scale: f32,
    cap: Option<f32>,
}

impl Block<'_> {
    #[inline(always)]
    fn attend<const Q: usize>(&self, queries: &[f32], stride: usize, out: &mut [f32]) {
        let queries: [&[f32]; Q] = std::array::from_fn(|q| &queries[q * stride..][..self.d]);
        let mut weights = [[0.0f32; BLOCK]; Q];
        for column in (0..BLOCK).step_by(WIDE) {
            let scores = products::<Q, WIDE>(queries, self.keys, BLOCK, column);
            for (weights, scores) in weights.iter_mut().zip(scores) {
                weights[column..column + WIDE].copy_from_slice(&scores);
            }
        }
        for (weights, out) in weights.iter_mut().zip(out.chunks_exact_mut(2 + self.width)) {
            (out[0], out[1]) = self.exponentials(weights);
        }
        let seen = self.seen.from..self.seen.to;
        let weights: [&[f32]; Q] = std::array::from_fn(|q| &weights[q][seen.clone()]);
        let mut column = 0;
        while column + WIDE <= self.width {
            self.weighted_sums::<Q, WIDE>(weights, column, out);
            column += WIDE;
        }
        if column < self.width {
            self.weighted_sums::<Q, LANES>(weights, column, out);
        }
    }

    /// Turns scores into exp(scale · score − m), 0 where the position is not seen. Returns m, the
    /// largest scaled (and capped) score, and the sum.
    #[inline(always)]
    fn exponentials(&self, weights: &mut [f32; BLOCK]) -> (f32, f32) {
        if let Some(cap) = self.cap {
            for weight in weights.iter_mut() {
                *weight = cap * Float::tanh(*weight * self.scale / cap);
            }
        } else {
            for weight in weights.iter_mut() {
                *weight *= self.scale;
            }
        }
        for (i, weight) in weights.iter_mut().enumerate() {
            // A position that is not seen may hold anything, NaN too: replace, do not add.
            *weight = if self.seen.contains(i) { *weight } else { f32::NEG_INFINITY };
        }
        let largest = largest(weights);
        for (i, weight) in weights.iter_mut().enumerate() {
            *weight = if self.seen.contains(i) { Float::exp(*weight - largest) } else { 0.0 };
        }
        (largest, fold(weights))
    }

    #[inline(always)]
    fn weighted_sums<const Q: usize, const N: usize>(
        &self,
        weights: [&[f32]; Q],
        column: usize,
        out: &mut [f32],
    ) {
        let values = &self.values[self.seen.from * self.width..];
        let sums = products::<Q, N>(weights, values, self.width, column);
        for (sums, out) in sums.iter().zip(out.chunks_exact_mut(2 + self.width)) {
            out[2 + column..2 + column + N].copy_from_slice(sums);
        }
    }
}

/// Σᵢ aᵢ · rowᵢ for each of Q lists a, of N columns of the rows `[_, width]`: each sum one chain of
/// fused multiply-adds along i in ascending order.
#[inline(always)]
fn products<const Q: usize, const N: usize>(
    a: [&[f32]; Q],
    rows: &[f32],
    width: usize,
    column: usize,
) -> [[f32; N]; Q] {
    let mut sums = [[0.0f32; N]; Q];
    for (i, row) in rows.chunks_exact(width).take(a[0].len()).enumerate() {
        let row: &[f32; N] = row[column..column + N].try_into().expect("N columns");
        for (sums, a) in sums.iter_mut().zip(a) {
            let a = a[i];
            for (sum, &x) in sums.iter_mut().zip(row) {
                *sum = a.mul_add(x, *sum);
            }
        }
    }
    sums
}

/// The largest score, NaN if one is NaN. In lanes: one after the other, each would wait for the one
/// before it, which took as long as the products.
#[inline(always)]
fn largest(scores: &[f32; BLOCK]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for chunk in scores.as_chunks::<LANES>().0 {
        for (lane, &score) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, score);
        }
    }
    for width in [8, 4, 2, 1] {
        for i in 0..width {
            lanes[i] = larger(lanes[i], lanes[i + width]);
        }
    }
    lanes[0]
}

/// The larger of two numbers, NaN if one is NaN.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if b > a || b.is_nan() { b } else { a }
}

/// The sum in 16 lanes, folded by the fixed tree.
#[inline(always)]
fn fold(weights: &[f32; BLOCK]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    for chunk in weights.chunks_exact(LANES) {
        for (lane, &w) in lanes.iter_mut().zip(chunk) {
            *lane += w;
        }
    }
    for width in [8, 4, 2, 1] {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
    }
    lanes[0]
}
