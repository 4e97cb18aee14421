//! Sine and cosine by reduction to |r| ≤ π/4, for |x| up to 2^20.

use super::horner;

/// π/2 as a sum of three numbers of 53 bits.
const HALF_PI: [f64; 3] =
    [std::f64::consts::FRAC_PI_2, 6.123_233_995_736_766e-17, -1.497_384_904_859_169_8e-33];

/// 1.5 · 2^52: adding it rounds to an integer, which is then in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// (sin r - r)/r³ in r², |r| ≤ π/4; off by 2^-58.0.
const S: [f64; 6] = [
    -0.16666666666666632,
    0.00833333333332242,
    -0.00019841269829812378,
    2.755731369354652e-06,
    -2.5050758377945793e-08,
    1.5896811335168216e-10,
];

/// (cos r - 1 + r²/2)/r⁴ in r², |r| ≤ π/4; off by 2^-64.2.
const C: [f64; 6] = [
    0.0416666666666666,
    -0.0013888888888874142,
    2.4801587289492176e-05,
    -2.755731435506915e-07,
    2.0875723632113495e-09,
    -1.1359665928103432e-11,
];

/// Computed in `f64` and rounded: at most 0.51 ulp off.
#[inline(always)]
pub(crate) fn f32(x: f32) -> (f32, f32) {
    let (sin, cos) = f64(f64::from(x));
    (sin as f32, cos as f32)
}

/// At most 2 ulp off for |x| up to 2^20.
#[inline(always)]
pub(crate) fn f64(x: f64) -> (f64, f64) {
    let shifted = x.mul_add(std::f64::consts::FRAC_2_PI, ROUND);
    let n = shifted - ROUND;
    let quadrant = shifted.to_bits();
    let r = (-n).mul_add(HALF_PI[0], x);
    let r = (-n).mul_add(HALF_PI[1], r);
    let r = (-n).mul_add(HALF_PI[2], r);
    let z = r * r;
    let sin = (z * r).mul_add(horner(z, S), r);
    // 1 - z/2 rounds; what it loses is added back with the small terms.
    let half = 0.5 * z;
    let near_one = 1.0 - half;
    let lost = (1.0 - near_one) - half;
    let cos = near_one + (z * z).mul_add(horner(z, C), lost);
    let (sin, cos) = if quadrant & 1 == 0 { (sin, cos) } else { (cos, sin) };
    let sin = if quadrant & 2 == 0 { sin } else { -sin };
    let cos = if (quadrant.wrapping_add(1)) & 2 == 0 { cos } else { -cos };
    (sin, cos)
}
