//! Sums by a chosen method.

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};

pub use fpbits::Summation;

use crate::Float;
use crate::destination::{fresh, given};
use crate::reduce::Reduction;
use crate::simd::out::{CHUNK, Memory, PARALLEL};
use crate::simd::strided::Strided;

/// The sum over `axes` by one of the methods of `fpbits`, from left to right to exact; the terms of
/// an output are taken in logical order. [`sum`](crate::sum), by the tree of `docs/numerics.md`, is
/// the fast one.
///
/// | method | error of a sum of n terms, at most |
/// |---|---|
/// | naive | (n - 1) · u · Σ\|x\| |
/// | pairwise | log₂ n · u · Σ\|x\| |
/// | compensated (Kahan, Neumaier, Klein) | about u · \|Σ x\| + n · u² · Σ\|x\| |
/// | exact | half an ulp of the result |
///
/// # Panics
///
/// If an axis is out of range or given twice.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{Summation, ndarray::array, sum_by};
///
/// let x = array![1.0, 1e100, 1.0, -1e100].into_dyn();
/// assert_eq!(sum_by(x.view(), &[0], false, Summation::Naive).first(), Some(&0.0));
/// assert_eq!(sum_by(x.view(), &[0], false, Summation::Exact).first(), Some(&2.0));
/// ```
#[track_caller]
pub fn sum_by<T: Float + fpbits::Native>(
    x: ArrayViewD<'_, T>,
    axes: &[usize],
    keep: bool,
    method: Summation,
) -> ArrayD<T> {
    let reduction = Reduction::new(x, axes, keep);
    fresh(&reduction.shape, |memory| write(&reduction, method, memory))
}

/// [`sum_by`] into `out`.
///
/// # Panics
///
/// As [`sum_by`], or if `out` has another shape than the result.
#[track_caller]
pub fn sum_by_into<T: Float + fpbits::Native>(
    x: ArrayViewD<'_, T>,
    axes: &[usize],
    keep: bool,
    method: Summation,
    out: ArrayViewMutD<'_, T>,
) {
    let reduction = Reduction::new(x, axes, keep);
    given(&reduction.shape, out, |memory| write(&reduction, method, memory));
}

/// Each output's sum.
fn write<'m, T: Float + fpbits::Native>(
    reduction: &Reduction<'_, T>,
    method: Summation,
    memory: Memory<'m, T>,
) -> &'m mut [T] {
    let (x, terms) = (Strided::new(&reduction.view), reduction.terms);
    let rows = (CHUNK / terms.max(1)).max(1);
    memory.fill_parts(rows, x.len() > PARALLEL, |index, out| {
        let mut buffer = vec![<T as Float>::ZERO; terms];
        for output in index * rows..index * rows + out.len() {
            out.copy(&[method.of(x.get(output * terms, terms, &mut buffer))]);
        }
    })
}
