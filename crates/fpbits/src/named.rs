//! Formats by name.

use crate::{Format, FpbitsError, Layout};
use alloc::string::ToString;
use core::fmt;
use core::str::FromStr;

impl Format {
    /// The formats this crate knows by name, widest first. The names are the ones their
    /// specifications (IEEE 754, OCP) or their papers use.
    pub const NAMED: [(&'static str, Format); 15] = [
        ("binary64", Format::BINARY64),
        ("binary32", Format::BINARY32),
        ("tf32", Format::TF32),
        ("binary16", Format::BINARY16),
        ("bfloat16", Format::BFLOAT16),
        ("e5m2", Format::E5M2),
        ("e5m2fnuz", Format::E5M2FNUZ),
        ("e4m3", Format::E4M3),
        ("e4m3fn", Format::E4M3FN),
        ("e4m3fnuz", Format::E4M3FNUZ),
        ("e4m3b11fnuz", Format::E4M3B11FNUZ),
        ("e3m4", Format::E3M4),
        ("e3m2", Format::E3M2),
        ("e2m3", Format::E2M3),
        ("e2m1", Format::E2M1),
    ];

    /// The name of this format, if it is one of [`Format::NAMED`].
    pub fn name(&self) -> Option<&'static str> {
        Format::NAMED.iter().find(|(_, format)| format == self).map(|&(name, _)| name)
    }
}

/// What people also call the formats.
const ALIASES: [(&str, Format); 8] = [
    ("f64", Format::BINARY64),
    ("double", Format::BINARY64),
    ("f32", Format::BINARY32),
    ("single", Format::BINARY32),
    ("f16", Format::BINARY16),
    ("half", Format::BINARY16),
    ("bf16", Format::BFLOAT16),
    ("fp4", Format::E2M1),
];

/// Reads a name (`binary16`, `f16`, `e4m3fn`, in any case) or `EXPONENTxFRACTION` (`5x10`), the
/// widths of a format laid out as IEEE 754 would.
impl FromStr for Format {
    type Err = FpbitsError;

    fn from_str(text: &str) -> Result<Format, FpbitsError> {
        let named = Format::NAMED.iter().chain(&ALIASES);
        if let Some((_, format)) = named.into_iter().find(|(n, _)| n.eq_ignore_ascii_case(text)) {
            return Ok(*format);
        }
        let unknown = || FpbitsError::UnknownFormat { text: text.to_string() };
        let (exponent, fraction) = text.split_once(['x', 'X']).ok_or_else(unknown)?;
        let width = |digits: &str| digits.parse::<u32>().map_err(|_| unknown());
        Format::new(Layout::ieee(width(exponent)?, width(fraction)?))
    }
}

/// The format's name, or its widths.
impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => {
                let layout = self.layout();
                write!(f, "{}x{}", layout.exponent_bits, layout.fraction_bits)
            }
        }
    }
}
