//! Dot products that round.

use super::{Native, two_product, two_sum};

/// One product after the other.
///
/// # Accuracy
/// |error| <= n u x sum of |a b|, to first order.
///
/// # Panics
/// If the lengths differ.
///
/// # Examples
/// ```
/// assert_eq!(fpbits::naive_dot(&[1.0, 2.0], &[3.0, 4.0]), 11.0);
/// ```
#[track_caller]
pub fn naive_dot<F: Native>(a: &[F], b: &[F]) -> F {
    assert!(a.len() == b.len(), "dot product of {} and {} elements", a.len(), b.len());
    a.iter().zip(b).fold(F::ZERO, |sum, (&x, &y)| sum + x * y)
}

/// As if computed with twice the precision and then rounded: Dot2 of
/// [Ogita, Rump and Oishi, 2005](https://doi.org/10.1137/030601818).
///
/// # Accuracy
/// |error| <= u x |dot| + n^2 u^2 x sum of |a b|, to first order, where products and their errors
/// neither overflow nor underflow (see [`two_product`]).
///
/// # Panics
/// If the lengths differ.
///
/// # Examples
/// ```
/// let (a, b) = ([1e8, 1.0, -1e8], [1e8, 1.0, 1e8]);
/// assert_eq!(fpbits::naive_dot(&a, &b), 0.0);
/// assert_eq!(fpbits::compensated_dot(&a, &b), 1.0);
/// ```
#[track_caller]
pub fn compensated_dot<F: Native>(a: &[F], b: &[F]) -> F {
    assert!(a.len() == b.len(), "dot product of {} and {} elements", a.len(), b.len());
    let (mut sum, mut correction) = (F::ZERO, F::ZERO);
    for (&x, &y) in a.iter().zip(b) {
        let (product, product_error) = two_product(x, y);
        let (next, sum_error) = two_sum(sum, product);
        sum = next;
        correction = correction + (product_error + sum_error);
    }
    sum + correction
}
