//! Distances between floating-point numbers, counted in the numbers themselves.
//!
//! `ulp(x)` is a length: the spacing of the format at `x`. `ulp_distance(a, b)` is a count: how
//! many steps to the neighbour lead from `a` to `b`. The count is what tests of numerics should
//! be written in, because it means the same at every magnitude.

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    #[cfg(feature = "half")]
    impl Sealed for half::f16 {}
    #[cfg(feature = "half")]
    impl Sealed for half::bf16 {}
}

/// The floats of the language, as points on the line of their format's values.
///
/// Sealed: implemented for `f32` and `f64`, and with the feature `half` for that crate's types. Any other format has the same questions answered by
/// its [`Format`](crate::Format).
pub trait Ulp: sealed::Sealed + Copy {
    /// The spacing of the format at `self`: 2^(max(e, e_min) - (p - 1)) for
    /// 2^e <= |self| < 2^(e + 1), where p counts the significant bits.
    ///
    /// At zero it is the smallest subnormal, at infinity infinity, for NaN NaN (as Java's
    /// `Math.ulp`). A power of two has spacing `ulp` above and half of that below.
    fn ulp(self) -> Self;

    /// The position of `self` in the order of all values: 0 for both zeros, 1 for the smallest
    /// subnormal, -1 for its negative. `None` for NaN.
    fn ordinal(self) -> Option<i64>;
}

impl Ulp for f32 {
    #[inline]
    fn ulp(self) -> f32 {
        ulp_f32(self)
    }

    #[inline]
    fn ordinal(self) -> Option<i64> {
        if self.is_nan() {
            return None;
        }
        let magnitude = i64::from(self.to_bits() & 0x7fff_ffff);
        Some(if self.is_sign_negative() { -magnitude } else { magnitude })
    }
}

impl Ulp for f64 {
    #[inline]
    fn ulp(self) -> f64 {
        ulp_f64(self)
    }

    #[inline]
    fn ordinal(self) -> Option<i64> {
        if self.is_nan() {
            return None;
        }
        let magnitude = (self.to_bits() & 0x7fff_ffff_ffff_ffff) as i64;
        Some(if self.is_sign_negative() { -magnitude } else { magnitude })
    }
}

/// How many neighbours lie between `a` and `b`, `b` included: 0 if they are equal (the two zeros
/// are), 1 for a number and its `next_up`. Infinity is one step beyond the largest finite value.
///
/// With a NaN on either side the distance is `u64::MAX`, so that no tolerance lets it pass.
///
/// # Examples
/// ```
/// use fpbits::ulp_distance;
/// assert_eq!(ulp_distance(0.1 + 0.2, 0.3), 1);
/// assert_eq!(ulp_distance(0.0f32, -0.0), 0);
/// assert_eq!(ulp_distance(f32::MAX, f32::INFINITY), 1);
/// assert_eq!(ulp_distance(f64::NAN, f64::NAN), u64::MAX);
/// ```
#[inline]
pub fn ulp_distance<F: Ulp>(a: F, b: F) -> u64 {
    match (a.ordinal(), b.ordinal()) {
        (Some(a), Some(b)) => a.abs_diff(b),
        _ => u64::MAX,
    }
}

/// [`ulp_distance`] for `f32`, where a function's name must fix the type.
#[inline]
pub fn ulp_distance_f32(a: f32, b: f32) -> u64 {
    ulp_distance(a, b)
}

/// [`ulp_distance`] for `f64`, where a function's name must fix the type.
#[inline]
pub fn ulp_distance_f64(a: f64, b: f64) -> u64 {
    ulp_distance(a, b)
}

/// The spacing of binary32 at `x`; see [`Ulp::ulp`].
///
/// # Examples
/// ```
/// assert_eq!(fpbits::ulp_f32(1.0), f32::EPSILON);
/// assert_eq!(fpbits::ulp_f32(0.0), f32::from_bits(1));
/// ```
pub const fn ulp_f32(x: f32) -> f32 {
    let exponent = (x.to_bits() >> 23) & 0xff;
    match exponent {
        0xff => f32::from_bits(x.to_bits() & 0x7fff_ffff),
        0..24 => f32::from_bits(1 << exponent.saturating_sub(1)),
        _ => f32::from_bits((exponent - 23) << 23),
    }
}

/// The spacing of binary64 at `x`; see [`Ulp::ulp`].
///
/// # Examples
/// ```
/// assert_eq!(fpbits::ulp_f64(1.0), f64::EPSILON);
/// assert_eq!(fpbits::ulp_f64(1e16), 2.0);
/// ```
pub const fn ulp_f64(x: f64) -> f64 {
    let exponent = (x.to_bits() >> 52) & 0x7ff;
    match exponent {
        0x7ff => f64::from_bits(x.to_bits() & 0x7fff_ffff_ffff_ffff),
        0..53 => f64::from_bits(1 << exponent.saturating_sub(1)),
        _ => f64::from_bits((exponent - 52) << 52),
    }
}

/// The least `f32` greater than `x` (IEEE 754 nextUp).
#[inline]
pub const fn next_up_f32(x: f32) -> f32 {
    x.next_up()
}

/// The greatest `f32` less than `x` (IEEE 754 nextDown).
#[inline]
pub const fn next_down_f32(x: f32) -> f32 {
    x.next_down()
}

/// The least `f64` greater than `x` (IEEE 754 nextUp).
#[inline]
pub const fn next_up_f64(x: f64) -> f64 {
    x.next_up()
}

/// The greatest `f64` less than `x` (IEEE 754 nextDown).
#[inline]
pub const fn next_down_f64(x: f64) -> f64 {
    x.next_down()
}
