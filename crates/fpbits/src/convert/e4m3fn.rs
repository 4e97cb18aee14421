//! E4M3FN, the 8-bit format for weights and activations: 1 sign, 4 exponent, 3 fraction bits, no
//! infinities, one NaN a sign (all bits one). Its largest finite value is 448.
//!
//! Defined in [FP8 Formats for Deep Learning](https://arxiv.org/abs/2209.05433) and in the OCP
//! 8-bit Floating Point Specification, where it is called E4M3.

use super::narrow::Narrow;
use super::widen::Widen;

/// 464 lies in the middle of 448 (even) and 480 (which would be next, but is the code of NaN):
/// the tie goes to 448, anything larger overflows.
const LARGEST_THAT_ROUNDS_TO_448: f32 = 464.0;

const NARROW: Narrow = Narrow::finite(
    4,
    3,
    0x7f,
    LARGEST_THAT_ROUNDS_TO_448.to_bits() + 1,
    (LARGEST_THAT_ROUNDS_TO_448 as f64).to_bits() + 1,
);
const WIDEN: Widen = Widen::finite(4, 3);

/// The E4M3FN nearest to `x`, ties to even; above 464, and for infinity, it is NaN (the OCP
/// specification's non-saturating mode). Clamp to ±448 first if you want saturation.
///
/// # Accuracy
/// Correctly rounded (at most 0.5 ulp) on all 2^32 inputs: `tests/numbers/conversions.rs`.
///
/// # Examples
/// ```
/// assert_eq!(fpbits::e4m3fn_from_f32(1.0), 0x38);
/// assert_eq!(fpbits::e4m3fn_from_f32(-464.0), 0xfe); // -448
/// assert_eq!(fpbits::e4m3fn_from_f32(465.0), 0x7f); // NaN
/// ```
#[inline]
pub const fn e4m3fn_from_f32(x: f32) -> u8 {
    NARROW.round_f32(x) as u8
}

/// The E4M3FN nearest to `x`, ties to even, rounded once; above 464 it is NaN.
///
/// # Accuracy
/// Correctly rounded (at most 0.5 ulp).
///
/// # Examples
/// ```
/// assert_eq!(fpbits::e4m3fn_from_f64(0.0625 + 1e-12), 0x18);
/// assert_eq!(fpbits::e4m3fn_from_f64(2f64.powi(-10)), 0x00); // tie between 0 and 2^-9
/// ```
#[inline]
pub const fn e4m3fn_from_f64(x: f64) -> u8 {
    NARROW.round_f64(x) as u8
}

/// The value of an E4M3FN code, exactly.
///
/// # Examples
/// ```
/// assert_eq!(fpbits::e4m3fn_to_f32(0x7e), 448.0);
/// assert!(fpbits::e4m3fn_to_f32(0xff).is_nan());
/// ```
#[inline]
pub const fn e4m3fn_to_f32(code: u8) -> f32 {
    WIDEN.to_f32(code as u32)
}

/// The value of an E4M3FN code, exactly.
///
/// # Examples
/// ```
/// assert_eq!(fpbits::e4m3fn_to_f64(0x01), 2f64.powi(-9));
/// ```
#[inline]
pub const fn e4m3fn_to_f64(code: u8) -> f64 {
    WIDEN.to_f64(code as u32)
}
