//! tanh |x| = (e^2|x| - 1)/((e^2|x| - 1) + 2).

use super::exp::{reduced_f32, reduced_f64};
use super::horner;

/// (tanh(x)/x - 1)/x² in x², |x| ≤ 0.6; x² times it is off by 2^-32.6.
const P_F32: [f32; 6] =
    [-3.333333e-01, 1.3333255e-01, -5.3952686e-02, 2.1732312e-02, -8.255087e-03, 2.2146995e-03];

/// At most 2 ulp off. For |x| < 0.6 by a polynomial: the quotient would be 2.2 ulp off there.
#[inline(always)]
pub(crate) fn f32(x: f32) -> f32 {
    let z = x * x;
    let small = (x * z).mul_add(horner(z, P_F32), x);
    let y = 2.0 * x.abs();
    // tanh 10 rounds to 1.
    let y = if y > 20.0 { 20.0 } else { y };
    let ((s0, s1), e) = reduced_f32(y);
    let power = s0 * s1;
    let e = power.mul_add(e, power - 1.0);
    let y = if x.abs() < 0.6 { small } else { e / (e + 2.0) };
    y.copysign(x)
}

/// At most 3 ulp off.
#[inline(always)]
pub(crate) fn f64(x: f64) -> f64 {
    let y = 2.0 * x.abs();
    // tanh 22 rounds to 1.
    let y = if y > 44.0 { 44.0 } else { y };
    let ((s0, s1), e) = reduced_f64(y);
    let power = s0 * s1;
    let e = power.mul_add(e, power - 1.0);
    (e / (e + 2.0)).copysign(x)
}
