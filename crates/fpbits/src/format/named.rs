//! Formats by name.
//!
//! Each constant names the specification it follows; `tests/numbers/formats.rs` holds their tables.

use super::p3109;
use super::{Format, Layout, NanCodes, Overflow};
use crate::FpbitsError;
use core::fmt;
use core::str::FromStr;

impl Format {
    /// IEEE 754 binary16, half precision.
    pub const BINARY16: Format = Format::of(Layout::ieee(5, 10));
    /// IEEE 754 binary32, single precision: Rust's `f32`.
    pub const BINARY32: Format = Format::of(Layout::ieee(8, 23));
    /// IEEE 754 binary64, double precision: Rust's `f64`.
    pub const BINARY64: Format = Format::of(Layout::ieee(11, 52));
    /// bfloat16: binary32 without the lower half of its bits.
    pub const BFLOAT16: Format = Format::of(Layout::ieee(8, 7));
    /// TF32, the operands of matrix products on NVIDIA's tensor cores: the exponent of binary32
    /// and the fraction of binary16, 19 bits.
    pub const TF32: Format = Format::of(Layout::ieee(8, 10));
    /// E5M2 of the OCP 8-bit Floating Point Specification, in its non-saturating mode.
    pub const E5M2: Format = Format::of(Layout::ieee(5, 2));
    /// E4M3 of the OCP 8-bit Floating Point Specification, in its non-saturating mode: no
    /// infinities, one NaN a sign.
    pub const E4M3FN: Format =
        Format::of(Layout::finite(4, 3, 7, NanCodes::AllOnes, Overflow::Nan));
    /// 4 exponent and 3 fraction bits as IEEE 754 would lay them out (not OCP's).
    pub const E4M3: Format = Format::of(Layout::ieee(4, 3));
    /// 3 exponent and 4 fraction bits as IEEE 754 would lay them out.
    pub const E3M4: Format = Format::of(Layout::ieee(3, 4));
    /// E4M3FNUZ: bias 8, NaN in the place of negative zero
    /// ([8-bit Numerical Formats for Deep Neural Networks](https://arxiv.org/abs/2206.02915)).
    pub const E4M3FNUZ: Format =
        Format::of(Layout::finite(4, 3, 8, NanCodes::NegativeZero, Overflow::Nan));
    /// E5M2FNUZ: bias 16, NaN in the place of negative zero (same paper).
    pub const E5M2FNUZ: Format =
        Format::of(Layout::finite(5, 2, 16, NanCodes::NegativeZero, Overflow::Nan));
    /// E4M3B11FNUZ: bias 11, NaN in the place of negative zero
    /// ([Hybrid 8-bit Floating Point](https://papers.nips.cc/paper/2019/hash/65fc9fb4897a89789352e211ca2d398f-Abstract.html)).
    pub const E4M3B11FNUZ: Format =
        Format::of(Layout::finite(4, 3, 11, NanCodes::NegativeZero, Overflow::Nan));
    /// E8M0 of the OCP Microscaling Formats Specification, the shared scale of a block: the powers
    /// of two from 2^-127 to 2^127 and NaN; no sign and no zero.
    pub const E8M0: Format = Format::of(
        Layout {
            sign: false,
            zero: false,
            ..Layout::finite(8, 0, 127, NanCodes::AllOnes, Overflow::Nan)
        }
        .settled(),
    );
    /// E3M2 of the OCP Microscaling Formats Specification: 6 bits, numbers only.
    pub const E3M2: Format =
        Format::of(Layout::finite(3, 2, 3, NanCodes::None, Overflow::Saturate));
    /// E2M3 of the OCP Microscaling Formats Specification: 6 bits, numbers only.
    pub const E2M3: Format =
        Format::of(Layout::finite(2, 3, 1, NanCodes::None, Overflow::Saturate));
    /// E2M1 of the OCP Microscaling Formats Specification: 4 bits, numbers only.
    pub const E2M1: Format =
        Format::of(Layout::finite(2, 1, 1, NanCodes::None, Overflow::Saturate));

    /// The formats this crate knows by name, widest first. The names are the ones their
    /// specifications (IEEE 754, OCP) or their papers use.
    pub const NAMED: [(&'static str, Format); 16] = [
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
        ("e8m0", Format::E8M0),
        ("e3m2", Format::E3M2),
        ("e2m3", Format::E2M3),
        ("e2m1", Format::E2M1),
    ];

    /// The name of this format, if it is one of [`Format::NAMED`] or [`Format::P3109_8BIT`].
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Format, Layout};
    /// assert_eq!(Format::E4M3FN.name(), Some("e4m3fn"));
    /// assert_eq!(Format::new(Layout::ieee(6, 9)).unwrap().name(), None);
    /// ```
    pub fn name(&self) -> Option<&'static str> {
        let mut named = Format::NAMED.iter().chain(&Format::P3109_8BIT);
        named.find(|(_, format)| format == self).map(|&(name, _)| name)
    }
}

/// What people also call the formats; `float8_...` and so on are the names of ml_dtypes and PyTorch.
const ALIASES: [(&str, Format); 21] = [
    ("f64", Format::BINARY64),
    ("double", Format::BINARY64),
    ("f32", Format::BINARY32),
    ("single", Format::BINARY32),
    ("f16", Format::BINARY16),
    ("half", Format::BINARY16),
    ("bf16", Format::BFLOAT16),
    ("fp4", Format::E2M1),
    ("float4_e2m1fn", Format::E2M1),
    ("float6_e2m3fn", Format::E2M3),
    ("float6_e3m2fn", Format::E3M2),
    ("float8_e3m4", Format::E3M4),
    ("float8_e4m3", Format::E4M3),
    ("float8_e4m3b11fnuz", Format::E4M3B11FNUZ),
    ("float8_e4m3fn", Format::E4M3FN),
    ("float8_e4m3fnuz", Format::E4M3FNUZ),
    ("float8_e5m2", Format::E5M2),
    ("float8_e5m2fnuz", Format::E5M2FNUZ),
    ("float8_e8m0fnu", Format::E8M0),
    ("float16", Format::BINARY16),
    ("ue8m0", Format::E8M0),
];

/// Formats of other libraries that have more than 64 bits.
const TOO_WIDE: [(&str, u32); 8] = [
    ("binary128", 128),
    ("f128", 128),
    ("f128m", 128),
    ("float128", 128),
    ("quad", 128),
    ("binary80", 80),
    ("extf80", 80),
    ("extf80m", 80),
];

/// Reads a name (`binary16`, `f16`, `e4m3fn`, `binary8p3se`, in any case) or `EXPONENTxFRACTION`
/// (`5x10`), the widths of a format laid out as IEEE 754 would.
impl FromStr for Format {
    type Err = FpbitsError;

    fn from_str(text: &str) -> Result<Format, FpbitsError> {
        let mut named = Format::NAMED.iter().chain(&ALIASES);
        if let Some((_, format)) = named.find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            return Ok(*format);
        }
        if let Some(format) = p3109::from_name(text) {
            return format;
        }
        if let Some((_, bits)) = TOO_WIDE.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            return Err(FpbitsError::TooWide { bits: *bits });
        }
        let (exponent, fraction) = text.split_once(['x', 'X']).ok_or(FpbitsError::UnknownFormat)?;
        let width = |digits: &str| digits.parse::<u32>().map_err(|_| FpbitsError::UnknownFormat);
        Format::new(Layout::ieee(width(exponent)?, width(fraction)?))
    }
}

/// The format's name, or its widths.
impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.name() {
            return f.pad(name);
        }
        if let Some(name) = p3109::name(self) {
            return write!(f, "{name}");
        }
        let layout = self.layout();
        write!(f, "{}x{}", layout.exponent_bits, layout.fraction_bits)
    }
}
