//! From binary32 and binary64 down to a narrow format: one method for all of them.
//!
//! Let the target have `m` fraction bits and the source `s`. Three cases, each of which rounds
//! once, to nearest, ties to even:
//!
//! 1. **Normal in the target.** The source's fraction loses its lowest `s - m` bits. Adding
//!    `half - 1 + (lowest kept bit)` before the shift carries exactly when the lost part is above
//!    one half, or is one half and the kept part is odd. The carry may run into the exponent,
//!    which is right: the next value after 1.11..1 x 2^e is 2^(e+1), and the next code after the
//!    largest finite one is infinity where the format has it.
//! 2. **Subnormal in the target.** All subnormal values are multiples of one quantum 2^q. Adding
//!    the power of two whose own last place is 2^q makes the hardware's addition do the rounding;
//!    what remains above that power of two is the code.
//! 3. **Too large, infinite or NaN.** A constant.
//!
//! All three are computed and one is selected: no branches, so loops over slices vectorise.

/// What a narrow target must say about itself for [`Narrow::round_f32`] and [`Narrow::round_f64`].
#[derive(Clone, Copy)]
pub(super) struct Narrow {
    /// Width of the exponent field and the fraction field together; the sign bit is above them.
    magnitude_bits: u32,
    fraction_bits: u32,
    bias: i32,
    /// The smallest magnitudes that round out of the finite range or up to its last code + 1,
    /// as bit patterns of the source formats.
    limit_f32: u32,
    limit_f64: u64,
    /// The code (without sign) of everything from the limit up.
    overflow: u32,
    /// The code (without sign) that marks a NaN; payload bits are added to it below.
    nan: u32,
    /// Whether a NaN keeps the top bits of its payload.
    keeps_payload: bool,
}

impl Narrow {
    /// A format laid out as IEEE 754 binary interchange formats are.
    pub(super) const fn ieee(exponent_bits: u32, fraction_bits: u32) -> Self {
        let bias = (1 << (exponent_bits - 1)) - 1;
        let infinity = ((1 << exponent_bits) - 1) << fraction_bits;
        Narrow {
            magnitude_bits: exponent_bits + fraction_bits,
            fraction_bits,
            bias,
            // 2^(bias + 1): anything below it is either finite in the target or carries into the
            // code of infinity by itself. For a target with binary32's own exponent this is
            // binary32's infinity.
            limit_f32: ((bias + 1 + 127) as u32) << 23,
            limit_f64: ((bias + 1 + 1023) as u64) << 52,
            overflow: infinity,
            nan: infinity | 1 << (fraction_bits - 1),
            keeps_payload: true,
        }
    }

    /// A format without infinities, whose codes from `nan` up (one code) are NaN and whose
    /// largest finite value is followed by that NaN: `limit` is the smallest binary32 magnitude
    /// that overflows to it, `limit_f64` the same in binary64.
    pub(super) const fn finite(
        exponent_bits: u32,
        fraction_bits: u32,
        nan: u32,
        limit_f32: u32,
        limit_f64: u64,
    ) -> Self {
        Narrow {
            magnitude_bits: exponent_bits + fraction_bits,
            fraction_bits,
            bias: (1 << (exponent_bits - 1)) - 1,
            limit_f32,
            limit_f64,
            overflow: nan,
            nan,
            keeps_payload: false,
        }
    }

    /// The exponent of the smallest subnormal, log2 of the quantum.
    const fn quantum(self) -> i32 {
        1 - self.bias - self.fraction_bits as i32
    }

    #[inline(always)]
    pub(super) const fn round_f32(self, x: f32) -> u32 {
        let bits = x.to_bits();
        let magnitude = bits & 0x7fff_ffff;
        let shift = 23 - self.fraction_bits;

        let odd = (magnitude >> shift) & 1;
        let rebias = ((127 - self.bias) as u32) << 23;
        let half = 1u32 << (shift - 1);
        let normal = magnitude.wrapping_sub(rebias).wrapping_add(half - 1 + odd) >> shift;

        let power = ((self.quantum() + 23 + 127) as u32) << 23;
        let subnormal =
            (f32::from_bits(magnitude) + f32::from_bits(power)).to_bits().wrapping_sub(power);

        let smallest_normal = ((1 - self.bias + 127) as u32) << 23;
        let finite = if magnitude < smallest_normal { subnormal } else { normal };
        let kept = if self.keeps_payload { (magnitude & 0x007f_ffff) >> shift } else { 0 };
        let special = if magnitude > 0x7f80_0000 { self.nan | kept } else { self.overflow };
        let code = if magnitude >= self.limit_f32 { special } else { finite };
        code | (bits >> 31) << self.magnitude_bits
    }

    #[inline(always)]
    pub(super) const fn round_f64(self, x: f64) -> u32 {
        let bits = x.to_bits();
        let magnitude = bits & 0x7fff_ffff_ffff_ffff;
        let shift = 52 - self.fraction_bits;

        let odd = (magnitude >> shift) & 1;
        let rebias = ((1023 - self.bias) as u64) << 52;
        let half = 1u64 << (shift - 1);
        let normal = magnitude.wrapping_sub(rebias).wrapping_add(half - 1 + odd) >> shift;

        let power = ((self.quantum() + 52 + 1023) as u64) << 52;
        let subnormal =
            (f64::from_bits(magnitude) + f64::from_bits(power)).to_bits().wrapping_sub(power);

        let smallest_normal = ((1 - self.bias + 1023) as u64) << 52;
        let finite = if magnitude < smallest_normal { subnormal } else { normal } as u32;
        let kept = if self.keeps_payload {
            ((magnitude & 0x000f_ffff_ffff_ffff) >> shift) as u32
        } else {
            0
        };
        let nan = magnitude > 0x7ff0_0000_0000_0000;
        let special = if nan { self.nan | kept } else { self.overflow };
        let code = if magnitude >= self.limit_f64 { special } else { finite };
        code | ((bits >> 63) as u32) << self.magnitude_bits
    }
}
