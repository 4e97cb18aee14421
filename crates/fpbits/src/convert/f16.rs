//! IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits.

use super::narrow::Narrow;
use super::widen::Widen;

const NARROW: Narrow = Narrow::ieee(5, 10);
const WIDEN: Widen = Widen::ieee(5, 10);

/// The binary16 nearest to `x`, ties to even; from 65520 up it is infinity.
///
/// A NaN stays a NaN, quiet, with its sign and the top ten bits of its payload.
///
/// # Accuracy
/// Correctly rounded (at most 0.5 ulp) on all 2^32 inputs: `tests/numbers/conversions.rs`.
///
/// # Examples
/// ```
/// assert_eq!(fpbits::f16_from_f32(1.0), 0x3c00);
/// assert_eq!(fpbits::f16_from_f32(65504.0), 0x7bff);
/// assert_eq!(fpbits::f16_from_f32(65520.0), 0x7c00);
/// assert_eq!(fpbits::f16_from_f32(-6e-8), 0x8001);
/// ```
#[inline]
pub const fn f16_from_f32(x: f32) -> u16 {
    NARROW.round_f32(x) as u16
}

/// The binary16 nearest to `x`, ties to even, rounded once.
///
/// Going through `f32` would round twice and miss: the value below lies just above the middle of
/// 1 and the next binary16, but its nearest `f32` is that middle.
///
/// # Accuracy
/// Correctly rounded (at most 0.5 ulp).
///
/// # Examples
/// ```
/// let above_the_tie = 1.0 + 2f64.powi(-11) + 2f64.powi(-40);
/// assert_eq!(fpbits::f16_from_f64(above_the_tie), 0x3c01);
/// assert_eq!(fpbits::f16_from_f32(above_the_tie as f32), 0x3c00);
/// ```
#[inline]
pub const fn f16_from_f64(x: f64) -> u16 {
    NARROW.round_f64(x) as u16
}

/// The value of a binary16 code, exactly. NaN comes out quiet.
///
/// # Examples
/// ```
/// assert_eq!(fpbits::f16_to_f32(0x3555), 0.33325195);
/// ```
#[inline]
pub const fn f16_to_f32(code: u16) -> f32 {
    WIDEN.to_f32(code as u32)
}

/// The value of a binary16 code, exactly. NaN comes out quiet.
///
/// # Examples
/// ```
/// assert_eq!(fpbits::f16_to_f64(0x0001), 2f64.powi(-24));
/// ```
#[inline]
pub const fn f16_to_f64(code: u16) -> f64 {
    WIDEN.to_f64(code as u32)
}
