//! Numbers as people write them: parsing into any format, and the shortest text that comes back.

use crate::{Context, Format, FpbitsError, Rounded, Value};
use alloc::format;
use alloc::string::{String, ToString};

impl Format {
    /// The code nearest to a number in text, ties to even: decimal (`-1.5e3`), hexadecimal with
    /// exponent (`0x1.8p1`), `inf`, `infinity` or `nan` in any case, with a sign before it.
    ///
    /// # Accuracy
    /// Correctly rounded (at most 0.5 ulp), however long the text.
    ///
    /// # Errors
    /// If the text is none of these; the error says where.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// assert_eq!(Format::BINARY64.parse("0.1").unwrap(), 0.1f64.to_bits());
    /// assert_eq!(Format::E4M3FN.parse("-0.1").unwrap(), 0x9d); // -0.1015625
    /// assert!(Format::BINARY64.parse("0.1.2").is_err());
    /// ```
    pub fn parse(&self, text: &str) -> Result<u64, FpbitsError> {
        Ok(self.parse_with(text, Context::NEAREST_EVEN)?.code)
    }

    /// The code that a number in text rounds to, and the exceptions; see [`Format::parse`].
    ///
    /// # Accuracy
    /// Correctly rounded, however long the text.
    ///
    /// # Errors
    /// If the text is not a number; the error says where.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Context, Flags, Format, Rounding};
    /// let f = Format::BINARY32;
    /// let up = f.parse_with("0.1", Context::new(Rounding::Up)).unwrap();
    /// let down = f.parse_with("0.1", Context::new(Rounding::Down)).unwrap();
    /// assert_eq!((up.code - down.code, up.flags), (1, Flags::INEXACT));
    /// assert_eq!(f.parse_with("0.5", Context::NEAREST_EVEN).unwrap().flags, Flags::NONE);
    /// ```
    pub fn parse_with(&self, text: &str, context: Context) -> Result<Rounded, FpbitsError> {
        let negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        if unsigned.eq_ignore_ascii_case("inf") || unsigned.eq_ignore_ascii_case("infinity") {
            return Ok(self.encode_with(&Value::Infinite { negative }, context));
        }
        if unsigned.eq_ignore_ascii_case("nan") {
            return Ok(self.encode_with(&Value::Nan { negative, fraction: 1 << 63 }, context));
        }
        if unsigned.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x")) {
            return self.parse_hex_with(text, context);
        }
        Ok(self.from_decimal_with(&text.parse()?, context))
    }

    /// The shortest decimal number that rounds to this code and, among those, the closest to its
    /// value, the even one of two equally close; `inf`, `-inf` and `NaN` for the rest. Exponents are
    /// used from 1e17 up and below 1e-5.
    ///
    /// The largest number is treated as if a next one followed, even where everything larger
    /// saturates to it: E2M3's prints as 7.5, not as 8.
    ///
    /// # Examples
    /// ```
    /// use fpbits::Format;
    /// assert_eq!(Format::BINARY64.to_shortest(0.1f64.to_bits()), "0.1");
    /// assert_eq!(Format::BINARY64.to_shortest(1), "5e-324");
    /// assert_eq!(Format::BINARY16.to_shortest(0x2e66), "0.1");
    /// assert_eq!(Format::E5M2.to_shortest(0x2e), "0.09"); // 0.09375, to which 0.1 rounds, too
    /// ```
    pub fn to_shortest(&self, code: u64) -> String {
        match self.decode(code) {
            Value::Nan { .. } => "NaN".to_string(),
            Value::Infinite { negative: false } => "inf".to_string(),
            Value::Infinite { negative: true } => "-inf".to_string(),
            Value::Zero { negative: false } => "0".to_string(),
            Value::Zero { negative: true } => "-0".to_string(),
            Value::Finite(number) => {
                let shortest = self.shortest(number, code);
                match shortest.scientific_exponent() {
                    -5..17 => shortest.to_string(),
                    _ => format!("{shortest:e}"),
                }
            }
        }
    }
}
