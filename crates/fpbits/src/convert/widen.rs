//! From a narrow format up to binary32 and binary64: always exact.
//!
//! A normal code moves its fraction up and its exponent by the difference of the biases. A
//! subnormal code is an integer number of quanta: one exact conversion and one exact
//! multiplication by a power of two, which never meets a subnormal of the wide format.

/// What a narrow source with IEEE 754's special values must say about itself.
#[derive(Clone, Copy)]
pub(super) struct Widen {
    fraction_bits: u32,
    bias: i32,
    /// The codes (without sign) above this one are NaN.
    last_number: u32,
    /// The code (without sign) of infinity, or one that does not occur.
    infinity: u32,
    magnitude_bits: u32,
    /// Whether the fraction of a NaN is a payload to keep.
    keeps_payload: bool,
}

impl Widen {
    pub(super) const fn ieee(exponent_bits: u32, fraction_bits: u32) -> Self {
        let infinity = ((1 << exponent_bits) - 1) << fraction_bits;
        Widen {
            fraction_bits,
            bias: (1 << (exponent_bits - 1)) - 1,
            last_number: infinity,
            infinity,
            magnitude_bits: exponent_bits + fraction_bits,
            keeps_payload: true,
        }
    }

    /// A format without infinities whose last code is NaN.
    pub(super) const fn finite(exponent_bits: u32, fraction_bits: u32) -> Self {
        let last = (1 << (exponent_bits + fraction_bits)) - 1;
        Widen {
            fraction_bits,
            bias: (1 << (exponent_bits - 1)) - 1,
            last_number: last - 1,
            infinity: u32::MAX,
            magnitude_bits: exponent_bits + fraction_bits,
            keeps_payload: false,
        }
    }

    /// A format whose codes are all numbers.
    pub(super) const fn numbers_only(exponent_bits: u32, fraction_bits: u32) -> Self {
        let last = (1 << (exponent_bits + fraction_bits)) - 1;
        Widen { last_number: last, ..Widen::finite(exponent_bits, fraction_bits) }
    }

    #[inline(always)]
    pub(super) const fn to_f32(self, code: u32) -> f32 {
        let magnitude = code & ((1 << self.magnitude_bits) - 1);
        let shifted = magnitude << (23 - self.fraction_bits);
        let normal = shifted + (((127 - self.bias) as u32) << 23);
        let quantum =
            f32::from_bits(((1 - self.bias - self.fraction_bits as i32 + 127) as u32) << 23);
        let subnormal = (magnitude as i32 as f32 * quantum).to_bits();
        let finite = if magnitude < 1 << self.fraction_bits { subnormal } else { normal };
        let number = if magnitude == self.infinity { 0x7f80_0000 } else { finite };
        let payload = if self.keeps_payload { shifted & 0x003f_ffff } else { 0 };
        let nan = 0x7fc0_0000 | payload;
        let bits = if magnitude > self.last_number { nan } else { number };
        f32::from_bits(bits | (code >> self.magnitude_bits) << 31)
    }

    #[inline(always)]
    pub(super) const fn to_f64(self, code: u32) -> f64 {
        let magnitude = code & ((1 << self.magnitude_bits) - 1);
        let shifted = (magnitude as u64) << (52 - self.fraction_bits);
        let normal = shifted + (((1023 - self.bias) as u64) << 52);
        let quantum =
            f64::from_bits(((1 - self.bias - self.fraction_bits as i32 + 1023) as u64) << 52);
        let subnormal = (magnitude as i32 as f64 * quantum).to_bits();
        let finite = if magnitude < 1 << self.fraction_bits { subnormal } else { normal };
        let number = if magnitude == self.infinity { 0x7ff0_0000_0000_0000 } else { finite };
        let payload = if self.keeps_payload { shifted & 0x0007_ffff_ffff_ffff } else { 0 };
        let nan = 0x7ff8_0000_0000_0000 | payload;
        let bits = if magnitude > self.last_number { nan } else { number };
        f64::from_bits(bits | ((code >> self.magnitude_bits) as u64) << 63)
    }
}
