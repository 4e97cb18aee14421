//! Attention of some queries to one block of the cache.

use std::ops::Range;

use ulp_tensor::Float;

use super::LANES;
use super::partial::{self, Factors};
use crate::kv_cache::BLOCK;
use crate::quant::{Cache, LINE, LaneKernel, Lanes, Row16};

/// Queries that go through a block together: each number of it that is loaded is used for all.
const TOGETHER: usize = 4;

/// Rows of lanes in which the positions of a block lie.
const ROWS: usize = BLOCK / LANES;

/// Some queries and one block, of which all see the positions `seen`. What is computed for
/// one query does not depend on the others.
pub(super) struct AttendBlock<'a> {
    pub(super) block: Block<'a>,
    pub(super) seen: Seen,
    pub(super) queries: Queries<'a>,
    pub(super) states: States<'a>,
    /// What is asked for meanwhile.
    pub(super) soon: &'a mut Soon,
}

/// A block's keys and values, of one layer and head, and what becomes of scores.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    pub(super) d: usize,
    /// `[D, BLOCK]`
    pub(super) keys: &'a [f32],
    /// `[BLOCK, D padded]`
    pub(super) values: &'a [f32],
    pub(super) scale: f32,
    /// c of c·tanh(score / c).
    pub(super) cap: Option<f32>,
}

/// The [partial results](partial) of queries so far, to which those of the block are added: one each `step` rows.
pub(super) struct States<'a> {
    pub(super) rows: &'a mut [Row16],
    pub(super) step: usize,
}

impl States<'_> {
    #[inline(always)]
    fn from(&mut self, first: usize) -> States<'_> {
        States { rows: &mut self.rows[first * self.step..], step: self.step }
    }
}

/// `count` queries `[D]`, one each `stride` numbers.
#[derive(Clone, Copy)]
pub(super) struct Queries<'a> {
    pub(super) numbers: &'a [f32],
    pub(super) stride: usize,
    pub(super) count: usize,
}

/// Memory that will be needed soon. The processor's own prefetching ends at each page, and sees too late what is
/// multiplied so fast.
pub(super) struct Soon {
    lines: Range<*const u8>,
    /// How many are asked for at a time.
    each: usize,
}

impl Soon {
    /// What lies at these addresses.
    pub(super) fn at(lines: Range<*const u8>) -> Self {
        Soon { lines, each: 0 }
    }

    /// Asks for all of it in so many steps.
    #[inline(always)]
    fn in_steps(&mut self, steps: usize) {
        let bytes = self.lines.end.addr().saturating_sub(self.lines.start.addr());
        self.each = bytes.div_ceil(LINE).div_ceil(steps);
    }

    /// Asks for the next lines.
    #[inline(always)]
    fn ask(&mut self, lanes: impl Lanes) {
        for _ in 0..self.each {
            if self.lines.start < self.lines.end {
                lanes.fetch(self.lines.start, Cache::Second);
                self.lines.start = self.lines.start.wrapping_add(LINE);
            }
        }
    }
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

impl LaneKernel for AttendBlock<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let AttendBlock { block: Block { d, keys, values, scale, cap }, seen, .. } = self;
        let (keys, values) = (keys.as_chunks().0, values.as_chunks().0);
        let block = Rows { keys, values, width: partial::rows(d) - 1, seen, scale, cap };
        let AttendBlock { queries, mut states, soon, .. } = self;
        soon.in_steps(queries.count.div_ceil(TOGETHER) * (d + seen.to - seen.from));
        for first in (0..queries.count).step_by(TOGETHER) {
            let count = queries.count - first;
            let numbers = &queries.numbers[first * queries.stride..];
            let states = &mut states.from(first);
            match count {
                1 => block.attend(lanes, soon, lists::<1>(numbers, queries.stride, d), states),
                2 => block.attend(lanes, soon, lists::<2>(numbers, queries.stride, d), states),
                3 => block.attend(lanes, soon, lists::<3>(numbers, queries.stride, d), states),
                _ => {
                    block.attend(lanes, soon, lists::<TOGETHER>(numbers, queries.stride, d), states)
                }
            }
        }
    }
}

/// Q lists of `len` numbers, one each `stride`.
#[inline(always)]
fn lists<const Q: usize>(numbers: &[f32], stride: usize, len: usize) -> [&[f32]; Q] {
    let mut lists = [numbers; Q];
    for (q, list) in lists.iter_mut().enumerate() {
        *list = &numbers[q * stride..][..len];
    }
    lists
}

/// A block in rows of lanes, and what is seen of it.
#[derive(Clone, Copy)]
struct Rows<'a> {
    /// Of each element, [`ROWS`] rows.
    keys: &'a [Row16],
    /// Of each position, `width` rows.
    values: &'a [Row16],
    width: usize,
    seen: Seen,
    scale: f32,
    cap: Option<f32>,
}

impl Rows<'_> {
    #[inline(always)]
    fn attend<L: Lanes, const Q: usize>(
        &self,
        lanes: L,
        soon: &mut Soon,
        queries: [&[f32]; Q],
        states: &mut States<'_>,
    ) {
        let mut weights = [[[0.0; LANES]; ROWS]; Q];
        self.scores(lanes, soon, queries, &mut weights);
        let mut before = [0.0; Q];
        for (q, before) in before.iter_mut().enumerate() {
            *before = states.from(q).rows[self.width][0];
        }
        let (largest, sums) = self.exponentials(lanes, &mut weights);
        let factors = Factors::of(before, largest);
        for (q, l) in sums.into_iter().enumerate() {
            factors.set(q, &mut states.from(q).rows[self.width], l);
        }
        let Seen { from, to } = self.seen;
        let seen = lists(&weights.as_flattened().as_flattened()[from..], BLOCK, to - from);
        let mut column = 0;
        // Where a row is a register, there are enough for the sums of four queries in four rows.
        if L::REGISTERS == 1 {
            while column + 4 <= self.width {
                self.add_values::<L, Q, 4>(lanes, soon, seen, column, &factors, states);
                column += 4;
            }
            while column + 2 <= self.width {
                self.add_values::<L, Q, 2>(lanes, soon, seen, column, &factors, states);
                column += 2;
            }
        }
        while column < self.width {
            self.add_values::<L, Q, 1>(lanes, soon, seen, column, &factors, states);
            column += 1;
        }
    }

    /// q·k of all positions.
    #[inline(always)]
    fn scores<L: Lanes, const Q: usize>(
        &self,
        lanes: L,
        soon: &mut Soon,
        queries: [&[f32]; Q],
        scores: &mut [[Row16; ROWS]; Q],
    ) {
        if L::REGISTERS == 1 {
            let sums = products::<L, Q, ROWS>(lanes, soon, queries, self.keys, ROWS, 0);
            for (scores, sums) in scores.iter_mut().zip(sums) {
                for (scores, sum) in scores.iter_mut().zip(sums) {
                    lanes.store_row(sum, scores);
                }
            }
            return;
        }
        for column in 0..ROWS {
            let sums = products::<L, Q, 1>(lanes, soon, queries, self.keys, ROWS, column);
            for (scores, [sum]) in scores.iter_mut().zip(sums) {
                lanes.store_row(sum, &mut scores[column]);
            }
        }
    }

    /// Turns scores into exp(scale · score − m), 0 where the position is not seen. Returns m, the
    /// largest scaled (and capped) score, of each query, and the sum.
    #[inline(always)]
    fn exponentials<L: Lanes, const Q: usize>(
        &self,
        lanes: L,
        weights: &mut [[Row16; ROWS]; Q],
    ) -> ([f32; Q], [f32; Q]) {
        for weights in weights.iter_mut() {
            self.scale_and_hide(weights.as_flattened_mut());
        }
        let (mut largest, mut sums) = ([0.0; Q], [0.0; Q]);
        for (largest, weights) in largest.iter_mut().zip(&*weights) {
            *largest = fold(folded_rows(lanes, weights, L::larger), larger);
        }
        for (weights, largest) in weights.iter_mut().zip(largest) {
            for weight in weights.as_flattened_mut() {
                *weight = Float::exp(*weight - largest);
            }
        }
        for (sum, weights) in sums.iter_mut().zip(&*weights) {
            *sum = fold(folded_rows(lanes, weights, L::plus), |a, b| a + b);
        }
        (largest, sums)
    }

    /// Scaled and capped scores; −∞ where a position is not seen.
    #[inline(always)]
    fn scale_and_hide(&self, scores: &mut [f32]) {
        match self.cap {
            None => {
                for score in scores.iter_mut() {
                    *score *= self.scale;
                }
            }
            Some(cap) => {
                for score in scores.iter_mut() {
                    *score = cap * Float::tanh(*score * self.scale / cap);
                }
            }
        }
        if self.seen == Seen::ALL {
            return;
        }
        for (i, score) in scores.iter_mut().enumerate() {
            // A position that is not seen may hold anything, NaN too: replace, do not add.
            *score = if self.seen.contains(i) { *score } else { f32::NEG_INFINITY };
        }
    }

    /// Adds to the states the weighted sums of the seen positions' values, of C rows of lanes.
    #[inline(always)]
    fn add_values<L: Lanes, const Q: usize, const C: usize>(
        &self,
        lanes: L,
        soon: &mut Soon,
        weights: [&[f32]; Q],
        column: usize,
        factors: &Factors<Q>,
        states: &mut States<'_>,
    ) {
        let values = &self.values[self.seen.from * self.width..];
        let sums = products::<L, Q, C>(lanes, soon, weights, values, self.width, column);
        for (q, sums) in sums.into_iter().enumerate() {
            let (old, new) = (lanes.splat(factors.old[q]), lanes.splat(factors.new[q]));
            for (state, sum) in states.from(q).rows[column..][..C].iter_mut().zip(sums) {
                let added = lanes.times(new, sum);
                lanes.store_row(lanes.fma(old, lanes.row(state), added), state);
            }
        }
    }
}

/// Σᵢ aᵢ · rowᵢ for each of Q lists a of the same length, where rowᵢ is C rows of lanes from `column` on of the
/// `width` that each i has: each sum one chain of fused multiply-adds along i in ascending order.
#[inline(always)]
fn products<L: Lanes, const Q: usize, const C: usize>(
    lanes: L,
    soon: &mut Soon,
    a: [&[f32]; Q],
    rows: &[Row16],
    width: usize,
    column: usize,
) -> [[L::Floats; C]; Q] {
    let count = a[0].len();
    let mut lists = a;
    for (list, a) in lists.iter_mut().zip(a) {
        *list = &a[..count];
    }
    let mut sums = [[lanes.splat(0.0); C]; Q];
    for (i, rows) in rows.chunks_exact(width).take(count).enumerate() {
        soon.ask(lanes);
        let rows: &[Row16; C] = rows[column..].first_chunk().expect("C rows");
        let mut x = [lanes.splat(0.0); C];
        for c in 0..C {
            x[c] = lanes.row(&rows[c]);
        }
        for q in 0..Q {
            let a = lanes.splat(lists[q][i]);
            for c in 0..C {
                sums[q][c] = lanes.fma(a, x[c], sums[q][c]);
            }
        }
    }
    sums
}

/// Some rows as one, the lanes each for itself, in ascending order.
#[inline(always)]
fn folded_rows<L: Lanes>(
    lanes: L,
    rows: &[Row16; ROWS],
    f: impl Fn(L, L::Floats, L::Floats) -> L::Floats,
) -> Row16 {
    let mut all = lanes.row(&rows[0]);
    for row in &rows[1..] {
        all = f(lanes, all, lanes.row(row));
    }
    let mut folded = [0.0; LANES];
    lanes.store_row(all, &mut folded);
    folded
}

/// The lanes of a row as one number, by the fixed tree: a loop of constant length for each step, of which the
/// compiler makes vector operations.
#[inline(always)]
fn fold(row: Row16, f: impl Fn(f32, f32) -> f32) -> f32 {
    let (mut eight, mut four) = ([0.0; 8], [0.0; 4]);
    for i in 0..8 {
        eight[i] = f(row[i], row[i + 8]);
    }
    for i in 0..4 {
        four[i] = f(eight[i], eight[i + 4]);
    }
    f(f(four[0], four[2]), f(four[1], four[3]))
}

/// b where it is larger. (A NaN among the scores shows in the exponentials.)
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

#[cfg(test)]
mod tests {
    use ulp_tensor::Philox;

    use super::*;
    use crate::quant::Isa;

    /// Every instruction set gives the bits of plain Rust.
    #[test]
    fn instruction_sets_agree() {
        let random = |stream, n: usize| -> Vec<f32> {
            (0..n).map(|i| Philox::new(1, stream).normal(i as u64)).collect()
        };
        for (d, count, cap) in [(64, 8, None), (24, 5, Some(1.5)), (16, 6, None), (128, 7, None)] {
            for seen in [Seen::ALL, Seen { from: 5, to: 38 }] {
                let values = random(1, BLOCK * (partial::rows(d) - 1) * LANES);
                let (keys, numbers) = (random(0, d * BLOCK), random(2, count * d));
                let block = Block { d, keys: &keys, values: &values, scale: 0.2, cap };
                let attend = |isa: Isa| {
                    let mut rows = vec![[0.0; LANES]; count * partial::rows(d)];
                    rows.chunks_exact_mut(partial::rows(d)).for_each(partial::start);
                    // A second time, so that there is something to add to.
                    for _ in 0..2 {
                        isa.lanes(AttendBlock {
                            block,
                            seen,
                            queries: Queries { numbers: &numbers, stride: d, count },
                            states: States { rows: &mut rows, step: partial::rows(d) },
                            soon: &mut Soon::at(
                                keys.as_ptr_range().start.cast()..keys.as_ptr_range().end.cast(),
                            ),
                        });
                    }
                    rows.as_flattened().iter().map(|x| x.to_bits()).collect::<Vec<_>>()
                };
                let expected = attend(Isa::Portable);
                for isa in Isa::available() {
                    assert_eq!(attend(isa), expected, "{} {d} {count} {seen:?}", isa.name());
                }
            }
        }
    }
}
