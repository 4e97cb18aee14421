//! Dot products and scaled sums of slices.

use crate::Float;
use crate::simd::{Kernel, run};
use crate::sum::{BLOCK, LANES, fold, tree};

/// Σ x\[i\] y\[i\] along the fixed tree of [`sum`](crate::sum): the lanes use fused multiply-add.
///
/// # Panics
///
/// If the lengths differ.
///
/// # Examples
///
/// ```
/// assert_eq!(ulp_tensor::dot(&[1.0f32, 2.0, 3.0], &[4.0, 5.0, 6.0]), 32.0);
/// ```
#[track_caller]
pub fn dot<T: Float>(x: &[T], y: &[T]) -> T {
    assert_eq!(x.len(), y.len(), "a dot product of {} and {} elements", x.len(), y.len());
    if x.len() <= BLOCK {
        return run(BlockDot(x, y));
    }
    tree(x.chunks(BLOCK).zip(y.chunks(BLOCK)).map(|(x, y)| run(BlockDot(x, y))))
}

struct BlockDot<'a, T>(&'a [T], &'a [T]);

impl<T: Float> Kernel for BlockDot<'_, T> {
    type Output = T;
    #[inline(always)]
    fn run(self) -> T {
        let (xs, x_rest) = self.0.as_chunks::<LANES>();
        let (ys, y_rest) = self.1.as_chunks::<LANES>();
        let mut lanes = [T::ZERO; LANES];
        for (x, y) in xs.iter().zip(ys) {
            for j in 0..LANES {
                lanes[j] = x[j].mul_add(y[j], lanes[j]);
            }
        }
        for (lane, (&x, &y)) in lanes.iter_mut().zip(x_rest.iter().zip(y_rest)) {
            *lane = x.mul_add(y, *lane);
        }
        fold(lanes)
    }
}

/// `y[i] += a · x[i]`, each with one rounding.
///
/// # Panics
///
/// If the lengths differ.
#[track_caller]
pub fn axpy<T: Float>(a: T, x: &[T], y: &mut [T]) {
    assert_eq!(x.len(), y.len(), "axpy of {} and {} elements", x.len(), y.len());
    run(Axpy { a, x, y });
}

struct Axpy<'a, T> {
    a: T,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Float> Kernel for Axpy<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (y, &x) in self.y.iter_mut().zip(self.x) {
            *y = self.a.mul_add(x, *y);
        }
    }
}
