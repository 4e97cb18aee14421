//! Numbers as people write them: parsing into any format, and the shortest text that comes back.

use crate::{Decimal, Format, FpbitsError, Value};
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
        let negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        if unsigned.eq_ignore_ascii_case("inf") || unsigned.eq_ignore_ascii_case("infinity") {
            return Ok(self.encode(&Value::Infinite { negative }));
        }
        if unsigned.eq_ignore_ascii_case("nan") {
            return Ok(self.encode(&Value::Nan { negative, fraction: 1 << 63 }));
        }
        if unsigned.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x")) {
            return self.parse_hex(text);
        }
        Ok(self.from_decimal(&text.parse()?))
    }

    /// The shortest decimal number that rounds to this code and, among those, the closest to its
    /// value, the even one of two equally close; `inf`, `-inf` and `NaN` for the rest. Exponents are used from 1e17 up and below
    /// 1e-5.
    ///
    /// # Method
    /// For 1, 2, 3, ... digits, the exact value is cut to that length, and rounded up to it. If
    /// any decimal of that length rounds to the code, then one of these two does.
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
                let shortest = self.shortest(&Decimal::from_number(number), code);
                match shortest.scientific_exponent() {
                    -5..17 => shortest.to_string(),
                    _ => format!("{shortest:e}"),
                }
            }
        }
    }

    fn shortest(&self, exact: &Decimal, code: u64) -> Decimal {
        let code = code & (self.sign_mask() | self.magnitude_mask());
        let digits = exact.digits();
        for count in 1..digits.len() {
            let (lower, upper) = exact.cut(&digits, count);
            match (self.from_decimal(&lower) == code, self.from_decimal(&upper) == code) {
                (false, false) => continue,
                (true, false) => return lower,
                (false, true) => return upper,
                (true, true) => {
                    let (below, above) = (exact.subtract(&lower), upper.subtract(exact));
                    let even = digits.as_bytes()[count - 1].is_multiple_of(2); // b'0' is even
                    let up = above.is_smaller(&below) || !even && !below.is_smaller(&above);
                    return if up { upper } else { lower };
                }
            }
        }
        exact.clone()
    }
}
