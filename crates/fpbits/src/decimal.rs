//! Exact decimal numbers.
//!
//! Every binary fraction is a decimal one, because 2^-n = 5^n / 10^n: the decimal expansion of a
//! float always ends. The reverse does not hold, which is why 0.1 has to be rounded.

use crate::natural::Natural;
use crate::{Context, Format, FpbitsError, Number, Rounded, Unrounded, Value};
use alloc::format;
use alloc::string::String;
use core::cmp::Ordering;
use core::fmt;
use core::str::FromStr;

/// A number written in decimal, of any length: (-1)^negative x coefficient x 10^exponent.
///
/// `{}` writes it out in full (`0.00123`), `{:e}` with one digit before the point (`1.23e-3`).
///
/// # Examples
/// ```
/// use fpbits::{Decimal, Format};
/// let f = Format::BINARY64;
/// let stored = f.to_decimal(0.1f64.to_bits()).unwrap();
/// assert_eq!(
///     stored.to_string(),
///     "0.1000000000000000055511151231257827021181583404541015625"
/// );
/// let typed: Decimal = "0.1".parse().unwrap();
/// let error = stored.subtract(&typed);
/// assert_eq!(format!("{error:e}"), "5.5511151231257827021181583404541015625e-18");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    negative: bool,
    /// Not divisible by ten, unless zero.
    coefficient: Natural,
    exponent: i32,
}

/// Beyond this exponent `{}` would be mostly zeros and switches to `{:e}`. binary64 needs 1074.
const LONGEST_PLAIN_EXPONENT: u32 = 20_000;

impl Decimal {
    pub(crate) fn new(negative: bool, mut coefficient: Natural, mut exponent: i32) -> Decimal {
        if coefficient.is_zero() {
            return Decimal { negative, coefficient, exponent: 0 };
        }
        // Long runs of zeros first, then the zeros left.
        for (power, zeros) in [(10u64.pow(19), 19), (10, 1)] {
            loop {
                let mut quotient = coefficient.clone();
                if quotient.divide(power) != 0 {
                    break;
                }
                coefficient = quotient;
                exponent += zeros;
            }
        }
        Decimal { negative, coefficient, exponent }
    }

    /// The exact decimal form of a binary number.
    pub fn from_number(number: Number) -> Decimal {
        let Number { negative, significand, exponent } = number.reduced();
        let mut coefficient = Natural::new(significand);
        if exponent >= 0 {
            coefficient.shift_left(exponent as u64);
            Decimal::new(negative, coefficient, 0)
        } else {
            // significand odd: the product with a power of five ends in 5, never in 0.
            coefficient.multiply_power_of_five(exponent.unsigned_abs());
            Decimal { negative, coefficient, exponent }
        }
    }

    /// Whether the number is zero.
    pub fn is_zero(&self) -> bool {
        self.coefficient.is_zero()
    }

    /// Whether the sign is a minus (zero has one, too).
    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// The significant digits, without leading and trailing zeros; empty for zero.
    pub fn digits(&self) -> String {
        self.coefficient.to_digits()
    }

    /// The exponent of ten that belongs to the first digit: `d.ddd x 10^exponent`; 0 for zero.
    pub fn scientific_exponent(&self) -> i32 {
        match self.digits().len() {
            0 => 0,
            length => self.exponent + (length as i32 - 1),
        }
    }

    /// The number without its sign.
    pub fn magnitude(&self) -> Decimal {
        Decimal { negative: false, ..self.clone() }
    }

    /// self - other, exactly.
    ///
    /// # Panics
    /// If the exponents are more than a million apart; binary64's are within 1100.
    pub fn subtract(&self, other: &Decimal) -> Decimal {
        let exponent = self.exponent.min(other.exponent);
        let aligned = |decimal: &Decimal| {
            let mut coefficient = decimal.coefficient.clone();
            let places = decimal.exponent.abs_diff(exponent);
            assert!(places <= 1_000_000, "decimals {places} places apart");
            coefficient.multiply_power_of_ten(places);
            coefficient
        };
        let (mut left, mut right) = (aligned(self), aligned(other));
        if self.negative != other.negative {
            left.add(&right);
            return Decimal::new(self.negative, left, exponent);
        }
        match left.cmp(&right) {
            Ordering::Less => {
                right.subtract(&left);
                Decimal::new(!self.negative, right, exponent)
            }
            Ordering::Equal => Decimal::new(false, Natural::new(0), 0),
            Ordering::Greater => {
                left.subtract(&right);
                Decimal::new(self.negative, left, exponent)
            }
        }
    }
}

impl Format {
    /// The exact decimal value of a code; `None` for infinity and NaN.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// let smallest = Format::BINARY16.to_decimal(1).unwrap();
    /// assert_eq!(smallest.to_string(), "0.000000059604644775390625");
    /// ```
    pub fn to_decimal(&self, code: u64) -> Option<Decimal> {
        match self.decode(code) {
            Value::Zero { negative } => Some(Decimal::new(negative, Natural::new(0), 0)),
            Value::Finite(number) => Some(Decimal::from_number(number)),
            Value::Infinite { .. } | Value::Nan { .. } => None,
        }
    }

    /// The code nearest to a decimal number, ties to even.
    ///
    /// # Accuracy
    /// Correctly rounded (at most 0.5 ulp), however many digits there are.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Decimal, Format};
    /// let tenth: Decimal = "0.1".parse().unwrap();
    /// assert_eq!(Format::BINARY32.from_decimal(&tenth), 0.1f32.to_bits().into());
    /// ```
    pub fn from_decimal(&self, decimal: &Decimal) -> u64 {
        self.from_decimal_with(decimal, Context::NEAREST_EVEN).code
    }

    /// The code that a decimal number rounds to, and the exceptions.
    ///
    /// # Accuracy
    /// Correctly rounded, however many digits there are.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Decimal, Format, Rounding};
    /// let tenth: Decimal = "0.1".parse().unwrap();
    /// let down = Format::BINARY32.from_decimal_with(&tenth, Context::new(Rounding::Down));
    /// assert_eq!(down.code + 1, 0.1f32.to_bits().into()); // the nearest lies above
    /// ```
    pub fn from_decimal_with(&self, decimal: &Decimal, context: Context) -> Rounded {
        let negative = decimal.negative;
        if decimal.is_zero() {
            return self.encode_with(&Value::Zero { negative }, context);
        }
        self.round_with(&self.in_binary(decimal), context)
    }

    /// A decimal number to at least 128 leading bits, if it is in or near the format's range;
    /// else some number equally far out.
    fn in_binary(&self, decimal: &Decimal) -> Unrounded {
        let Decimal { negative, ref coefficient, exponent } = *decimal;
        // 2^(b-1) <= coefficient < 2^b and 10^e lies between 2^(3.321 e) and 2^(3.322 e).
        let bits = coefficient.bit_length() as i64;
        let power = i64::from(exponent);
        let (low, high) = (power * 3321 / 1000 - 1, power * 3322 / 1000 + 1);
        let least = bits - 1 + low.min(high);
        let most = bits + low.max(high);
        let outside =
            |exponent: i32| Unrounded { negative, significand: 1 << 127, exponent, sticky: true };
        if least > i64::from(self.min_exponent()) + (1 << self.layout().exponent_bits) {
            return outside(100_000);
        }
        if most < i64::from(self.quantum_exponent()) - 2 {
            return outside(-200_000);
        }
        if exponent >= 0 {
            let mut integer = coefficient.clone();
            integer.multiply_power_of_ten(exponent as u32);
            let (significand, cut, sticky) = integer.leading_bits();
            return Unrounded { negative, significand, exponent: cut as i32, sticky };
        }
        let mut divisor = Natural::new(1);
        divisor.multiply_power_of_five(exponent.unsigned_abs());
        let (significand, binary, sticky) = quotient(coefficient, &divisor);
        Unrounded { negative, significand, exponent: binary + exponent, sticky }
    }
}

/// dividend / divisor as 128 or 127 leading bits x 2^exponent, and whether anything follows. By
/// long division, a bit a step.
fn quotient(dividend: &Natural, divisor: &Natural) -> (u128, i32, bool) {
    let (mut rest, mut divisor) = (dividend.clone(), divisor.clone());
    let (dividend_bits, divisor_bits) = (rest.bit_length(), divisor.bit_length());
    // Align the leading bits, so that the quotient is between 1/2 and 2.
    rest.shift_left(divisor_bits.saturating_sub(dividend_bits));
    divisor.shift_left(dividend_bits.saturating_sub(divisor_bits));
    let mut quotient = 0u128;
    for step in 0..128 {
        if step > 0 {
            rest.shift_left(1);
        }
        quotient <<= 1;
        if rest.cmp(&divisor) != Ordering::Less {
            rest.subtract(&divisor);
            quotient |= 1;
        }
    }
    let exponent = dividend_bits as i64 - divisor_bits as i64 - 127;
    (quotient, exponent as i32, !rest.is_zero())
}

/// Reads `[+-]digits[.digits][(e|E)[+-]digits]`, with at least one digit before or after the
/// point.
impl FromStr for Decimal {
    type Err = FpbitsError;

    fn from_str(text: &str) -> Result<Decimal, FpbitsError> {
        let bytes = text.as_bytes();
        let digits_from =
            |start: usize| bytes[start..].iter().take_while(|b| b.is_ascii_digit()).count();
        let refuse = |offset, expected| Err(FpbitsError::NotANumber { offset, expected });

        let negative = bytes.first() == Some(&b'-');
        let start = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
        let whole = &bytes[start..start + digits_from(start)];
        let mut at = start + whole.len();
        let mut fraction = &bytes[0..0];
        if bytes.get(at) == Some(&b'.') {
            fraction = &bytes[at + 1..at + 1 + digits_from(at + 1)];
            at += 1 + fraction.len();
        }
        if whole.is_empty() && fraction.is_empty() {
            return refuse(start, "a digit");
        }
        let mut exponent = 0i64;
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            let sign = bytes.get(at + 1).copied();
            let first = at + 1 + usize::from(matches!(sign, Some(b'-' | b'+')));
            let count = bytes.get(first..).map_or(0, |_| digits_from(first));
            if count == 0 {
                return refuse(first, "a digit of the exponent");
            }
            exponent = saturating_integer(&bytes[first..first + count]);
            exponent = if sign == Some(b'-') { -exponent } else { exponent };
            at = first + count;
        }
        if at < bytes.len() {
            return refuse(at, "the end");
        }
        let coefficient = Natural::from_digits(whole.iter().chain(fraction).copied());
        let exponent = exponent - fraction.len() as i64;
        let exponent = exponent.clamp(-FARTHEST_EXPONENT, FARTHEST_EXPONENT) as i32;
        Ok(Decimal::new(negative, coefficient, exponent))
    }
}

/// Exponents of ten beyond this are beyond every format, and are read as this.
const FARTHEST_EXPONENT: i64 = 1_000_000_000;

fn saturating_integer(digits: &[u8]) -> i64 {
    digits.iter().fold(0, |n, digit| (n * 10 + i64::from(digit - b'0')).min(FARTHEST_EXPONENT * 2))
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits();
        if self.exponent.unsigned_abs() > LONGEST_PLAIN_EXPONENT {
            return fmt::LowerExp::fmt(self, f);
        }
        // The number of digits before the point; it may lie left or right of all of them.
        let point = digits.len() as i32 + self.exponent;
        let text = if digits.is_empty() {
            String::from("0")
        } else if point <= 0 {
            format!("0.{:0<1$}{digits}", "", point.unsigned_abs() as usize)
        } else if self.exponent >= 0 {
            format!("{digits}{:0<1$}", "", self.exponent as usize)
        } else {
            let (whole, fraction) = digits.split_at(point as usize);
            format!("{whole}.{fraction}")
        };
        f.pad_integral(!self.negative, "", &text)
    }
}

impl fmt::LowerExp for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits();
        let exponent = self.scientific_exponent();
        let text = match digits.len() {
            0 => String::from("0e0"),
            1 => format!("{digits}e{exponent}"),
            _ => format!("{}.{}e{exponent}", &digits[..1], &digits[1..]),
        };
        f.pad_integral(!self.negative, "", &text)
    }
}
