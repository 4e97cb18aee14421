//! Error-free products.

use super::Native;

/// The product p of two numbers and its error e, with p + e = a x b exactly.
///
/// For `f32` the product is taken in `f64`, which holds it. For `f64` it is
/// [Dekker's](https://doi.org/10.1007/BF01397083), 17 operations; it needs neither factor to be
/// within a factor of 2^27 of overflow.
///
/// Both need the error to be no smaller than the smallest number of the format: that is so where
/// |a x b| >= 2^-969 (`f64`) or 2^-102 (`f32`).
///
/// # Examples
/// ```
/// use fpbits::two_product;
/// let x = 1.0 + f64::EPSILON;
/// assert_eq!(two_product(x, x), (1.0 + 2.0 * f64::EPSILON, f64::EPSILON * f64::EPSILON));
/// ```
#[inline]
pub fn two_product<F: Native>(a: F, b: F) -> (F, F) {
    a.product_with_error(b)
}
