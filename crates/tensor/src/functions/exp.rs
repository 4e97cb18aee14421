//! e^x = 2^n e^r, n = round(x / ln 2), |r| ≤ ln(2)/2.

use fpbits::fast_two_sum;

use super::horner;

/// (e^r - 1 - r)/r², |r| ≤ ln(2)/2; r² times it is off by 2^-28.2.
const Q_F32: [f32; 5] = [0.5, 1.6666518e-01, 4.1666206e-02, 8.368882e-03, 1.3950578e-03];

/// The same to 2^-57.1.
const Q_F64: [f64; 10] = [
    0.500000000000001,
    0.16666666666666674,
    0.041666666666522106,
    0.008333333333322215,
    0.0013888888947785523,
    0.00019841269886563802,
    2.4801487366025675e-05,
    2.755724236744966e-06,
    2.7632640675430235e-07,
    2.5110038296727242e-08,
];

/// ln 2 as a sum of two numbers of each type.
pub(super) const LN_2_F32: (f32, f32) = (std::f32::consts::LN_2, -1.904_654_3e-9);
pub(super) const LN_2_F64: (f64, f64) = (std::f64::consts::LN_2, 2.319_046_813_846_3e-17);

/// 1.5 · 2^23 and 1.5 · 2^52: adding one rounds to an integer, which is then in the low bits.
const ROUND_F32: f32 = 12_582_912.0;
const ROUND_F64: f64 = 6_755_399_441_055_744.0;

/// x = n ln 2 + r: (2^n as a product of two powers, e^r - 1).
///
/// The powers are two because 2^n alone need not be a normal number.
#[inline(always)]
pub(super) fn reduced_f32(x: f32) -> ((f32, f32), f32) {
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND_F32);
    let n = shifted - ROUND_F32;
    let r = (-n).mul_add(LN_2_F32.1, (-n).mul_add(LN_2_F32.0, x));
    // Biased twice, so that each half carries its own bias of 127.
    let biased = shifted.to_bits().wrapping_sub(ROUND_F32.to_bits()).wrapping_add(2 * 127);
    let half = biased >> 1;
    let power = |biased: u32| f32::from_bits(biased << 23);
    ((power(half), power(biased.wrapping_sub(half))), (r * r).mul_add(horner(r, Q_F32), r))
}

/// As [`reduced_f32`].
#[inline(always)]
pub(super) fn reduced_f64(x: f64) -> ((f64, f64), f64) {
    let (powers, n) = powers_of_two_f64(x);
    let r = (-n).mul_add(LN_2_F64.1, (-n).mul_add(LN_2_F64.0, x));
    (powers, (r * r).mul_add(horner(r, Q_F64), r))
}

/// n = round(x / ln 2), and 2^n as a product of two powers.
#[inline(always)]
fn powers_of_two_f64(x: f64) -> ((f64, f64), f64) {
    let shifted = x.mul_add(std::f64::consts::LOG2_E, ROUND_F64);
    let biased = shifted.to_bits().wrapping_sub(ROUND_F64.to_bits()).wrapping_add(2 * 1023);
    let half = biased >> 1;
    let power = |biased: u64| f64::from_bits(biased << 52);
    ((power(half), power(biased.wrapping_sub(half))), shifted - ROUND_F64)
}

/// e^(x + low) for -1400 < x < 1400 and |low| ≤ 2^-40, at most 0.6 ulp off: what 1 + e^r - 1 loses is added, too.
#[inline(always)]
pub(super) fn of_sum_f64(x: f64, low: f64) -> f64 {
    let ((s0, s1), n) = powers_of_two_f64(x);
    // Exact: both are multiples of the last place of r, or of x.
    let high = (-n).mul_add(LN_2_F64.0, x);
    let low = (-n).mul_add(LN_2_F64.1, low);
    let (r, lost) = fast_two_sum(high, low);
    let (sum, rest) = fast_two_sum(1.0, r);
    (sum + (rest + (r * r).mul_add(horner(r, Q_F64), lost))) * s0 * s1
}

/// At most 1.04 ulp off (the worst of all 2^32 arguments is off by 1.035, at -5.8476796).
#[inline(always)]
pub(crate) fn f32(x: f32) -> f32 {
    // Beyond these the result is infinite, or zero; NaN passes both comparisons by.
    let x = if x > 89.0 { 89.0 } else { x };
    between_f32(if x < -104.0 { -104.0 } else { x })
}

/// [`f32`] for -170 < x < 170, where the two powers are normal numbers.
#[inline(always)]
pub(super) fn between_f32(x: f32) -> f32 {
    let ((s0, s1), e) = reduced_f32(x);
    (1.0 + e) * s0 * s1
}

/// e^(x + low) for -170 < x < 170 and a `low` that is small beside 1; NaN may give anything.
#[inline(always)]
pub(super) fn of_sum_f32(x: f32, low: f32) -> f32 {
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND_F32);
    let n = shifted - ROUND_F32;
    let r = (-n).mul_add(LN_2_F32.1, (-n).mul_add(LN_2_F32.0, x)) + low;
    let e = 1.0 + (r * r).mul_add(horner(r, Q_F32), r);
    // Half of n is added to the exponent, where a normal number stays normal; the other half is multiplied by.
    let n = shifted.to_bits().wrapping_sub(ROUND_F32.to_bits());
    let half = (n.cast_signed() >> 1).cast_unsigned();
    let scaled = f32::from_bits(e.to_bits().wrapping_add(half << 23));
    scaled * f32::from_bits(n.wrapping_sub(half).wrapping_add(127) << 23)
}

/// At most 1.04 ulp off (1.028 is the worst of 18 million random arguments, at 370.5225696675295).
#[inline(always)]
pub(crate) fn f64(x: f64) -> f64 {
    let x = if x > 710.0 { 710.0 } else { x };
    between_f64(if x < -746.0 { -746.0 } else { x })
}

/// [`f64`] for -1400 < x < 1400, where the two powers are normal numbers.
#[inline(always)]
pub(super) fn between_f64(x: f64) -> f64 {
    let ((s0, s1), e) = reduced_f64(x);
    (1.0 + e) * s0 * s1
}
