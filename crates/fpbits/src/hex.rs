//! Hexadecimal floating-point text, as in C: `0x1.999999999999ap-4`. Exact, and short.

#[cfg(feature = "alloc")]
use crate::Number;
use crate::{Context, Format, FpbitsError, Rounded, Unrounded, Value};
#[cfg(feature = "alloc")]
use alloc::{format, string::String};

impl Format {
    /// The value of a code in hexadecimal, with one digit 1 before the point; `None` for infinity
    /// and NaN.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// assert_eq!(Format::BINARY64.to_hex(0.1f64.to_bits()).unwrap(), "0x1.999999999999ap-4");
    /// assert_eq!(Format::BINARY64.to_hex(1).unwrap(), "0x1p-1074");
    /// ```
    #[cfg(feature = "alloc")]
    pub fn to_hex(&self, code: u64) -> Option<String> {
        match self.decode(code) {
            Value::Zero { negative } => Some(format!("{}0x0p+0", minus(negative))),
            Value::Finite(number) => Some(hex(number)),
            Value::Infinite { .. } | Value::Nan { .. } => None,
        }
    }

    /// The code nearest to a number in hexadecimal: `[+-]0x` digits `[.` digits `]` `p` `[+-]`
    /// decimal digits. The exponent, of two, may not be missing.
    ///
    /// # Errors
    /// If the text is not of this form.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// assert_eq!(Format::BINARY32.parse_hex("0x1.8p1").unwrap(), u64::from(3f32.to_bits()));
    /// ```
    pub fn parse_hex(&self, text: &str) -> Result<u64, FpbitsError> {
        Ok(self.parse_hex_with(text, Context::NEAREST_EVEN)?.code)
    }

    /// The code that a number in hexadecimal rounds to, and the exceptions; see
    /// [`Format::parse_hex`].
    ///
    /// # Errors
    /// If the text is not of this form.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Flags, Format, Rounding};
    /// let up = Format::BINARY16.parse_hex_with("0x1.0001p0", Context::new(Rounding::Up)).unwrap();
    /// assert_eq!((up.code, up.flags), (0x3c01, Flags::INEXACT));
    /// ```
    pub fn parse_hex_with(&self, text: &str, context: Context) -> Result<Rounded, FpbitsError> {
        let refuse = |offset, expected| Err(FpbitsError::NotANumber { offset, expected });
        let bytes = text.as_bytes();
        let negative = bytes.first() == Some(&b'-');
        let mut at = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
        if !matches!(bytes.get(at..at + 2), Some(b"0x" | b"0X")) {
            return refuse(at, "0x");
        }
        at += 2;
        let (mut significand, mut exponent, mut sticky) = (0u128, 0i64, false);
        let (mut digits, mut in_fraction) = (0, false);
        while let Some(&byte) = bytes.get(at) {
            if byte == b'.' && !in_fraction {
                in_fraction = true;
            } else if let Some(digit) = char::from(byte).to_digit(16) {
                digits += 1;
                if significand >> 124 == 0 {
                    significand = significand << 4 | u128::from(digit);
                    exponent -= if in_fraction { 4 } else { 0 };
                } else {
                    sticky |= digit != 0;
                    exponent += if in_fraction { 0 } else { 4 };
                }
            } else {
                break;
            }
            at += 1;
        }
        if digits == 0 {
            return refuse(at, "a hexadecimal digit");
        }
        if !matches!(bytes.get(at), Some(b'p' | b'P')) {
            return refuse(at, "p and the exponent of two");
        }
        at += 1;
        let exponent_negative = bytes.get(at) == Some(&b'-');
        at += usize::from(matches!(bytes.get(at), Some(b'-' | b'+')));
        let first = at;
        let mut power = 0i64;
        while let Some(digit) = bytes.get(at).filter(|b| b.is_ascii_digit()) {
            power = (power * 10 + i64::from(digit - b'0')).min(1 << 40);
            at += 1;
        }
        if at == first {
            return refuse(at, "a digit of the exponent");
        }
        if at < bytes.len() {
            return refuse(at, "the end");
        }
        exponent += if exponent_negative { -power } else { power };
        if significand == 0 {
            return Ok(self.encode_with(&Value::Zero { negative }, context));
        }
        // Far beyond every format is as good as anything farther.
        let exponent = exponent.clamp(-1 << 24, 1 << 24) as i32;
        Ok(self.round_with(&Unrounded { negative, significand, exponent, sticky }, context))
    }
}

#[cfg(feature = "alloc")]
fn minus(negative: bool) -> &'static str {
    if negative { "-" } else { "" }
}

#[cfg(feature = "alloc")]
fn hex(number: Number) -> String {
    let exponent = number.leading_exponent();
    // The bits after the leading one, moved to the top.
    let fraction = match number.significand.leading_zeros() {
        63 => 0,
        zeros => number.significand << (zeros + 1),
    };
    let digits = format!("{fraction:016x}");
    let digits = digits.trim_end_matches('0');
    let point = if digits.is_empty() { "" } else { "." };
    format!("{}0x1{point}{digits}p{exponent:+}", minus(number.negative))
}
