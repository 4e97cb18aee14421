//! Running error bounds: the sum, and a number that its error cannot exceed, both computed on the
//! way (Higham, Accuracy and Stability of Numerical Algorithms, 3.3 and 4.3).

use super::Native;

/// A computed value and a bound of its error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounded<F> {
    /// The computed value.
    pub value: F,
    /// |value - exact value| is at most this; infinite or NaN if nothing can be said.
    pub bound: F,
}

/// [`naive_sum`](crate::naive_sum) with a bound of its error: u x the sum of the magnitudes of all
/// partial sums, itself rounded up.
///
/// # Examples
/// ```
/// use fpbits::{exact_sum, sum_with_bound};
/// let values = [0.1f32; 1000];
/// let sum = sum_with_bound(&values);
/// let error = (sum.value - exact_sum(&values)).abs();
/// assert!(error > 0.0 && error <= sum.bound && sum.bound < 0.01);
/// ```
pub fn sum_with_bound<F: Native>(values: &[F]) -> Bounded<F> {
    let (mut sum, mut magnitudes) = (F::ZERO, F::ZERO);
    for (i, &x) in values.iter().enumerate() {
        sum = sum + x;
        // Nothing is lost by adding to zero.
        if i > 0 {
            magnitudes = (magnitudes + sum.magnitude()).above();
        }
    }
    Bounded { value: sum, bound: scaled(magnitudes) }
}

/// [`naive_dot`](crate::naive_dot) with a bound of its error.
///
/// # Panics
/// If the lengths differ.
///
/// # Examples
/// ```
/// use fpbits::{dot_with_bound, exact_dot};
/// let (a, b) = ([0.1f64; 100], [0.3; 100]);
/// let dot = dot_with_bound(&a, &b);
/// assert!((dot.value - exact_dot(&a, &b)).abs() <= dot.bound);
/// ```
#[track_caller]
pub fn dot_with_bound<F: Native>(a: &[F], b: &[F]) -> Bounded<F> {
    assert!(a.len() == b.len(), "dot product of {} and {} elements", a.len(), b.len());
    let (mut sum, mut magnitudes, mut underflow) = (F::ZERO, F::ZERO, F::ZERO);
    for (&x, &y) in a.iter().zip(b) {
        let product = x * y;
        sum = sum + product;
        magnitudes = (magnitudes + product.magnitude()).above();
        magnitudes = (magnitudes + sum.magnitude()).above();
        // A product below the normal range is off by up to half of the smallest number.
        underflow = (underflow + F::SMALLEST).above();
    }
    Bounded { value: sum, bound: (scaled(magnitudes) + underflow).above() }
}

/// x times the unit roundoff, not less; exactly zero for zero.
fn scaled<F: Native>(x: F) -> F {
    if x == F::ZERO { F::ZERO } else { (x * F::UNIT_ROUNDOFF).above() }
}
