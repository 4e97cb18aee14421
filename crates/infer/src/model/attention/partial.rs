//! The result of some of the positions: their weighted sum o of values, padded to whole rows of 16 lanes, then a row
//! that begins with the largest score m and the sum l of exponentials relative to it.

use ulp_tensor::Float;
use ulp_tensor::simd::Kernel;

use super::LANES;
use crate::quant::{LaneKernel, Lanes, Row16};

/// Rows of a partial result for heads of width `d`.
pub(super) fn rows(d: usize) -> usize {
    d.div_ceil(LANES) + 1
}

/// No position yet: the largest score of nothing is −∞, and sums are 0.
pub(super) fn start(state: &mut [Row16]) {
    state.fill([0.0; LANES]);
    state[state.len() - 1][0] = f32::NEG_INFINITY;
}

/// What some states and the results that are added to them are multiplied by, that both are relative to the larger
/// of their maxima.
pub(super) struct Factors<const Q: usize> {
    pub(super) largest: [f32; Q],
    pub(super) old: [f32; Q],
    pub(super) new: [f32; Q],
}

impl<const Q: usize> Factors<Q> {
    /// Of the largest scores so far, and of those that are added.
    #[inline(always)]
    pub(super) fn of(before: [f32; Q], added: [f32; Q]) -> Self {
        let mut factors = Factors { largest: before, old: before, new: added };
        for (largest, added) in factors.largest.iter_mut().zip(added) {
            *largest = Float::maximum(*largest, added);
        }
        // Where nothing came before, that is −∞ and its factor exp(−∞) = 0.
        for factor in [&mut factors.old, &mut factors.new] {
            for (factor, largest) in factor.iter_mut().zip(factors.largest) {
                *factor = Float::exp(*factor - largest);
            }
        }
        factors
    }

    /// Sets m and l of state `q`, to which the sum `l` is added.
    #[inline(always)]
    pub(super) fn set(&self, q: usize, last: &mut Row16, l: f32) {
        last[0] = self.largest[q];
        last[1] = self.old[q].mul_add(last[1], self.new[q] * l);
    }
}

/// Adds to each of some running results another one.
pub(super) struct Merge<'a> {
    pub(super) states: &'a mut [Row16],
    pub(super) added: &'a [Row16],
    /// Rows of a result.
    pub(super) rows: usize,
}

/// Results whose factors are computed together.
const TOGETHER: usize = 8;

impl LaneKernel for Merge<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Merge { states, added, rows } = self;
        let groups = states.chunks_mut(TOGETHER * rows).zip(added.chunks(TOGETHER * rows));
        for (states, added) in groups {
            let mut largest = [[0.0; TOGETHER]; 2];
            for (q, (state, added)) in
                states.chunks_exact(rows).zip(added.chunks_exact(rows)).enumerate()
            {
                largest[0][q] = state[rows - 1][0];
                largest[1][q] = added[rows - 1][0];
            }
            let factors = Factors::of(largest[0], largest[1]);
            for (q, (state, added)) in
                states.chunks_exact_mut(rows).zip(added.chunks_exact(rows)).enumerate()
            {
                let (old, new) = (lanes.splat(factors.old[q]), lanes.splat(factors.new[q]));
                for (state, added) in state[..rows - 1].iter_mut().zip(added) {
                    let added = lanes.times(new, lanes.row(added));
                    lanes.store_row(lanes.fma(old, lanes.row(state), added), state);
                }
                factors.set(q, &mut state[rows - 1], added[rows - 1][1]);
            }
        }
    }
}

/// o / l of some results: the rows `[D]` of `out`.
pub(super) struct Finish<'a> {
    pub(super) states: &'a [Row16],
    /// Rows of a result.
    pub(super) rows: usize,
    pub(super) d: usize,
    pub(super) out: &'a mut [f32],
}

impl Kernel for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let states = self.states.chunks_exact(self.rows);
        for (state, out) in states.zip(self.out.chunks_exact_mut(self.d)) {
            let sum = state[self.rows - 1][1];
            for (out, &x) in out.iter_mut().zip(state.as_flattened()) {
                *out = x / sum;
            }
        }
    }
}
