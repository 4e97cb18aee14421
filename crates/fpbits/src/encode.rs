//! From an exact value to a code: the only place in the soft path where anything is lost.

use crate::rounding::split;
use crate::{Context, Discarded, Flags, Format, NanCodes, Overflow, Rounded, Rounding};
use crate::{Tininess, Unrounded, Value};

impl Format {
    /// The code of the value nearest to `value`, ties to even. [`Format::encode_with`] has the
    /// other directions and the exceptions.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Format, Value};
    /// assert_eq!(Format::E5M2.encode(&Value::of_f64(1.1)), 0x3c); // 1
    /// assert_eq!(Format::E5M2.encode(&Value::of_f64(1.2)), 0x3d); // 1.25
    /// ```
    pub const fn encode(&self, value: &Value) -> u64 {
        self.encode_with(value, Context::NEAREST_EVEN).code
    }

    /// The code that `value` rounds to, and the exceptions.
    ///
    /// What the format has no code for is answered as follows.
    ///
    /// - Infinity without infinities: as an overflow.
    /// - NaN without NaN: negative zero, as ml_dtypes has it for a positive NaN, and invalid.
    /// - A negative number without a sign bit that does not round to zero lies below the range: zero
    ///   (P3109), or NaN if that is what overflow gives (E8M0); overflow.
    /// - Negative zero where there is none: zero.
    /// - Zero in a format without: NaN and invalid. A number nearer to zero than its smallest one: the
    ///   smallest of its sign; without a sign bit a negative one is below the range however small.
    ///
    /// # Accuracy
    /// Correctly rounded.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Flags, Format, Rounding, Value};
    /// let third = Value::of_f64(1.0 / 3.0);
    /// let down = Format::BINARY16.encode_with(&third, Context::new(Rounding::Down));
    /// assert_eq!((down.code, down.flags), (0x3555, Flags::INEXACT));
    /// let large = Format::E4M3FN.encode_with(&Value::of_f64(1e9), Context::NEAREST_EVEN);
    /// assert_eq!((large.code, large.flags), (0x7f, Flags::OVERFLOW | Flags::INEXACT));
    /// ```
    pub const fn encode_with(&self, value: &Value, context: Context) -> Rounded {
        match *value {
            Value::Zero { negative } => self.encode_zero(negative),
            Value::Finite(number) => self.round_with(&Unrounded::of(number), context),
            Value::Infinite { negative } => self.encode_infinity(negative),
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
    pub const fn round(&self, exact: &Unrounded) -> u64 {
        self.round_with(exact, Context::NEAREST_EVEN).code
    }

    /// The code that an unrounded result rounds to, and the exceptions.
    ///
    /// # Panics
    /// In debug builds if `sticky` is set and the significand has too few bits to round by: two
    /// more than the precision, and as many as there are random bits.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Format, Rounding, Unrounded};
    /// let third =
    ///     Unrounded { negative: true, significand: u128::MAX / 3, exponent: -128, sticky: true };
    /// let down = Format::BINARY64.round_with(&third, Context::new(Rounding::Down));
    /// assert_eq!(f64::from_bits(down.code), (-1.0f64 / 3.0).next_down());
    /// ```
    pub const fn round_with(&self, exact: &Unrounded, context: Context) -> Rounded {
        if exact.significand == 0 {
            debug_assert!(!exact.sticky, "zero does not say how small the rest is");
            return self.encode_zero(exact.negative);
        }
        self.decide(exact, context).result
    }

    /// Rounds a number other than zero, and says how.
    pub(crate) const fn decide(&self, exact: &Unrounded, context: Context) -> Decision {
        let Unrounded { negative, significand, exponent, sticky } = *exact;
        let (rounding, m) = (context.rounding, self.layout().fraction_bits);
        debug_assert!(
            !sticky || significand.ilog2() >= m + 1 + rounding.resolution(),
            "too few bits to round by"
        );
        let (first, exponent) = (self.min_exponent() as i64, exponent as i64);
        let leading = significand.ilog2() as i64 + exponent;
        let (binade, below) = (if leading > first { leading } else { first }, leading < first);
        // Without subnormal numbers the neighbours below the normal range are zero and the
        // smallest normal number: nothing is kept.
        let unit = if below && !self.layout().subnormals { first } else { binade - m as i64 };
        let (kept, discarded) = split(significand, unit - exponent, sticky, rounding);
        let implied = if self.layout().zero { 0 } else { 1 << m };
        // A subnormal number has no implied bit, and the same binade as the smallest normal ones.
        // A carry out of the fraction moves into the exponent field, which is where it belongs.
        let truncated = match below && !self.layout().subnormals {
            true => 0,
            false => ((((binade - first) as u128) << m) + kept).wrapping_sub(implied),
        };
        let odd = match (m, self.layout().zero) {
            (0, true) => truncated & 1 == 1,
            _ => kept & 1 == 1,
        };
        let away = discarded.away_from_zero(rounding, negative, odd);
        let magnitude = match (away, below && !self.layout().subnormals) {
            (false, _) => truncated,
            (true, false) => truncated + 1,
            (true, true) => self.min_normal() as u128,
        };
        let before = matches!(context.tininess, Tininess::BeforeRounding);
        let tiny = below && (before || !self.carries_into_normal(exact, rounding));
        let inexact = !discarded.is_zero();
        let flags = Flags::INEXACT.when(inexact).union(Flags::UNDERFLOW.when(inexact && tiny));
        let result = if magnitude == 0 && self.layout().zero {
            Rounded { code: self.encode_zero(negative).code, flags }
        } else if negative && !self.layout().sign {
            self.encode_below_range()
        } else if below && !self.layout().zero {
            // Nothing is smaller than the smallest.
            let flags = Flags::INEXACT.union(Flags::UNDERFLOW);
            Rounded { code: self.signed(negative, 0), flags }
        } else if magnitude > self.max_finite() as u128 {
            self.encode_overflow(negative, rounding)
        } else {
            Rounded { code: self.signed(negative, magnitude as u64), flags }
        };
        Decision { unit: unit as i32, kept: kept as u64, discarded, odd, away, result }
    }

    /// Whether a number just below the smallest normal one rounds up to it at full precision.
    const fn carries_into_normal(&self, exact: &Unrounded, rounding: Rounding) -> bool {
        let Unrounded { negative, significand, exponent, sticky } = *exact;
        let leading = significand.ilog2() as i64 + exponent as i64;
        if leading != self.min_exponent() as i64 - 1 {
            return false;
        }
        let shift = significand.ilog2() as i64 - self.layout().fraction_bits as i64;
        let (kept, discarded) = split(significand, shift, sticky, rounding);
        let ones = u128::MAX >> (128 - self.precision());
        kept == ones && discarded.away_from_zero(rounding, negative, true)
    }

    pub(crate) const fn encode_zero(&self, negative: bool) -> Rounded {
        if self.layout().zero {
            return Rounded::exact(self.signed(negative && self.has_negative_zero(), 0));
        }
        let code = match self.nan() {
            Some(code) => code,
            None => 0,
        };
        Rounded { code, flags: Flags::INVALID }
    }

    pub(crate) const fn encode_infinity(&self, negative: bool) -> Rounded {
        if negative && !self.layout().sign {
            return self.encode_below_range();
        }
        match self.infinity() {
            Some(code) if !matches!(self.layout().overflow, Overflow::Clamp) => {
                Rounded::exact(self.signed(negative, code))
            }
            _ => self.encode_overflow(negative, Rounding::NearestEven),
        }
    }

    const fn encode_overflow(&self, negative: bool, rounding: Rounding) -> Rounded {
        let last_is_odd =
            self.max_finite() & 1 == 1 || !self.layout().zero && self.precision() == 1;
        let stays = match rounding {
            Rounding::TowardZero => true,
            Rounding::Up => negative,
            Rounding::Down => !negative,
            Rounding::ToOdd => last_is_odd,
            _ => false,
        };
        let largest = self.signed(negative, self.max_finite());
        let code = match self.layout().overflow {
            _ if stays => largest,
            Overflow::Infinity => self.signed(negative, self.max_finite() + 1),
            Overflow::Saturate | Overflow::Clamp => largest,
            Overflow::Nan => self.nan_code(negative, 1 << 63),
        };
        Rounded { code, flags: Flags::OVERFLOW.union(Flags::INEXACT) }
    }

    /// What a negative number becomes in a format without a sign.
    const fn encode_below_range(&self) -> Rounded {
        let code = match (self.layout().overflow, self.nan()) {
            (Overflow::Nan, Some(nan)) => nan,
            _ => 0, // zero, or the smallest number
        };
        Rounded { code, flags: Flags::OVERFLOW.union(Flags::INEXACT) }
    }

    pub(crate) const fn encode_nan(&self, negative: bool, fraction: u64) -> Rounded {
        let lost = matches!(self.layout().nan, NanCodes::None);
        let signalling = fraction >> 63 == 0;
        Rounded {
            code: self.nan_code(negative, fraction),
            flags: Flags::INVALID.when(lost || signalling),
        }
    }

    /// The quiet NaN with this sign and the top of this payload, as far as the format has them.
    pub(crate) const fn nan_code(&self, negative: bool, fraction: u64) -> u64 {
        match self.layout().nan {
            NanCodes::TopExponent => {
                let quiet = 1 << (self.layout().fraction_bits - 1);
                let kept = fraction >> (64 - self.layout().fraction_bits) | quiet;
                self.signed(negative, (self.max_finite() + 1) | kept)
            }
            NanCodes::AllOnes => self.signed(negative, self.magnitude_mask()),
            NanCodes::NegativeZero => self.sign_mask(),
            NanCodes::None => self.signed(self.has_negative_zero(), 0),
        }
    }
}

/// How a number was rounded.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "alloc"), expect(dead_code, reason = "read by traces"))]
pub(crate) struct Decision {
    /// The exponent of the last place that is kept.
    pub(crate) unit: i32,
    /// The part that is kept, in units of the last place.
    pub(crate) kept: u64,
    /// The rest.
    pub(crate) discarded: Discarded,
    /// Whether the last bit kept counts as odd.
    pub(crate) odd: bool,
    /// Whether the larger magnitude was chosen.
    pub(crate) away: bool,
    /// The result.
    pub(crate) result: Rounded,
}
