//! What a code means: the exact value, outside any format.

use crate::Format;

/// A finite number other than zero, exactly: (-1)^negative x significand x 2^exponent.
///
/// Many pairs describe the same number; those made by this crate are reduced (the significand is
/// odd), so that equality of fields is equality of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Number {
    /// Whether the number is below zero.
    pub negative: bool,
    /// The magnitude, in units of 2^exponent. Not zero.
    pub significand: u64,
    /// The exponent of the unit.
    pub exponent: i32,
}

impl Number {
    /// The power of two with this exponent.
    pub const fn power_of_two(exponent: i32) -> Number {
        Number { negative: false, significand: 1, exponent }
    }

    /// The same number with an odd significand.
    pub(crate) const fn reduced(self) -> Number {
        let zeros = self.significand.trailing_zeros();
        Number {
            significand: self.significand >> zeros,
            exponent: self.exponent + zeros as i32,
            ..self
        }
    }

    /// The exponent e with 2^e <= |self| < 2^(e + 1).
    ///
    /// # Panics
    /// If the significand is zero, which no number made by this crate has.
    pub const fn leading_exponent(&self) -> i32 {
        self.significand.ilog2() as i32 + self.exponent
    }
}

/// What a code of a format stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// Zero, with its sign.
    Zero {
        /// Whether it is negative zero.
        negative: bool,
    },
    /// Any other finite number.
    Finite(Number),
    /// Infinity, with its sign.
    Infinite {
        /// Whether it is negative infinity.
        negative: bool,
    },
    /// Not a number.
    Nan {
        /// The sign bit.
        negative: bool,
        /// The fraction field, moved to the top of 64 bits: the top bit is the one that makes a
        /// NaN quiet. In formats with a single NaN only that bit is set.
        fraction: u64,
    },
}

impl Value {
    /// The value of an `f32`.
    pub const fn of_f32(x: f32) -> Value {
        Format::BINARY32.decode(x.to_bits() as u64)
    }

    /// The value of an `f64`.
    pub const fn of_f64(x: f64) -> Value {
        Format::BINARY64.decode(x.to_bits())
    }

    /// Whether the sign is a minus (zero, infinity and NaN have one, too).
    pub const fn is_negative(&self) -> bool {
        match *self {
            Value::Zero { negative }
            | Value::Finite(Number { negative, .. })
            | Value::Infinite { negative }
            | Value::Nan { negative, .. } => negative,
        }
    }

    /// Whether it is not a number.
    pub const fn is_nan(&self) -> bool {
        matches!(self, Value::Nan { .. })
    }

    /// Whether it is a signalling NaN: an operation on it is invalid.
    pub const fn is_signalling(&self) -> bool {
        matches!(self, Value::Nan { fraction, .. } if *fraction >> 63 == 0)
    }

    /// The same with the other sign.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Value;
    /// assert_eq!(Value::of_f64(1.5).negated(), Value::of_f64(-1.5));
    /// ```
    pub const fn negated(&self) -> Value {
        match *self {
            Value::Zero { negative } => Value::Zero { negative: !negative },
            Value::Finite(number) => Value::Finite(Number { negative: !number.negative, ..number }),
            Value::Infinite { negative } => Value::Infinite { negative: !negative },
            Value::Nan { negative, fraction } => Value::Nan { negative: !negative, fraction },
        }
    }
}

/// The result of an exact calculation, cut off but not yet rounded: the magnitude is
/// `significand` x 2^`exponent`, plus something below one unit of the significand if `sticky`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unrounded {
    /// Whether the number is below zero.
    pub negative: bool,
    /// The leading bits of the magnitude. Where `sticky` is set it must have at least two bits
    /// more than the format rounded to, or the result is not determined.
    pub significand: u128,
    /// The exponent of the significand's unit.
    pub exponent: i32,
    /// Whether anything other than zero was cut off.
    pub sticky: bool,
}

impl Unrounded {
    /// A number as a result that is exact already.
    pub const fn of(number: Number) -> Unrounded {
        Unrounded {
            negative: number.negative,
            significand: number.significand as u128,
            exponent: number.exponent,
            sticky: false,
        }
    }
}

impl From<Number> for Unrounded {
    fn from(number: Number) -> Unrounded {
        Unrounded::of(number)
    }
}
