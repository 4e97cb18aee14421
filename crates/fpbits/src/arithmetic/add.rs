//! Addition and subtraction.
//!
//! The smaller operand is shifted right until both have the same unit; bits that fall off the end
//! of 128 are remembered as one (sticky). Then the significands are added or subtracted.

use super::exact::{Exact, ExactValue};
use crate::{Context, Format, Number, Rounded, Unrounded, Value};

impl Format {
    /// a + b.
    ///
    /// Infinities of opposite sign are invalid. A sum that cancels is positive zero, or negative
    /// zero when rounding down; the sum of two zeros of one sign keeps it.
    ///
    /// # Accuracy
    /// Correctly rounded (at most 0.5 ulp to nearest, less than 1 ulp in other directions).
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Flags, Format};
    /// let f = Format::BINARY64;
    /// let sum = f.add(0.1f64.to_bits(), 0.2f64.to_bits(), Context::NEAREST_EVEN);
    /// assert_eq!(f64::from_bits(sum.code), 0.30000000000000004);
    /// assert_eq!(sum.flags, Flags::INEXACT);
    /// ```
    pub const fn add(&self, a: u64, b: u64, context: Context) -> Rounded {
        if let Some(rounded) = self.hardware.add(a, b, context) {
            return rounded;
        }
        self.round_exact(&Exact::sum(&self.decode(a), &self.decode(b)), context)
    }

    /// a - b; see [`Format::add`].
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Format};
    /// let f = Format::E5M2;
    /// let x = f.parse("1.25").unwrap();
    /// assert_eq!(f.subtract(x, x, Context::NEAREST_EVEN).code, 0);
    /// ```
    pub const fn subtract(&self, a: u64, b: u64, context: Context) -> Rounded {
        // Only numbers are answered there, for which subtracting is adding the negation.
        if let Some(rounded) = self.hardware.add(a, b ^ self.sign_mask(), context) {
            return rounded;
        }
        self.round_exact(&Exact::difference(&self.decode(a), &self.decode(b)), context)
    }
}

impl Exact {
    /// a + b, exactly.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Exact, ExactValue, Value};
    /// let x = Value::of_f64(1.5);
    /// assert_eq!(Exact::sum(&x, &x.negated()).value, ExactValue::Cancelled);
    /// ```
    pub const fn sum(a: &Value, b: &Value) -> Exact {
        match (*a, *b) {
            (Value::Nan { .. }, _) | (_, Value::Nan { .. }) => Exact::nan_among([a, b, b]),
            (Value::Infinite { negative }, Value::Infinite { negative: other }) => {
                if negative == other { Exact::infinite(negative) } else { Exact::invalid() }
            }
            (Value::Infinite { negative }, _) | (_, Value::Infinite { negative }) => {
                Exact::infinite(negative)
            }
            (Value::Zero { negative }, Value::Zero { negative: other }) => {
                if negative == other {
                    Exact::zero(negative)
                } else {
                    Exact::quiet(ExactValue::Cancelled)
                }
            }
            (Value::Finite(x), Value::Zero { .. }) | (Value::Zero { .. }, Value::Finite(x)) => {
                Exact::number(Unrounded::of(x))
            }
            (Value::Finite(x), Value::Finite(y)) => sum(x, y),
        }
    }

    /// a - b, exactly.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Exact, Format, Value};
    /// let d = Exact::difference(&Value::of_f64(1e16), &Value::of_f64(1.0));
    /// let rounded = Format::BINARY64.round_exact(&d, Context::NEAREST_EVEN);
    /// assert_eq!(f64::from_bits(rounded.code), 1e16 - 1.0);
    /// ```
    pub const fn difference(a: &Value, b: &Value) -> Exact {
        match *b {
            Value::Nan { .. } => Exact::nan_among([a, b, b]),
            _ => Exact::sum(a, &b.negated()),
        }
    }
}

/// Where the leading bit of the larger operand is put: one bit is left for a carry.
const TOP: u32 = 126;

const fn sum(a: Number, b: Number) -> Exact {
    let (large, small) = if a.leading_exponent() >= b.leading_exponent() { (a, b) } else { (b, a) };
    let up = TOP - large.significand.ilog2();
    let exponent = large.exponent as i64 - up as i64;
    let larger = (large.significand as u128) << up;
    let shift = exponent - small.exponent as i64;
    let significand = small.significand as u128;
    let (smaller, lost) = match shift {
        ..=0 => (significand << -shift, false),
        1..=127 => (significand >> shift, significand & ((1 << shift) - 1) != 0),
        _ => (0, true),
    };
    let exponent = exponent as i32;
    if large.negative == small.negative {
        let significand = larger + smaller;
        let sum = Unrounded { negative: large.negative, significand, exponent, sticky: lost };
        return Exact::number(sum);
    }
    // What was lost makes the difference smaller: borrow one unit, and keep the rest of it.
    let (negative, significand) = match larger >= smaller {
        true => (large.negative, larger - smaller - lost as u128),
        false => (small.negative, smaller - larger), // same leading bit: nothing was lost
    };
    if significand == 0 {
        return Exact::quiet(ExactValue::Cancelled);
    }
    Exact::number(Unrounded { negative, significand, exponent, sticky: lost })
}
