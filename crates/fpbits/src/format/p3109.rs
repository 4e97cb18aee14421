//! The formats of IEEE P3109, "Arithmetic Formats for Machine Learning", as its interim report
//! (version 4.0) has them: <https://github.com/P3109/Public>.
//!
//! A format is named by its width K, its precision P, whether it has a sign, and whether it has
//! infinities: `binary8p3se` is 8 bits wide, has 3 significant bits, is signed and extended. All of
//! them have one zero, one NaN and subnormal numbers. The draft may still change.

use super::{Format, Layout, NanCodes, Overflow};
use crate::FpbitsError;
use core::fmt;

/// Whether a format has a sign bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signedness {
    /// With a sign bit; NaN takes the code that would be negative zero.
    Signed,
    /// Without; NaN is the last code.
    Unsigned,
}

/// Whether a format has infinities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Domain {
    /// With infinities, to which numbers too large overflow.
    Extended,
    /// Without; numbers too large become the largest finite value.
    Finite,
}

const fn layout(width: u32, precision: u32, signedness: Signedness, domain: Domain) -> Layout {
    let sign = matches!(signedness, Signedness::Signed);
    let infinities = matches!(domain, Domain::Extended);
    let exponent_bits = width - precision + !sign as u32;
    Layout {
        sign,
        exponent_bits,
        fraction_bits: precision - 1,
        // One more than IEEE 754's: no exponent is lost to infinities and NaN.
        bias: 1 << (exponent_bits - 1),
        zero: true,
        negative_zero: false,
        subnormals: true,
        infinities,
        nan: if sign { NanCodes::NegativeZero } else { NanCodes::AllOnes },
        overflow: if infinities { Overflow::Infinity } else { Overflow::Saturate },
    }
}

const fn eight_bits(precision: u32, signedness: Signedness, domain: Domain) -> Format {
    Format::of(layout(8, precision, signedness, domain).settled())
}

impl Format {
    /// The P3109 format of this width and precision.
    ///
    /// Its overflow is P3109's OvfInf where there are infinities and saturation where there are
    /// none; [`Format::with_overflow`] changes it.
    ///
    /// # Errors
    /// If the width is not within 2 to 15, the precision not within 1 to the width (with a sign:
    /// the width less one), or nothing but zero would be left.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Domain, Format, Signedness};
    /// let f = Format::p3109(8, 3, Signedness::Signed, Domain::Extended).unwrap();
    /// assert_eq!(f.to_string(), "binary8p3se");
    /// assert_eq!(f.layout().bias, 16);
    /// assert_eq!((f.nan(), f.infinity()), (Some(0x80), Some(0x7f)));
    /// assert_eq!(f.to_decimal(f.max_finite()).unwrap().to_string(), "49152");
    /// ```
    pub const fn p3109(
        width: u32,
        precision: u32,
        signedness: Signedness,
        domain: Domain,
    ) -> Result<Format, FpbitsError> {
        let most = match signedness {
            Signedness::Signed => width.saturating_sub(1),
            Signedness::Unsigned => width,
        };
        if width < 2 || width > 15 || precision < 1 || precision > most {
            return Err(FpbitsError::P3109 { width, precision });
        }
        Format::new(layout(width, precision, signedness, domain))
    }

    /// P3109's formats of 8 bits by name: precisions 1 to 7 signed, 1 to 8 unsigned, extended and
    /// finite.
    pub const P3109_8BIT: [(&'static str, Format); 30] = {
        use Domain::{Extended, Finite};
        use Signedness::{Signed, Unsigned};
        [
            ("binary8p1se", eight_bits(1, Signed, Extended)),
            ("binary8p1sf", eight_bits(1, Signed, Finite)),
            ("binary8p1ue", eight_bits(1, Unsigned, Extended)),
            ("binary8p1uf", eight_bits(1, Unsigned, Finite)),
            ("binary8p2se", eight_bits(2, Signed, Extended)),
            ("binary8p2sf", eight_bits(2, Signed, Finite)),
            ("binary8p2ue", eight_bits(2, Unsigned, Extended)),
            ("binary8p2uf", eight_bits(2, Unsigned, Finite)),
            ("binary8p3se", eight_bits(3, Signed, Extended)),
            ("binary8p3sf", eight_bits(3, Signed, Finite)),
            ("binary8p3ue", eight_bits(3, Unsigned, Extended)),
            ("binary8p3uf", eight_bits(3, Unsigned, Finite)),
            ("binary8p4se", eight_bits(4, Signed, Extended)),
            ("binary8p4sf", eight_bits(4, Signed, Finite)),
            ("binary8p4ue", eight_bits(4, Unsigned, Extended)),
            ("binary8p4uf", eight_bits(4, Unsigned, Finite)),
            ("binary8p5se", eight_bits(5, Signed, Extended)),
            ("binary8p5sf", eight_bits(5, Signed, Finite)),
            ("binary8p5ue", eight_bits(5, Unsigned, Extended)),
            ("binary8p5uf", eight_bits(5, Unsigned, Finite)),
            ("binary8p6se", eight_bits(6, Signed, Extended)),
            ("binary8p6sf", eight_bits(6, Signed, Finite)),
            ("binary8p6ue", eight_bits(6, Unsigned, Extended)),
            ("binary8p6uf", eight_bits(6, Unsigned, Finite)),
            ("binary8p7se", eight_bits(7, Signed, Extended)),
            ("binary8p7sf", eight_bits(7, Signed, Finite)),
            ("binary8p7ue", eight_bits(7, Unsigned, Extended)),
            ("binary8p7uf", eight_bits(7, Unsigned, Finite)),
            ("binary8p8ue", eight_bits(8, Unsigned, Extended)),
            ("binary8p8uf", eight_bits(8, Unsigned, Finite)),
        ]
    };
}

/// `binaryKpP` and the letters of sign and domain.
#[derive(Clone, Copy)]
pub(super) struct Name {
    width: u32,
    precision: u32,
    signedness: Signedness,
    domain: Domain,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signedness = match self.signedness {
            Signedness::Signed => 's',
            Signedness::Unsigned => 'u',
        };
        let domain = match self.domain {
            Domain::Extended => 'e',
            Domain::Finite => 'f',
        };
        write!(f, "binary{}p{}{signedness}{domain}", self.width, self.precision)
    }
}

/// The P3109 name of a format, if it is one of that family.
pub(super) fn name(format: &Format) -> Option<Name> {
    let layout = format.layout();
    let name = Name {
        width: format.width(),
        precision: format.precision(),
        signedness: if layout.sign { Signedness::Signed } else { Signedness::Unsigned },
        domain: if layout.infinities { Domain::Extended } else { Domain::Finite },
    };
    let same = Format::p3109(name.width, name.precision, name.signedness, name.domain);
    (same.as_ref() == Ok(format)).then_some(name)
}

/// The format that a text of the form of a P3109 name stands for; `None` for other texts.
pub(super) fn from_name(text: &str) -> Option<Result<Format, FpbitsError>> {
    let (prefix, rest) = text.split_at_checked(6)?;
    if !prefix.eq_ignore_ascii_case("binary") {
        return None;
    }
    let (width, rest) = rest.split_once(['p', 'P'])?;
    let (precision, letters) = rest.split_at_checked(rest.len().checked_sub(2)?)?;
    let [signedness, domain] = letters.as_bytes() else { return None };
    let signedness = match signedness.to_ascii_lowercase() {
        b's' => Signedness::Signed,
        b'u' => Signedness::Unsigned,
        _ => return None,
    };
    let domain = match domain.to_ascii_lowercase() {
        b'e' => Domain::Extended,
        b'f' => Domain::Finite,
        _ => return None,
    };
    let (width, precision) = (width.parse().ok()?, precision.parse().ok()?);
    Some(Format::p3109(width, precision, signedness, domain))
}
