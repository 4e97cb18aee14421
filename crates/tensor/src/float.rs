//! The element types.

use std::fmt::{Debug, Display};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};
use std::sync::Mutex;

use crate::functions;
use crate::pool::Shelf;

mod sealed {
    use std::sync::Mutex;

    use crate::pool::Shelf;

    pub trait Sealed: Sized + 'static {
        /// Idle memory for arrays of this type.
        #[allow(private_interfaces)]
        fn shelf() -> &'static Mutex<Shelf<Self>>;
    }
}

/// `f32` or `f64`.
///
/// The functions here are this crate's own: the same operations, so the same bits, on every
/// machine. (The platform's `exp` and `sin` differ between C libraries.)
///
/// The trait is sealed: 16-bit and 8-bit formats are for storage, and are converted at the edges.
pub trait Float:
    sealed::Sealed
    + Copy
    + Default
    + PartialOrd
    + Debug
    + Display
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + ndarray::LinalgScalar
    + ndarray::ScalarOperand
    + crate::simd::Element
    + fpbits::Ulp
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// 1/2.
    const HALF: Self;
    /// Positive infinity.
    const INFINITY: Self;
    /// Negative infinity.
    const NEG_INFINITY: Self;
    /// The quiet NaN.
    const NAN: Self;
    /// The distance from 1 to the next larger number.
    const EPSILON: Self;
    /// The smallest positive normal number.
    const MIN_POSITIVE: Self;

    /// `x` rounded to this type.
    fn from_f64(x: f64) -> Self;
    /// The same number as an `f64`.
    fn to_f64(self) -> f64;
    /// `self * a + b` with one rounding.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// The magnitude.
    fn abs(self) -> Self;
    /// The magnitude of `self` with the sign of `sign`.
    fn copysign(self, sign: Self) -> Self;
    /// The square root, correctly rounded.
    fn sqrt(self) -> Self;
    /// Is it neither infinite nor NaN?
    fn is_finite(self) -> bool;
    /// e to the power `self`. See [`crate::exp`] for the accuracy.
    fn exp(self) -> Self;
    /// The natural logarithm. See [`crate::log`].
    fn log(self) -> Self;
    /// log(1 + `self`). See [`crate::log1p`].
    fn log1p(self) -> Self;
    /// e to the power `self`, less 1. See [`crate::expm1`].
    fn expm1(self) -> Self;
    /// The hyperbolic tangent. See [`crate::tanh`].
    fn tanh(self) -> Self;
    /// The error function. See [`crate::erf`].
    fn erf(self) -> Self;
    /// `1 - erf(self)` without cancellation.
    fn erfc(self) -> Self;
    /// Φ(x), the normal distribution, and e^(-x²/2).
    fn normal_cdf(self) -> (Self, Self);
    /// 1 / (1 + e^-x). See [`crate::sigmoid`].
    fn sigmoid(self) -> Self;
    /// `self` to the power `exponent`. See [`crate::pow`].
    fn pow(self, exponent: Self) -> Self;
    /// Sine and cosine, for magnitudes up to 2^20. See [`crate::rope`].
    fn sin_cos(self) -> (Self, Self);

    /// A count as a number of this type.
    #[inline(always)]
    fn from_usize(n: usize) -> Self {
        Self::from_f64(n as f64)
    }

    /// Is it NaN?
    #[inline(always)]
    #[allow(clippy::eq_op)]
    fn is_nan(self) -> bool {
        self != self
    }

    /// The smaller; NaN if either is NaN. -0 is smaller than 0 (IEEE 754-2019, § 9.6).
    #[inline(always)]
    fn minimum(self, other: Self) -> Self {
        // Equal numbers differ at most in the sign of zero: `self`, if it has the sign.
        let is_negative = Self::ONE.copysign(self) < Self::ZERO;
        if (self < other) | ((self == other) & is_negative) {
            self
        } else if other <= self {
            other
        } else {
            self + other
        }
    }

    /// The larger; NaN if either is NaN. 0 is larger than -0 (IEEE 754-2019, § 9.6).
    #[inline(always)]
    fn maximum(self, other: Self) -> Self {
        // Comparisons are false for NaN on either side, so the sum (NaN then) is reached only where
        // both of these are.
        let is_negative = Self::ONE.copysign(self) < Self::ZERO;
        if (self > other) | ((self == other) & !is_negative) {
            self
        } else if other >= self {
            other
        } else {
            self + other
        }
    }
}

/// The constants and inherent methods of one primitive type.
macro_rules! float {
    ($t:ident) => {
        impl sealed::Sealed for $t {
            #[allow(private_interfaces)]
            fn shelf() -> &'static Mutex<Shelf<Self>> {
                static SHELF: Mutex<Shelf<$t>> = Shelf::new();
                &SHELF
            }
        }

        impl Float for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const HALF: Self = 0.5;
            const INFINITY: Self = $t::INFINITY;
            const NEG_INFINITY: Self = $t::NEG_INFINITY;
            const NAN: Self = $t::NAN;
            const EPSILON: Self = $t::EPSILON;
            const MIN_POSITIVE: Self = $t::MIN_POSITIVE;

            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                $t::mul_add(self, a, b)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $t::abs(self)
            }
            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                $t::copysign(self, sign)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $t::sqrt(self)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                $t::is_finite(self)
            }
            #[inline(always)]
            fn exp(self) -> Self {
                functions::exp::$t(self)
            }
            #[inline(always)]
            fn log(self) -> Self {
                functions::log::$t(self)
            }
            #[inline(always)]
            fn log1p(self) -> Self {
                functions::log1p::$t(self)
            }
            #[inline(always)]
            fn expm1(self) -> Self {
                functions::expm1::$t(self)
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                functions::tanh::$t(self)
            }
            #[inline(always)]
            fn erf(self) -> Self {
                functions::erf::$t(self)
            }
            #[inline(always)]
            fn erfc(self) -> Self {
                functions::erfc::$t(self)
            }
            #[inline(always)]
            fn normal_cdf(self) -> (Self, Self) {
                functions::normal::$t(self)
            }
            #[inline(always)]
            fn sigmoid(self) -> Self {
                functions::sigmoid::$t(self)
            }
            #[inline(always)]
            fn pow(self, exponent: Self) -> Self {
                functions::pow::$t(self, exponent)
            }
            #[inline(always)]
            fn sin_cos(self) -> (Self, Self) {
                functions::sin_cos::$t(self)
            }
        }
    };
}

float!(f32);
float!(f64);
