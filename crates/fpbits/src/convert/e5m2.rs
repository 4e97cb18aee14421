//! E5M2, the 8-bit format for gradients: 1 sign, 5 exponent, 2 fraction bits, infinities and NaNs
//! as in IEEE 754; the upper half of a binary16. Its largest finite value is 57344.
//!
//! Defined in [FP8 Formats for Deep Learning](https://arxiv.org/abs/2209.05433) and in the OCP
//! 8-bit Floating Point Specification.

use super::narrow::Narrow;
use super::widen::Widen;

const NARROW: Narrow = Narrow::ieee(5, 2);
const WIDEN: Widen = Widen::ieee(5, 2);

/// The E5M2 nearest to `x`, ties to even; from 61440 up it is infinity.
///
/// # Accuracy
/// Correctly rounded (at most 0.5 ulp) on all 2^32 inputs: `tests/numbers/conversions.rs`.
///
/// # Examples
/// ```
/// assert_eq!(fpbits::e5m2_from_f32(1.0), 0x3c);
/// assert_eq!(fpbits::e5m2_from_f32(1.125), 0x3c); // tie between 1 and 1.25
/// assert_eq!(fpbits::e5m2_from_f32(61440.0), 0x7c);
/// ```
#[inline]
pub const fn e5m2_from_f32(x: f32) -> u8 {
    NARROW.round_f32(x) as u8
}

/// The E5M2 nearest to `x`, ties to even, rounded once.
///
/// # Accuracy
/// Correctly rounded (at most 0.5 ulp).
///
/// # Examples
/// ```
/// assert_eq!(fpbits::e5m2_from_f64(1.125 + 2f64.powi(-50)), 0x3d);
/// ```
#[inline]
pub const fn e5m2_from_f64(x: f64) -> u8 {
    NARROW.round_f64(x) as u8
}

/// The value of an E5M2 code, exactly. NaN comes out quiet.
///
/// # Examples
/// ```
/// assert_eq!(fpbits::e5m2_to_f32(0x7b), 57344.0);
/// ```
#[inline]
pub const fn e5m2_to_f32(code: u8) -> f32 {
    WIDEN.to_f32(code as u32)
}

/// The value of an E5M2 code, exactly. NaN comes out quiet.
///
/// # Examples
/// ```
/// assert_eq!(fpbits::e5m2_to_f64(0x01), 2f64.powi(-16));
/// ```
#[inline]
pub const fn e5m2_to_f64(code: u8) -> f64 {
    WIDEN.to_f64(code as u32)
}
