//! The free choices that make a format, and which of them exclude each other.

/// Which codes are not numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NanCodes {
    /// The exponent field is all ones and the fraction is not zero, as in IEEE 754.
    TopExponent,
    /// Exponent and fraction are all ones (OCP's E4M3, E8M0, P3109's unsigned formats): one code
    /// for each sign.
    AllOnes,
    /// The code that would be negative zero (the FNUZ formats, P3109's signed formats): one code,
    /// and no negative zero.
    NegativeZero,
    /// No code: the format has numbers only (OCP's 6- and 4-bit formats).
    None,
}

/// What becomes of a finite number that rounds beyond the largest finite value, where the rounding
/// direction does not keep it at that value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// It becomes infinite, as IEEE 754 asks when rounding to nearest (P3109's OvfInf).
    Infinity,
    /// It becomes the largest finite value of its sign; what was infinite before stays infinite if
    /// the format can say so (P3109's SatPropagate).
    Saturate,
    /// It becomes the largest finite value of its sign, and so does infinity (P3109's SatFinite,
    /// the saturating mode of OCP's 8-bit formats).
    Clamp,
    /// It becomes NaN.
    Nan,
}

/// The free choices of a format; [`Format::new`](crate::Format::new) checks that they go together.
///
/// # Examples
/// ```
/// use fpbits::{Format, Layout};
/// // binary16 whose hardware treats subnormal numbers as zero.
/// let layout = Layout { subnormals: false, ..Layout::ieee(5, 10) };
/// let f = Format::new(layout).unwrap();
/// assert_eq!(f.next_up(0), Some(0x0400)); // from zero straight to 2^-14
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    /// Whether there is a sign bit.
    pub sign: bool,
    /// Width of the exponent field, 1 to 15.
    pub exponent_bits: u32,
    /// Width of the fraction field.
    pub fraction_bits: u32,
    /// What is subtracted from the exponent field.
    pub bias: i32,
    /// Whether there is a zero. If not, an exponent field of zero holds normal numbers like any
    /// other (E8M0), and `subnormals` and `negative_zero` are ignored.
    pub zero: bool,
    /// Whether zero has a second code, with the sign bit set. Ignored without a sign bit and where
    /// NaN takes the code; where it is the only thing missing, the code still reads as zero.
    pub negative_zero: bool,
    /// Whether a zero exponent field holds subnormal numbers. If not, it means zero whatever the
    /// fraction field holds.
    pub subnormals: bool,
    /// Whether there are infinities. Their code follows that of the largest finite value.
    pub infinities: bool,
    /// Which codes are NaN.
    pub nan: NanCodes,
    /// What becomes of numbers too large.
    pub overflow: Overflow,
}

impl Layout {
    /// The layout IEEE 754 gives to these widths: bias 2^(e-1) - 1, infinities, NaN in the top
    /// exponent, subnormals, overflow to infinity.
    ///
    /// # Examples
    /// ```
    /// use fpbits::{Format, Layout};
    /// assert_eq!(Layout::ieee(8, 23).bias, 127);
    /// assert_eq!(Format::new(Layout::ieee(8, 23)), Ok(Format::BINARY32));
    /// ```
    pub const fn ieee(exponent_bits: u32, fraction_bits: u32) -> Layout {
        let bias = match exponent_bits {
            1..=31 => (1 << (exponent_bits - 1)) - 1,
            _ => 0, // refused by Format::new
        };
        Layout {
            sign: true,
            exponent_bits,
            fraction_bits,
            bias,
            zero: true,
            negative_zero: true,
            subnormals: true,
            infinities: true,
            nan: NanCodes::TopExponent,
            overflow: Overflow::Infinity,
        }
    }

    /// IEEE 754's bias and subnormals, but numbers only: no infinities, the given NaN codes and
    /// overflow.
    pub(super) const fn finite(
        exponent_bits: u32,
        fraction_bits: u32,
        bias: i32,
        nan: NanCodes,
        overflow: Overflow,
    ) -> Layout {
        let layout = Layout {
            bias,
            infinities: false,
            nan,
            overflow,
            ..Layout::ieee(exponent_bits, fraction_bits)
        };
        layout.settled()
    }

    /// The same layout with the choices that others decide set to what they are.
    pub(super) const fn settled(self) -> Layout {
        let taken = !self.sign || matches!(self.nan, NanCodes::NegativeZero);
        Layout {
            negative_zero: self.negative_zero && self.zero && !taken,
            subnormals: self.subnormals && self.zero,
            ..self
        }
    }

    /// Why the layout cannot be, if it cannot.
    pub(super) const fn contradiction(&self) -> Option<&'static str> {
        match self.nan {
            NanCodes::TopExponent if self.fraction_bits == 0 => {
                return Some(
                    "NaN in the top exponent is told from infinity by its fraction: 0 bits",
                );
            }
            NanCodes::TopExponent if !self.infinities => {
                return Some(
                    "NaN in the top exponent leaves the fraction 0 to infinity: not there",
                );
            }
            NanCodes::NegativeZero if !self.sign => {
                return Some("NaN in the place of negative zero needs a sign bit");
            }
            NanCodes::NegativeZero if !self.zero => {
                return Some("NaN in the place of negative zero needs a zero");
            }
            _ => {}
        }
        match self.overflow {
            Overflow::Infinity if !self.infinities => {
                return Some("overflow to infinity needs infinities");
            }
            Overflow::Nan if matches!(self.nan, NanCodes::None) => {
                return Some("overflow to NaN needs a NaN");
            }
            _ => {}
        }
        if self.exponent_bits + self.fraction_bits < 2 {
            return Some("exponent and fraction need two bits to hold a number besides zero");
        }
        let top_reserved = matches!(self.nan, NanCodes::TopExponent);
        if self.exponent_bits == 1 && self.zero && !self.subnormals && top_reserved {
            return Some("with the top exponent reserved and no subnormals only zero is left");
        }
        if self.exponent_bits == 1 && !self.zero && top_reserved && self.fraction_bits == 0 {
            return Some("with the top exponent reserved no number is left");
        }
        None
    }
}
