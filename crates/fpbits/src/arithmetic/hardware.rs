//! Where the processor's own arithmetic gives the same answer: to nearest even, for formats that are
//! binary64 or fit into it with room, and results well inside the normal range. The exceptions come
//! from what the result leaves over, which is exact there. Everything else is left to the soft path,
//! which is this one's oracle (`hardware.rs`, `eight_bits.rs` and `sixteen_bits.rs` in `tests/numbers`).

use crate::convert::{
    bf16_from_f64, bf16_to_f64, e4m3fn_from_f64, e4m3fn_to_f64, e5m2_from_f64, e5m2_to_f64,
    f16_from_f64, f16_to_f64,
};
use crate::{Context, Flags, Layout, NanCodes, Rounded, Rounding};

/// A format that the processor can compute in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Hardware {
    /// binary64 itself.
    Double,
    /// binary32: sums in it, products and fused products in binary64.
    Single,
    /// Formats of so few bits that sums and products are exact in binary64.
    Half,
    Brain,
    E5M2,
    E4M3FN,
    /// None of these.
    None,
}

impl Hardware {
    /// What a layout allows. What becomes of overflow does not matter: it is left to the soft path.
    pub(crate) const fn of(layout: &Layout) -> Hardware {
        let ieee = layout.sign && layout.zero && layout.subnormals && layout.negative_zero;
        let bias = (1 << (layout.exponent_bits - 1)) - 1;
        // The x87's registers have more bits and round twice.
        let x87 = cfg!(all(target_arch = "x86", not(target_feature = "sse2")));
        if !ieee || x87 || layout.bias != bias {
            return Hardware::None;
        }
        let top = matches!(layout.nan, NanCodes::TopExponent);
        let all_ones = matches!(layout.nan, NanCodes::AllOnes) && !layout.infinities;
        match (layout.exponent_bits, layout.fraction_bits) {
            (11, 52) if top => Hardware::Double,
            (8, 23) if top => Hardware::Single,
            (5, 10) if top => Hardware::Half,
            (8, 7) if top => Hardware::Brain,
            (5, 2) if top => Hardware::E5M2,
            (4, 3) if all_ones => Hardware::E4M3FN,
            _ => Hardware::None,
        }
    }

    /// a + b, if it can be told here.
    #[inline]
    pub(super) const fn add(self, a: u64, b: u64, context: Context) -> Option<Rounded> {
        if !matches!(context.rounding, Rounding::NearestEven) {
            return None;
        }
        match self {
            Hardware::None => None,
            Hardware::Double => {
                let (x, y) = (f64::from_bits(a), f64::from_bits(b));
                let sum = x + y;
                if !inside_f64(sum) {
                    return None;
                }
                Some(rounded(sum.to_bits(), two_sum_error(x, y, sum) != 0.0))
            }
            Hardware::Single => {
                let (x, y) = (f32::from_bits(a as u32), f32::from_bits(b as u32));
                let sum = x + y;
                if !inside_f32(sum) {
                    return None;
                }
                let y_part = sum - x;
                let error = (x - (sum - y_part)) + (y - y_part);
                Some(rounded(sum.to_bits() as u64, error != 0.0))
            }
            // bfloat16's exponents reach so far apart that a sum of two may need more than 53 bits.
            Hardware::Brain => {
                let (x, y) = (self.widen(a), self.widen(b));
                let sum = x + y;
                self.narrow(to_odd(sum, two_sum_error(x, y, sum)))
            }
            _ => self.narrow(self.widen(a) + self.widen(b)),
        }
    }

    /// a x b, if it can be told here.
    #[inline]
    pub(super) const fn multiply(self, a: u64, b: u64, context: Context) -> Option<Rounded> {
        if !matches!(context.rounding, Rounding::NearestEven) {
            return None;
        }
        match self {
            Hardware::None => None,
            Hardware::Double => {
                let (x, y) = (f64::from_bits(a), f64::from_bits(b));
                let product = x * y;
                if !inside_f64(product) || !is_normal(x) || !is_normal(y) {
                    return None;
                }
                let exact = significand(x) as u128 * significand(y) as u128;
                let cut = 52 + (exact >> 105) as u32;
                Some(rounded(product.to_bits(), exact & ((1 << cut) - 1) != 0))
            }
            _ => self.narrow(self.widen(a) * self.widen(b)),
        }
    }

    /// a / b, if it can be told here.
    #[inline]
    pub(super) const fn divide(self, a: u64, b: u64, context: Context) -> Option<Rounded> {
        if !matches!(context.rounding, Rounding::NearestEven) {
            return None;
        }
        match self {
            Hardware::None => None,
            Hardware::Double => {
                let (x, y) = (f64::from_bits(a), f64::from_bits(b));
                let quotient = x / y;
                if !inside_f64(quotient) || !is_normal(x) || !is_normal(y) {
                    return None;
                }
                let (dividend, divisor) = (significand(x), significand(y));
                let shift = if dividend >= divisor { 52 } else { 53 };
                let back = significand(quotient) as u128 * divisor as u128;
                Some(rounded(quotient.to_bits(), back != (dividend as u128) << shift))
            }
            // More than twice the bits and two: rounding the rounded quotient is rounding it once
            // (Figueroa, 1995). Whether it is exact, only the product with the divisor can say.
            _ => {
                let (x, y) = (self.widen(a), self.widen(b));
                match self.narrow(x / y) {
                    Some(Rounded { code, .. }) => Some(rounded(code, self.widen(code) * y != x)),
                    None => None,
                }
            }
        }
    }

    /// a x b + c, if it can be told here.
    #[inline]
    pub(super) const fn fma(self, a: u64, b: u64, c: u64, context: Context) -> Option<Rounded> {
        if !matches!(context.rounding, Rounding::NearestEven) {
            return None;
        }
        match self {
            Hardware::None => None,
            Hardware::Double => fma_f64(f64::from_bits(a), f64::from_bits(b), f64::from_bits(c)),
            _ => {
                let (x, y) = (self.widen(a) * self.widen(b), self.widen(c));
                let sum = x + y;
                self.narrow(to_odd(sum, two_sum_error(x, y, sum)))
            }
        }
    }

    /// The value of a code in binary64, exactly.
    #[inline]
    const fn widen(self, code: u64) -> f64 {
        match self {
            Hardware::Double | Hardware::None => f64::from_bits(code),
            Hardware::Single => f32::from_bits(code as u32) as f64,
            Hardware::Half => f16_to_f64(code as u16),
            Hardware::Brain => bf16_to_f64(code as u16),
            Hardware::E5M2 => e5m2_to_f64(code as u8),
            Hardware::E4M3FN => e4m3fn_to_f64(code as u8),
        }
    }

    /// A number rounded to this format, if it lies well inside its normal range.
    #[inline]
    const fn narrow(self, x: f64) -> Option<Rounded> {
        let (least, most) = self.range();
        let magnitude = x.abs();
        if !(least <= magnitude && magnitude <= most) {
            return None; // NaN, too
        }
        let code = match self {
            Hardware::Double | Hardware::None => x.to_bits(),
            Hardware::Single => (x as f32).to_bits() as u64,
            Hardware::Half => f16_from_f64(x) as u64,
            Hardware::Brain => bf16_from_f64(x) as u64,
            Hardware::E5M2 => e5m2_from_f64(x) as u64,
            Hardware::E4M3FN => e4m3fn_from_f64(x) as u64,
        };
        Some(rounded(code, self.widen(code) != x))
    }

    /// Twice the smallest normal number, and the largest number.
    const fn range(self) -> (f64, f64) {
        match self {
            Hardware::Single | Hardware::Double | Hardware::None => {
                (2.0 * f32::MIN_POSITIVE as f64, f32::MAX as f64)
            }
            Hardware::Half => (f16_to_f64(0x0800), f16_to_f64(0x7bff)),
            Hardware::Brain => (bf16_to_f64(0x0100), bf16_to_f64(0x7f7f)),
            Hardware::E5M2 => (e5m2_to_f64(0x08), e5m2_to_f64(0x7b)),
            Hardware::E4M3FN => (e4m3fn_to_f64(0x10), e4m3fn_to_f64(0x7e)),
        }
    }
}

const fn rounded(code: u64, inexact: bool) -> Rounded {
    Rounded { code, flags: Flags::INEXACT.when(inexact) }
}

/// Finite, two binades away from underflow and one from overflow.
const fn inside_f64(x: f64) -> bool {
    let field = x.to_bits() >> 52 & 0x7ff;
    field >= 2 && field <= 2045
}

const fn inside_f32(x: f32) -> bool {
    let field = x.to_bits() >> 23 & 0xff;
    field >= 2 && field <= 253
}

const fn is_normal(x: f64) -> bool {
    let field = x.to_bits() >> 52 & 0x7ff;
    field >= 1 && field <= 2046
}

/// The significand of a normal number as an integer of 53 bits.
const fn significand(x: f64) -> u64 {
    x.to_bits() & ((1 << 52) - 1) | 1 << 52
}

/// What a sum left over; see [`two_sum`](fn@crate::two_sum).
#[inline]
const fn two_sum_error(x: f64, y: f64, sum: f64) -> f64 {
    let y_part = sum - x;
    (x - (sum - y_part)) + (y - y_part)
}

/// a x b + c by error-free transformations and rounding to odd
/// ([Boldo and Melquiond, 2008](https://doi.org/10.1109/TC.2007.70819), section 4): the product is
/// two numbers, the sum of the three is one that is nearly it and two that are left over.
///
/// What is left over decides whether the result is exact, too: if it needs more than 53 bits, so
/// does the result, whose leading bit lies above.
const fn fma_f64(x: f64, y: f64, z: f64) -> Option<Rounded> {
    let product = x * y;
    if !splits(x) || !splits(y) || !inside_f64(product) {
        return None;
    }
    let ((x_high, x_low), (y_high, y_low)) = (halves(x), halves(y));
    let product_error =
        x_low * y_low - (((product - x_high * y_high) - x_low * y_high) - x_high * y_low);
    let (low, lowest) = two_sum(z, product_error);
    let (high, middle) = two_sum(product, low);
    let (rest, rest_error) = two_sum(lowest, middle);
    let (sum, error) = two_sum(high, to_odd(rest, rest_error));
    if !inside_f64(sum) {
        return None;
    }
    Some(rounded(sum.to_bits(), error != 0.0 || rest_error != 0.0))
}

/// Whether the products of the halves of two such numbers neither overflow nor underflow.
const fn splits(x: f64) -> bool {
    let field = x.to_bits() >> 52 & 0x7ff;
    field >= 1023 - 450 && field <= 1023 + 450
}

/// x as the sum of two numbers of at most 26 bits, sign included (Veltkamp).
const fn halves(x: f64) -> (f64, f64) {
    let scaled = 134_217_729.0 * x; // 2^27 + 1
    let high = scaled - (scaled - x);
    (high, x - high)
}

/// A sum and what it left over.
#[inline]
const fn two_sum(x: f64, y: f64) -> (f64, f64) {
    let sum = x + y;
    (sum, two_sum_error(x, y, sum))
}

/// A sum and what it left over, rounded to odd: it can be rounded again as if it were exact.
#[inline]
const fn to_odd(sum: f64, error: f64) -> f64 {
    if error == 0.0 || sum == 0.0 {
        return sum;
    }
    let bits = sum.to_bits();
    // Toward zero if the sum was rounded away from it.
    let truncated = if (error < 0.0) == (sum < 0.0) { bits } else { bits - 1 };
    f64::from_bits(truncated | 1)
}
