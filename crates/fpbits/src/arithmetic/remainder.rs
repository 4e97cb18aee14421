//! The IEEE 754 remainder: a - b x n with n the integer nearest to a / b, ties to even. Always
//! exact.

use super::exact::Exact;
use crate::{Context, Format, Number, Rounded, Unrounded, Value};

impl Format {
    /// a - b x n, where n is the integer nearest to a / b, the even one of two equally near ones.
    /// Zero results have the sign of a. Infinity by anything and anything by zero are invalid; the
    /// remainder of a finite number by infinity is the number.
    ///
    /// # Accuracy
    /// Exact in every format with subnormal numbers.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Format};
    /// let f = Format::BINARY64;
    /// let rem = |a: f64, b: f64| {
    ///     f64::from_bits(f.remainder(a.to_bits(), b.to_bits(), Context::NEAREST_EVEN).code)
    /// };
    /// assert_eq!(rem(7.0, 4.0), -1.0); // 7 - 4 x 2
    /// assert_eq!(rem(6.0, 4.0), -2.0); // a tie: 2 is even, 1 is not
    /// assert_eq!(rem(10.0, 4.0), 2.0);
    /// ```
    pub const fn remainder(&self, a: u64, b: u64, context: Context) -> Rounded {
        self.round_exact(&Exact::remainder(&self.decode(a), &self.decode(b)), context)
    }
}

impl Exact {
    /// The remainder of a by b, exactly; see [`Format::remainder`].
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Exact, Format, Value};
    /// let r = Exact::remainder(&Value::of_f64(1e300), &Value::of_f64(7.0));
    /// let rounded = Format::BINARY64.round_exact(&r, Context::NEAREST_EVEN);
    /// assert_eq!(f64::from_bits(rounded.code), 1.0);
    /// ```
    pub const fn remainder(a: &Value, b: &Value) -> Exact {
        match (*a, *b) {
            (Value::Nan { .. }, _) | (_, Value::Nan { .. }) => Exact::nan_among([a, b, b]),
            (Value::Infinite { .. }, _) | (_, Value::Zero { .. }) => Exact::invalid(),
            (Value::Zero { .. }, _) | (_, Value::Infinite { .. }) => Exact::of(a),
            (Value::Finite(x), Value::Finite(y)) => remainder(x, y),
        }
    }
}

const fn remainder(x: Number, y: Number) -> Exact {
    // |x| < |y| / 2: nothing to subtract.
    if x.leading_exponent() + 1 < y.leading_exponent() {
        return Exact::number(Unrounded::of(x));
    }
    // In units of the finer one. x is reduced by 2y, so that the parity of the quotient is left.
    let difference = x.exponent as i64 - y.exponent as i64;
    let (unit, divisor, mut rest) = match difference {
        0.. => {
            let divisor = y.significand as u128;
            let rest = power_of_two_times(x.significand as u128, difference, 2 * divisor);
            (y.exponent, divisor, rest)
        }
        // y is at most four times as large as x: its significand in units of x fits.
        _ => {
            let divisor = (y.significand as u128) << -difference;
            (x.exponent, divisor, x.significand as u128 % (2 * divisor))
        }
    };
    let odd = rest >= divisor;
    if odd {
        rest -= divisor;
    }
    if rest == 0 {
        return Exact::zero(x.negative);
    }
    let up = 2 * rest > divisor || 2 * rest == divisor && odd;
    let (negative, significand) =
        if up { (!x.negative, divisor - rest) } else { (x.negative, rest) };
    Exact::number(Unrounded { negative, significand, exponent: unit, sticky: false })
}

/// x 2^power modulo a number of at most 65 bits.
const fn power_of_two_times(x: u128, power: i64, modulus: u128) -> u128 {
    let (mut rest, mut left) = (x % modulus, power);
    while left > 0 {
        let step = if left < 62 { left } else { 62 };
        rest = (rest << step) % modulus;
        left -= step;
    }
    rest
}
