//! bfloat16: 1 sign, 8 exponent, 7 fraction bits; the upper half of a binary32.

use super::narrow::Narrow;
use super::widen::Widen;

const NARROW: Narrow = Narrow::ieee(8, 7);
const WIDEN: Widen = Widen::ieee(8, 7);

/// The bfloat16 nearest to `x`, ties to even.
///
/// The exponents agree, subnormals included, so one addition and one shift round every number.
/// A NaN stays a NaN, quiet, with its sign and the top seven bits of its payload.
///
/// # Accuracy
/// Correctly rounded (at most 0.5 ulp) on all 2^32 inputs: `tests/numbers/conversions.rs`.
///
/// # Examples
/// ```
/// assert_eq!(fpbits::bf16_from_f32(1.0), 0x3f80);
/// assert_eq!(fpbits::bf16_from_f32(f32::MAX), 0x7f80); // rounds up to infinity
/// ```
#[inline]
pub const fn bf16_from_f32(x: f32) -> u16 {
    let bits = x.to_bits();
    let odd = (bits >> 16) & 1;
    let rounded = bits.wrapping_add(0x7fff + odd) >> 16;
    let quiet = bits >> 16 | 0x40;
    (if bits & 0x7fff_ffff > 0x7f80_0000 { quiet } else { rounded }) as u16
}

/// The bfloat16 nearest to `x`, ties to even, rounded once.
///
/// # Accuracy
/// Correctly rounded (at most 0.5 ulp).
///
/// # Examples
/// ```
/// let above_the_tie = 1.0 + 2f64.powi(-8) + 2f64.powi(-40);
/// assert_eq!(fpbits::bf16_from_f64(above_the_tie), 0x3f81);
/// assert_eq!(fpbits::bf16_from_f32(above_the_tie as f32), 0x3f80);
/// ```
#[inline]
pub const fn bf16_from_f64(x: f64) -> u16 {
    NARROW.round_f64(x) as u16
}

/// The value of a bfloat16 code, exactly: the code is the upper half of the result.
///
/// This is a move of bits, so that a signalling NaN stays signalling.
///
/// # Examples
/// ```
/// assert_eq!(fpbits::bf16_to_f32(0xc049), -3.140625);
/// ```
#[inline]
pub const fn bf16_to_f32(code: u16) -> f32 {
    f32::from_bits((code as u32) << 16)
}

/// The value of a bfloat16 code, exactly. NaN comes out quiet.
///
/// # Examples
/// ```
/// assert_eq!(fpbits::bf16_to_f64(0x0001), 2f64.powi(-133));
/// ```
#[inline]
pub const fn bf16_to_f64(code: u16) -> f64 {
    WIDEN.to_f64(code as u32)
}
