//! From an exact value to the nearest code.

use crate::{Format, NanCodes, Overflow, Unrounded, Value};

impl Format {
    /// The code of the value nearest to `value`, ties to the even code.
    ///
    /// What the format has no code for is answered as follows. Infinity without infinities: as an
    /// overflow. NaN without NaN: negative zero, as ml_dtypes has it. A negative number without a
    /// sign bit: NaN, or zero without NaN. Negative zero where there is none: zero.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Format, Value};
    /// assert_eq!(Format::E5M2.encode(&Value::of_f64(1.1)), 0x3c); // 1
    /// assert_eq!(Format::E5M2.encode(&Value::of_f64(1.2)), 0x3d); // 1.25
    /// ```
    pub fn encode(&self, value: &Value) -> u64 {
        match *value {
            Value::Zero { negative } => self.encode_zero(negative),
            Value::Finite(number) => self.round(&number.into()),
            Value::Infinite { negative } => match self.infinity() {
                Some(code) if !negative || self.layout().sign => self.signed(negative, code),
                Some(_) => self.encode_negative_without_sign(),
                None => self.encode_overflow(negative),
            },
            Value::Nan { negative, fraction } => self.encode_nan(negative, fraction),
        }
    }

    /// The code of the value nearest to an unrounded result, ties to the even code.
    ///
    /// # Panics
    /// In debug builds if `sticky` is set and the significand has too few bits to round by.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Format, Unrounded};
    /// // One third in binary is 0.010101...: cut it off after 128 bits and say so.
    /// let third =
    ///     Unrounded { negative: false, significand: u128::MAX / 3, exponent: -128, sticky: true };
    /// assert_eq!(Format::BINARY64.round(&third), (1.0f64 / 3.0).to_bits());
    /// assert_eq!(Format::BINARY32.round(&third), u64::from((1.0f32 / 3.0).to_bits()));
    /// ```
    pub fn round(&self, exact: &Unrounded) -> u64 {
        let Unrounded { negative, significand, exponent, sticky } = *exact;
        if significand == 0 {
            debug_assert!(!sticky, "a significand of zero does not say how small the rest is");
            return self.encode_zero(negative);
        }
        if negative && !self.layout().sign {
            return self.encode_negative_without_sign();
        }
        debug_assert!(
            !sticky || significand.ilog2() > self.precision(),
            "sticky needs a significand of more than {} bits",
            self.precision() + 1
        );
        match self.rounded_magnitude(significand, i64::from(exponent), sticky) {
            Some(0) => self.encode_zero(negative),
            Some(magnitude) if magnitude <= self.max_finite() => self.signed(negative, magnitude),
            _ => self.encode_overflow(negative),
        }
    }

    /// The code that the magnitude rounds to if exponents had no upper end; `None` if it is far
    /// beyond that end.
    fn rounded_magnitude(&self, significand: u128, exponent: i64, sticky: bool) -> Option<u64> {
        let fraction_bits = i64::from(self.layout().fraction_bits);
        let leading = i64::from(significand.ilog2()) + exponent;
        let min_exponent = i64::from(self.min_exponent());
        if !self.layout().subnormals && leading < min_exponent {
            // The neighbours are zero (even) and the smallest normal number.
            let half = leading == min_exponent - 1;
            let above_half = half && (!significand.is_power_of_two() || sticky);
            return Some(if above_half { self.min_normal() } else { 0 });
        }
        // The spacing of the format where the number lies, and the field that belongs to it.
        let unit = leading.max(min_exponent) - fraction_bits;
        let field = leading.max(min_exponent) - min_exponent + 1;
        if field >= 1 << self.layout().exponent_bits {
            return None;
        }
        let kept = round_to_unit(significand, unit - exponent, sticky);
        // A subnormal number has field 1 and no implied bit. A carry out of the fraction moves
        // into the exponent field, which is where it belongs.
        let magnitude = (u128::from(field as u64 - 1) << fraction_bits) + kept;
        u64::try_from(magnitude).ok()
    }

    fn encode_zero(&self, negative: bool) -> u64 {
        self.signed(negative && self.has_negative_zero(), 0)
    }

    fn encode_overflow(&self, negative: bool) -> u64 {
        match self.layout().overflow {
            Overflow::Infinity => self.signed(negative, self.max_finite() + 1),
            Overflow::Saturate => self.signed(negative, self.max_finite()),
            Overflow::Nan => self.encode_nan(negative, 1 << 63),
        }
    }

    fn encode_negative_without_sign(&self) -> u64 {
        self.nan().unwrap_or(0) // without a sign there is no negative zero
    }

    fn encode_nan(&self, negative: bool, fraction: u64) -> u64 {
        match self.layout().nan {
            NanCodes::TopExponent => {
                let quiet = 1 << (self.layout().fraction_bits - 1);
                let kept = fraction >> (64 - self.layout().fraction_bits) | quiet;
                self.signed(negative, (self.max_finite() + 1) | kept)
            }
            NanCodes::AllOnes => self.signed(negative, self.magnitude_mask()),
            NanCodes::NegativeZero => self.sign_mask(),
            NanCodes::None => self.encode_zero(true),
        }
    }
}

/// `significand` / 2^shift (+ something if sticky), rounded to an integer, ties to even.
fn round_to_unit(significand: u128, shift: i64, sticky: bool) -> u128 {
    if shift <= 0 {
        // The significand has no more bits than the format: nothing to round.
        return significand << -shift;
    }
    if shift > 128 {
        return 0; // below one half
    }
    let kept = significand.checked_shr(shift as u32).unwrap_or(0);
    let half = significand >> (shift - 1) & 1 == 1;
    let rest = sticky || significand.trailing_zeros() < shift as u32 - 1;
    let odd = kept & 1 == 1;
    kept + u128::from(half && (rest || odd))
}
