//! Sums by a chosen method.

use ndarray::{ArrayD, ArrayViewD, Axis};

pub use fpbits::Summation;

use crate::Float;
use crate::reduce::Reduction;
use crate::simd::out::shaped;

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
    let Reduction { view, shape, outputs, terms, .. } = Reduction::new(x, axes, keep);
    let terms_of = view.as_standard_layout();
    let rows = terms_of.to_shape((outputs, terms)).expect("all elements");
    let sums = rows.axis_iter(Axis(0)).map(|row| method.of(&row.to_vec()));
    shaped(&shape, sums.collect())
}
