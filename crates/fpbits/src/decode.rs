//! From a code to its fields, its class and its exact value.

use crate::{Format, NanCodes, Number, Value};

/// The three fields of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fields {
    /// The sign bit; false in formats without one.
    pub sign: bool,
    /// The exponent field as it stands, bias not subtracted.
    pub exponent: u64,
    /// The fraction field.
    pub fraction: u64,
}

/// The kind of value a code stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Zero of either sign.
    Zero,
    /// Finite, with leading zeros in its significand.
    Subnormal,
    /// Finite, with all significant bits of the format.
    Normal,
    /// Infinity of either sign.
    Infinite,
    /// Not a number.
    Nan,
}

impl Format {
    /// Takes a code apart.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Fields, Format};
    /// let fields = Format::BINARY64.fields((-0.75f64).to_bits());
    /// assert_eq!(fields, Fields { sign: true, exponent: 1022, fraction: 1 << 51 });
    /// ```
    pub const fn fields(&self, code: u64) -> Fields {
        let magnitude = code & self.magnitude_mask();
        let layout = self.layout();
        Fields {
            sign: code & self.sign_mask() != 0,
            exponent: magnitude >> layout.fraction_bits,
            fraction: magnitude & self.fraction_mask(),
        }
    }

    /// The kind of value a code stands for.
    pub const fn classify(&self, code: u64) -> Class {
        let magnitude = code & self.magnitude_mask();
        if self.is_nan(code) {
            Class::Nan
        } else if magnitude > self.max_finite() {
            Class::Infinite
        } else if magnitude >= self.min_normal() {
            Class::Normal
        } else if magnitude == 0 || !self.layout().subnormals {
            Class::Zero
        } else {
            Class::Subnormal
        }
    }

    /// Whether a code is a NaN.
    pub const fn is_nan(&self, code: u64) -> bool {
        let magnitude = code & self.magnitude_mask();
        match self.layout().nan {
            NanCodes::TopExponent => magnitude > self.max_finite() + 1,
            NanCodes::AllOnes => magnitude == self.magnitude_mask(),
            NanCodes::NegativeZero => magnitude == 0 && code & self.sign_mask() != 0,
            NanCodes::None => false,
        }
    }

    /// The exact value of a code.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Format, Number, Value};
    /// // 0x34 = 0 0110 100: 1.5 x 2^(6 - 7)
    /// let three_quarters = Number { negative: false, significand: 3, exponent: -2 };
    /// assert_eq!(Format::E4M3FN.decode(0x34), Value::Finite(three_quarters));
    /// ```
    pub const fn decode(&self, code: u64) -> Value {
        let Fields { sign: negative, exponent, fraction } = self.fields(code);
        let implied = 1 << self.layout().fraction_bits;
        let (significand, exponent) = match self.classify(code) {
            Class::Zero => {
                return Value::Zero { negative: negative && self.has_negative_zero() };
            }
            Class::Infinite => return Value::Infinite { negative },
            Class::Nan => return self.decode_nan(negative, fraction),
            Class::Subnormal => (fraction, self.quantum_exponent()),
            Class::Normal => {
                let steps = exponent as i32 - self.first_field() as i32;
                (implied | fraction, self.quantum_exponent() + steps)
            }
        };
        Value::Finite(Number { negative, significand, exponent }.reduced())
    }

    const fn decode_nan(&self, negative: bool, fraction: u64) -> Value {
        match self.layout().nan {
            NanCodes::TopExponent => {
                Value::Nan { negative, fraction: fraction << (64 - self.layout().fraction_bits) }
            }
            NanCodes::NegativeZero => Value::Nan { negative: false, fraction: 1 << 63 },
            NanCodes::AllOnes | NanCodes::None => Value::Nan { negative, fraction: 1 << 63 },
        }
    }
}
