//! Division: as many bits of the quotient as the rounding needs, and whether a remainder is left.

use super::exact::{Exact, ExactValue};
use crate::{Context, Flags, Format, Number, Rounded, Rounding, Unrounded, Value};

/// Enough for every format and every rounding: 64 bits of precision, a guard bit, the random bits
/// and one to round them by.
pub(super) const ENOUGH_BITS: u32 = 64 + 2 + Rounding::MAX_RANDOM_BITS;

impl Format {
    /// a / b.
    ///
    /// A finite number by zero is infinite and signals division by zero; zero by zero and infinity
    /// by infinity are invalid. In formats whose zero has no sign (FNUZ, P3109) the quotient by
    /// zero would have none either: there it is NaN and invalid.
    ///
    /// # Accuracy
    /// Correctly rounded.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Flags, Format};
    /// let f = Format::BINARY32;
    /// let q = f.divide(f.parse("1").unwrap(), f.parse("-0").unwrap(), Context::NEAREST_EVEN);
    /// assert_eq!((f.to_shortest(q.code).as_str(), q.flags), ("-inf", Flags::DIVIDE_BY_ZERO));
    /// ```
    pub const fn divide(&self, a: u64, b: u64, context: Context) -> Rounded {
        if let Some(rounded) = self.hardware.divide(a, b, context) {
            return rounded;
        }
        let (x, y) = (self.decode(a), self.decode(b));
        let by_zero = matches!(y, Value::Zero { .. }) && !matches!(x, Value::Nan { .. });
        let exact = match by_zero && !self.has_negative_zero() {
            true => Exact::invalid(),
            false => quotient(&x, &y, self.precision() + 1 + context.rounding.resolution()),
        };
        self.round_exact(&exact, context)
    }
}

impl Exact {
    /// a / b, to at least 98 leading bits.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Exact, Format, Value};
    /// let q = Exact::quotient(&Value::of_f64(1.0), &Value::of_f64(10.0));
    /// let tenth = Format::BINARY32.round_exact(&q, Context::NEAREST_EVEN);
    /// assert_eq!(f32::from_bits(tenth.code as u32), 0.1);
    /// ```
    pub const fn quotient(a: &Value, b: &Value) -> Exact {
        quotient(a, b, ENOUGH_BITS)
    }
}

const fn quotient(a: &Value, b: &Value, bits: u32) -> Exact {
    let negative = a.is_negative() != b.is_negative();
    match (*a, *b) {
        (Value::Nan { .. }, _) | (_, Value::Nan { .. }) => Exact::nan_among([a, b, b]),
        (Value::Infinite { .. }, Value::Infinite { .. })
        | (Value::Zero { .. }, Value::Zero { .. }) => Exact::invalid(),
        (Value::Infinite { .. }, _) => Exact::infinite(negative),
        (_, Value::Infinite { .. }) | (Value::Zero { .. }, _) => Exact::zero(negative),
        (Value::Finite(_), Value::Zero { .. }) => {
            Exact { value: ExactValue::Infinite { negative }, flags: Flags::DIVIDE_BY_ZERO }
        }
        (Value::Finite(x), Value::Finite(y)) => Exact::number(quotient_of_numbers(x, y, bits)),
    }
}

/// x / y to at least `bits` leading bits.
const fn quotient_of_numbers(x: Number, y: Number, bits: u32) -> Unrounded {
    let (a, b) = (x.significand as u128, y.significand as u128);
    let (a_bits, b_bits) = (a.ilog2() + 1, b.ilog2() + 1);
    let shift = (bits + b_bits).saturating_sub(a_bits);
    // In one go as far as 127 bits reach, the rest by the remainder.
    let first = if shift < 127 - a_bits { shift } else { 127 - a_bits };
    let rest = shift - first;
    let dividend = a << first;
    let (mut quotient, mut remainder) = match (dividend >> 64, rest) {
        (0, 0) => ((dividend as u64 / b as u64) as u128, (dividend as u64 % b as u64) as u128),
        _ => (dividend / b, dividend % b),
    };
    if rest > 0 {
        quotient = (quotient << rest) + (remainder << rest) / b;
        remainder = (remainder << rest) % b;
    }
    Unrounded {
        negative: x.negative != y.negative,
        significand: quotient,
        exponent: x.exponent - y.exponent - shift as i32,
        sticky: remainder != 0,
    }
}
