//! E2M1, the 4-bit format of MXFP4 and NVFP4: 1 sign, 2 exponent, 1 fraction bits, numbers only:
//! 0, 0.5, 1, 1.5, 2, 3, 4, 6 of either sign. A code stands in the lower half of a byte.
//!
//! Defined in the OCP Microscaling Formats Specification.

use super::narrow::Narrow;
use super::widen::Widen;

/// In the middle between 6 and the 8 that would follow it: the tie would go to 8 (even), which is
/// not there. It saturates, as everything above does.
const SMALLEST_BEYOND_6: f32 = 7.0;

/// The code of 6.
const LARGEST: u32 = 0x7;

const NARROW: Narrow = Narrow::finite(
    2,
    1,
    LARGEST,
    SMALLEST_BEYOND_6.to_bits(),
    (SMALLEST_BEYOND_6 as f64).to_bits(),
);
const WIDEN: Widen = Widen::numbers_only(2, 1);

/// What NaN becomes in a format without: negative zero, as ml_dtypes has it.
const NAN: u32 = 0x8;

/// The E2M1 nearest to `x`, ties to even; from 5 up it is 6. NaN becomes negative zero.
///
/// # Accuracy
/// Correctly rounded (at most 0.5 ulp) within ±7: `tests/numbers/conversions.rs`, all 2^32 inputs.
///
/// # Examples
/// ```
/// assert_eq!(fpbits::e2m1_from_f32(1.0), 0x2);
/// assert_eq!(fpbits::e2m1_from_f32(-2.5), 0xc); // a tie between -2 and -3
/// assert_eq!(fpbits::e2m1_from_f32(1e9), 0x7); // 6
/// ```
#[inline]
pub const fn e2m1_from_f32(x: f32) -> u8 {
    let code = NARROW.round_f32(x);
    (if x.to_bits() & 0x7fff_ffff > 0x7f80_0000 { NAN } else { code }) as u8
}

/// The E2M1 nearest to `x`, ties to even, rounded once; from 5 up it is 6. NaN becomes negative
/// zero.
///
/// # Accuracy
/// Correctly rounded (at most 0.5 ulp) within ±7.
///
/// # Examples
/// ```
/// assert_eq!(fpbits::e2m1_from_f64(0.25), 0x0); // a tie between 0 and 0.5
/// assert_eq!(fpbits::e2m1_from_f64(0.25 + 1e-12), 0x1);
/// ```
#[inline]
pub const fn e2m1_from_f64(x: f64) -> u8 {
    let code = NARROW.round_f64(x);
    let nan = x.to_bits() & 0x7fff_ffff_ffff_ffff > 0x7ff0_0000_0000_0000;
    (if nan { NAN } else { code }) as u8
}

/// The value of an E2M1 code, exactly; bits above the lowest four are ignored.
///
/// # Examples
/// ```
/// assert_eq!(fpbits::e2m1_to_f32(0xf), -6.0);
/// ```
#[inline]
pub const fn e2m1_to_f32(code: u8) -> f32 {
    WIDEN.to_f32((code & 0xf) as u32)
}

/// The value of an E2M1 code, exactly; bits above the lowest four are ignored.
///
/// # Examples
/// ```
/// assert_eq!(fpbits::e2m1_to_f64(0x1), 0.5);
/// ```
#[inline]
pub const fn e2m1_to_f64(code: u8) -> f64 {
    WIDEN.to_f64((code & 0xf) as u32)
}
