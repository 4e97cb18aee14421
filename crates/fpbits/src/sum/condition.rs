//! How hard a sum is.

use super::{ExactSum, Native};
use crate::{Context, Format};

/// The condition number of a sum: the sum of the magnitudes over the magnitude of the sum, both
/// exact. 1 if all signs agree; infinite if the sum is zero; NaN if it is not finite.
///
/// A relative error of e in each term changes the sum by up to this number times e, whatever method
/// adds them. Methods that round lose about this number times u.
///
/// # Accuracy
/// Within 2 ulp.
///
/// # Examples
/// ```
/// use fpbits::condition_number;
/// assert_eq!(condition_number(&[1.0, 2.0, 3.0]), 1.0);
/// assert_eq!(condition_number(&[1e16, 1.0, -1e16]), 2e16);
/// assert_eq!(condition_number(&[1.0, -1.0]), f64::INFINITY);
/// ```
pub fn condition_number<F: Native>(values: &[F]) -> f64 {
    let (mut sum, mut magnitudes) = (ExactSum::new(&F::FORMAT), ExactSum::new(&F::FORMAT));
    sum.add_slice(values);
    for x in values {
        magnitudes.add(x.magnitude().code());
    }
    let rounded = |sum: &ExactSum| {
        // A format with room above binary64, so that the magnitudes do not overflow before the
        // division.
        sum.round_to(&WIDE, Context::NEAREST_EVEN).code
    };
    let (magnitudes, sum) = (rounded(&magnitudes), WIDE.abs(rounded(&sum)));
    let quotient = WIDE.divide(magnitudes, sum, Context::NEAREST_EVEN).code;
    f64::from_bits(WIDE.convert(quotient, &Format::BINARY64))
}

/// binary64's precision all but four bits, and exponents that no sum of doubles leaves.
const WIDE: Format = match Format::new(crate::Layout::ieee(13, 50)) {
    Ok(format) => format,
    Err(_) => unreachable!(),
};
