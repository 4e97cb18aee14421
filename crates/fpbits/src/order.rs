//! The values of a format in their order: positions, neighbours, distances, spacing.

use crate::{Class, Format, Number, Value};
use core::iter::FusedIterator;

impl Format {
    /// The position of a value in the order of all values of the format: 0 for zero (either
    /// code), 1 for the smallest positive number, one more for each next, infinity last; below
    /// zero the same with a minus. Without a zero, 0 is the smallest positive number and -1 the
    /// largest negative one. `None` for NaN.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// let f = Format::BINARY32;
    /// assert_eq!(f.ordinal(1), Some(1));
    /// assert_eq!(f.ordinal(0x8000_0002), Some(-2));
    /// assert_eq!(f.ordinal(f.nan().unwrap()), None);
    /// ```
    pub const fn ordinal(&self, code: u64) -> Option<i128> {
        let magnitude = (code & self.magnitude_mask()) as i128;
        let position = match self.classify(code) {
            Class::Nan => return None,
            Class::Zero => 0,
            _ => magnitude - self.codes_before_first(),
        };
        let negative = code & self.sign_mask() != 0;
        Some(match (negative, self.layout().zero) {
            (false, _) => position,
            (true, true) => -position,
            (true, false) => -1 - position,
        })
    }

    /// The code at a position (see [`Format::ordinal`]), zero as positive zero; `None` beyond
    /// the last value.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// assert_eq!(Format::E4M3FN.from_ordinal(126), Some(0x7e)); // 448
    /// assert_eq!(Format::E4M3FN.from_ordinal(127), None);
    /// ```
    pub const fn from_ordinal(&self, ordinal: i128) -> Option<u64> {
        let negative = ordinal < 0;
        if ordinal.unsigned_abs() >> 64 != 0 || negative && !self.layout().sign {
            return None;
        }
        let position = match (negative, self.layout().zero) {
            (false, _) => ordinal,
            (true, true) => -ordinal,
            (true, false) => -1 - ordinal,
        };
        if position == 0 && self.layout().zero {
            return Some(0);
        }
        let magnitude = position + self.codes_before_first();
        let last = self.max_finite() as i128 + self.layout().infinities as i128;
        if magnitude > last { None } else { Some(self.signed(negative, magnitude as u64)) }
    }

    /// How many codes lie below the one whose position is 0: what zero takes up besides its own.
    const fn codes_before_first(&self) -> i128 {
        self.min_positive() as i128 - self.layout().zero as i128
    }

    /// The code of the next greater value. `None` after the last one and for NaN. The value
    /// below the smallest positive number is zero; coming from below, negative zero if there is
    /// one.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// assert_eq!(Format::BINARY64.next_up(0.1f64.to_bits()), Some(0.1f64.next_up().to_bits()));
    /// assert_eq!(Format::E4M3FN.next_up(0x7e), None); // 448 is the last
    /// ```
    pub const fn next_up(&self, code: u64) -> Option<u64> {
        let Some(ordinal) = self.ordinal(code) else { return None };
        if ordinal == -1 && self.has_negative_zero() {
            return Some(self.sign_mask());
        }
        self.from_ordinal(ordinal + 1)
    }

    /// The code of the next smaller value; the mirror image of [`Format::next_up`].
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// assert_eq!(Format::E4M3FN.next_down(0x38), Some(0x37)); // 1 to 0.9375
    /// assert_eq!(Format::E4M3FN.next_down(0x00), Some(0x81)); // 0 to -2^-9
    /// ```
    pub const fn next_down(&self, code: u64) -> Option<u64> {
        let Some(ordinal) = self.ordinal(code) else { return None };
        self.from_ordinal(ordinal - 1)
    }

    /// How many steps to the neighbour lead from one value to the other; `u64::MAX` if either is
    /// NaN. For `f32` and `f64` there is [`ulp_distance`](crate::ulp_distance).
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// let f = Format::BFLOAT16;
    /// assert_eq!(f.ulp_distance(f.parse("1").unwrap(), f.parse("2").unwrap()), 128);
    /// ```
    pub const fn ulp_distance(&self, a: u64, b: u64) -> u64 {
        match (self.ordinal(a), self.ordinal(b)) {
            (Some(a), Some(b)) => a.abs_diff(b) as u64,
            _ => u64::MAX,
        }
    }

    /// The spacing of the format at a finite value, a power of two; see
    /// [`Ulp::ulp`](crate::Ulp::ulp). `None` for infinity and NaN.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Format, Number};
    /// let f = Format::BINARY16;
    /// assert_eq!(f.ulp(f.parse("1000").unwrap()), Some(Number::power_of_two(-1)));
    /// ```
    pub const fn ulp(&self, code: u64) -> Option<Number> {
        let leading = match self.decode(code) {
            Value::Zero { .. } => self.min_exponent(),
            Value::Finite(number) => number.leading_exponent(),
            Value::Infinite { .. } | Value::Nan { .. } => return None,
        };
        let exponent = if leading > self.min_exponent() { leading } else { self.min_exponent() };
        Some(Number::power_of_two(exponent - self.layout().fraction_bits as i32))
    }

    /// The codes of every finite value, ascending; zero once.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// let f = Format::E2M1;
    /// let values: Vec<String> =
    ///     f.finite_values().map(|code| f.to_decimal(code).unwrap().to_string()).collect();
    /// assert_eq!(
    ///     values.join(" "),
    ///     "-6 -4 -3 -2 -1.5 -1 -0.5 0 0.5 1 1.5 2 3 4 6"
    /// );
    /// ```
    pub const fn finite_values(&self) -> FiniteValues {
        let last = self.max_finite() as i128 - self.codes_before_first();
        let first = match (self.layout().sign, self.layout().zero) {
            (false, _) => 0,
            (true, true) => -last,
            (true, false) => -1 - last,
        };
        FiniteValues { format: *self, next: first, last }
    }
}

/// The codes of every finite value of a format; see [`Format::finite_values`].
#[derive(Clone, Debug)]
pub struct FiniteValues {
    format: Format,
    next: i128,
    last: i128,
}

impl Iterator for FiniteValues {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if self.next > self.last {
            return None;
        }
        let code = self.format.from_ordinal(self.next);
        self.next += 1;
        code
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.last - self.next + 1);
        (left.unwrap_or(usize::MAX), left.ok())
    }
}

impl FusedIterator for FiniteValues {}
