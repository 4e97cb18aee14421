//! What the machine could at best do, measured in the rounds.

use std::hint::black_box;

use rayon::prelude::*;
use ulp_tensor::simd::{Kernel, run};

use crate::time;

/// Chains of fused multiply-adds in registers, enough of them to hide the latency.
struct Chains(usize);

/// The chains, of 16 numbers each.
const CHAINS: usize = 12;

impl Kernel for Chains {
    type Output = [f32; 16];
    #[inline(always)]
    fn run(self) -> [f32; 16] {
        let (x, y) = (black_box([0.999f32; 16]), black_box([0.001f32; 16]));
        macro_rules! chains {
            ($($sum:ident)*) => {{
                $(let mut $sum = [1.0f32; 16];)*
                for _ in 0..self.0 {
                    $(for j in 0..16 {
                        $sum[j] = $sum[j].mul_add(x[j], y[j]);
                    })*
                }
                let mut total = [0.0f32; 16];
                for j in 0..16 {
                    total[j] = 0.0 $(+ $sum[j])*;
                }
                total
            }};
        }
        chains!(a b c d e f g h i j k l)
    }
}

/// Floating-point operations a second on all threads.
pub(crate) fn peak() -> f64 {
    const STEPS: usize = 1_000_000;
    let threads = rayon::current_num_threads();
    let seconds = time(1, || {
        (0..threads).into_par_iter().for_each(|_| {
            black_box(run(Chains(black_box(STEPS))));
        });
    });
    (threads * STEPS * CHAINS * 16 * 2) as f64 / seconds
}

/// Bytes read and written a second on all threads, between two arrays that no cache holds.
pub(crate) fn bandwidth(from: &[f32], to: &mut [f32]) -> f64 {
    let chunk = 1 << 16;
    let seconds = time(1, || {
        let pairs = to.par_chunks_mut(chunk).zip(from.par_chunks(chunk));
        pairs.for_each(|(to, from)| to.copy_from_slice(from));
    });
    2.0 * size_of_val(from) as f64 / seconds
}
