//! e^x - 1 without cancellation.

use super::exp;

/// Computed in `f64` and rounded: at most 0.51 ulp off.
#[inline(always)]
pub(crate) fn f32(x: f32) -> f32 {
    f64(f64::from(x)) as f32
}

/// At most 2 ulp off: with e^x = 2^n (1 + e), 2^n e + (2^n - 1), whose second term is exact.
#[inline(always)]
pub(crate) fn f64(x: f64) -> f64 {
    // Beyond these the 1 is rounded away, or e^x is.
    let near = if x > 40.0 { 40.0 } else { x };
    let near = if near < -40.0 { -40.0 } else { near };
    let ((s0, s1), e) = exp::reduced_f64(near);
    let power = s0 * s1;
    let small = power.mul_add(e, power - 1.0);
    let value = if x > 40.0 { exp::f64(x) } else { small };
    // Zero keeps its sign, NaN stays.
    if x == 0.0 || x.is_nan() { x } else { value }
}
