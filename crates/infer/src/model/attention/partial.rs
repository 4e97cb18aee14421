//! The result of some of the positions: the largest score m, the sum l of exponentials relative to
//! it, and their weighted sum o of values (padded to whole lanes), in this order in one slice.

use ulp_tensor::Float;
use ulp_tensor::simd::Kernel;

/// No position yet: the largest score of nothing is −∞, and sums are 0.
pub(super) fn start(state: &mut [f32]) {
    state.fill(0.0);
    state[0] = f32::NEG_INFINITY;
}

/// o / l, the result of all positions.
pub(super) fn finish(state: &[f32], out: &mut [f32]) {
    let sum = state[1];
    for (out, &x) in out.iter_mut().zip(&state[2..]) {
        *out = x / sum;
    }
}

/// Adds a block's result to the running one: both are brought to the larger of their maxima.
pub(super) struct Merge<'a> {
    pub(super) state: &'a mut [f32],
    pub(super) block: &'a [f32],
}

impl Kernel for Merge<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let largest = Float::maximum(self.state[0], self.block[0]);
        // Where nothing came before, state[0] is −∞ and its factor exp(−∞) = 0.
        let old = Float::exp(self.state[0] - largest);
        let new = Float::exp(self.block[0] - largest);
        self.state[0] = largest;
        for (state, &block) in self.state[1..].iter_mut().zip(&self.block[1..]) {
            *state = old.mul_add(*state, new * block);
        }
    }
}
