//! log x = e ln 2 + log m, m near 1.

use super::exp::{LN_2_F32, LN_2_F64};
use super::horner;

/// (log(1 + f) - f + f²/2)/f³, |f| ≤ 1/3; f³ times it is off by 2^-30.1 of the logarithm.
const P_F32: [f32; 9] = [
    3.3333334e-01,
    -2.499982e-01,
    1.9999598e-01,
    -1.6679579e-01,
    1.4304455e-01,
    -1.21957645e-01,
    1.075425e-01,
    -1.2845117e-01,
    1.2007115e-01,
];

/// (log((1 + s)/(1 - s)) - 2s)/s³ in s², |s| ≤ (√2 - 1)/(√2 + 1); off by 2^-58.6.
const R_F64: [f64; 7] = [
    0.666666666666671,
    0.39999999999520114,
    0.2857142872920423,
    0.2222219910037862,
    0.18183570998444593,
    0.15313179277392916,
    0.14810362639819422,
];

/// At most 1 ulp off.
#[inline(always)]
pub(crate) fn f32(x: f32) -> f32 {
    /// 2/3: m lies in [2/3, 4/3).
    const LOWEST: u32 = 0x3F2A_AAAB;
    let subnormal = x < f32::MIN_POSITIVE;
    // 2^23
    let bits = if subnormal { x * 8_388_608.0 } else { x }.to_bits();
    let exponent = (bits.wrapping_sub(LOWEST) as i32) >> 23;
    let e = exponent as f32 - if subnormal { 23.0 } else { 0.0 };
    let f = f32::from_bits(bits.wrapping_sub((exponent << 23) as u32)) - 1.0;
    let curve = f.mul_add(horner(f, P_F32), -0.5);
    let log_m = (f * f).mul_add(curve, e * LN_2_F32.1) + f;
    let log = e.mul_add(LN_2_F32.0, log_m);
    let log = if x < f32::INFINITY { log } else { x };
    let log = if x > 0.0 { log } else { f32::NAN };
    if x == 0.0 { f32::NEG_INFINITY } else { log }
}

/// x = 2^e (1 + f) for a positive finite x, where 1 + f lies in [√½, √2) and f is exact.
#[inline(always)]
pub(super) fn reduced_f64(x: f64) -> (f64, f64) {
    /// √½.
    const LOWEST: u64 = 0x3FE6_A09E_667F_3BCD;
    const EXPONENT: u64 = 0xFFF0_0000_0000_0000;
    /// 2^52, and its bits: or-ing an integer into them adds it.
    const SHIFT: f64 = 4_503_599_627_370_496.0;
    let subnormal = x < f64::MIN_POSITIVE;
    let bits = if subnormal { x * SHIFT } else { x }.to_bits();
    let offset = bits.wrapping_sub(LOWEST);
    // The exponent biased by 2048, without a signed shift or conversion, which AVX2 lacks.
    let biased = (offset ^ (1 << 63)) >> 52;
    let exponent = f64::from_bits(biased | SHIFT.to_bits()) - (SHIFT + 2048.0);
    let e = exponent - if subnormal { 52.0 } else { 0.0 };
    (e, f64::from_bits(bits.wrapping_sub(offset & EXPONENT)) - 1.0)
}

/// `log` of a positive finite x; of others what a logarithm is of them.
#[inline(always)]
pub(super) fn with_limits_f64(x: f64, log: f64) -> f64 {
    let log = if x < f64::INFINITY { log } else { x };
    let log = if x > 0.0 { log } else { f64::NAN };
    if x == 0.0 { f64::NEG_INFINITY } else { log }
}

/// At most 1 ulp off.
#[inline(always)]
pub(crate) fn f64(x: f64) -> f64 {
    let (e, f) = reduced_f64(x);
    let s = f / (2.0 + f);
    let z = s * s;
    // log m = 2s + s³R = f - (f²/2 - s (f²/2 + s²R)), in which the largest term is exact.
    let half_square = 0.5 * f * f;
    let inner = s.mul_add(z.mul_add(horner(z, R_F64), half_square), e * LN_2_F64.1);
    with_limits_f64(x, e.mul_add(LN_2_F64.0, f - (half_square - inner)))
}
