//! The floats of the language, as summation sees them.

use crate::{Format, Ulp};
use core::ops::{Add, Mul, Sub};

/// `f32` and `f64`. Sealed.
pub trait Native:
    Ulp + PartialOrd + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + 'static
{
    /// Zero.
    const ZERO: Self;
    /// Half of epsilon: the largest relative error of an operation whose result is normal.
    const UNIT_ROUNDOFF: Self;
    /// The smallest positive number.
    const SMALLEST: Self;
    /// The format.
    const FORMAT: Format;

    /// The code.
    fn code(self) -> u64;

    /// The number with this code; bits above the format's are ignored.
    fn from_code(code: u64) -> Self;

    /// Without its sign.
    fn magnitude(self) -> Self;

    /// The next greater number.
    fn above(self) -> Self;

    /// Whether it is neither infinite nor NaN.
    fn is_a_number(self) -> bool;

    /// The nearest `f64`, exact for `f32`.
    fn to_f64(self) -> f64;

    /// The product and its rounding error; see [`two_product`](crate::two_product).
    fn product_with_error(self, other: Self) -> (Self, Self);
}

impl Native for f32 {
    const ZERO: f32 = 0.0;
    const UNIT_ROUNDOFF: f32 = f32::EPSILON / 2.0;
    const SMALLEST: f32 = f32::from_bits(1);
    const FORMAT: Format = Format::BINARY32;

    #[inline]
    fn code(self) -> u64 {
        self.to_bits().into()
    }

    #[inline]
    fn from_code(code: u64) -> f32 {
        f32::from_bits(code as u32)
    }

    #[inline]
    fn magnitude(self) -> f32 {
        self.abs()
    }

    #[inline]
    fn above(self) -> f32 {
        self.next_up()
    }

    #[inline]
    fn is_a_number(self) -> bool {
        self.is_finite()
    }

    #[inline]
    fn to_f64(self) -> f64 {
        self.into()
    }

    /// 48 bits fit into an `f64`, and so does what is left of them.
    #[inline]
    fn product_with_error(self, other: f32) -> (f32, f32) {
        let exact = f64::from(self) * f64::from(other);
        let product = exact as f32;
        (product, (exact - f64::from(product)) as f32)
    }
}

impl Native for f64 {
    const ZERO: f64 = 0.0;
    const UNIT_ROUNDOFF: f64 = f64::EPSILON / 2.0;
    const SMALLEST: f64 = f64::from_bits(1);
    const FORMAT: Format = Format::BINARY64;

    #[inline]
    fn code(self) -> u64 {
        self.to_bits()
    }

    #[inline]
    fn from_code(code: u64) -> f64 {
        f64::from_bits(code)
    }

    #[inline]
    fn magnitude(self) -> f64 {
        self.abs()
    }

    #[inline]
    fn above(self) -> f64 {
        self.next_up()
    }

    #[inline]
    fn is_a_number(self) -> bool {
        self.is_finite()
    }

    #[inline]
    fn to_f64(self) -> f64 {
        self
    }

    /// Veltkamp's splitting and Dekker's product: each factor in two halves of 26 bits, whose
    /// products are exact.
    #[inline]
    fn product_with_error(self, other: f64) -> (f64, f64) {
        let product = self * other;
        let ((a, b), (c, d)) = (halves(self), halves(other));
        let error = b * d - (((product - a * c) - b * c) - a * d);
        (product, error)
    }
}

/// x as the sum of two numbers of at most 26 bits, sign included.
#[inline]
fn halves(x: f64) -> (f64, f64) {
    const SPLITTER: f64 = 134_217_729.0; // 2^27 + 1
    let scaled = SPLITTER * x;
    let high = scaled - (scaled - x);
    (high, x - high)
}
