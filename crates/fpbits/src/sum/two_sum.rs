//! Error-free sums: the rounding error of an addition is itself a number of the format.

use super::Native;

/// The sum s of two numbers and its error e, with s + e = a + b exactly (Knuth, The Art of Computer
/// Programming, volume 2, 4.2.2, theorem B). Six additions, no comparison.
///
/// Holds for all finite a and b whose sum does not overflow, rounded to nearest.
///
/// # Examples
/// ```
/// use fpbits::two_sum;
/// let (s, e) = two_sum(0.1, 0.2);
/// assert_eq!(s, 0.30000000000000004);
/// assert_eq!(e, -2.7755575615628914e-17); // 0.1 + 0.2 = s + e
/// assert_eq!(two_sum(1e16, 1.0), (1e16, 1.0));
/// ```
#[inline]
pub fn two_sum<F: Native>(a: F, b: F) -> (F, F) {
    let s = a + b;
    let b_part = s - a;
    let a_part = s - b_part;
    (s, (a - a_part) + (b - b_part))
}

/// [`two_sum`] in three additions, where |a| >= |b| or a is zero
/// ([Dekker, 1971](https://doi.org/10.1007/BF01397083)). Otherwise the error may be wrong.
///
/// # Examples
/// ```
/// use fpbits::{fast_two_sum, two_sum};
/// assert_eq!(fast_two_sum(0.2, 0.1), two_sum(0.2, 0.1));
/// ```
#[inline]
pub fn fast_two_sum<F: Native>(a: F, b: F) -> (F, F) {
    let s = a + b;
    (s, b - (s - a))
}
