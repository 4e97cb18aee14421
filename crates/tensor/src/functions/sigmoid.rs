//! 1/(1 + e^-x), by e^-|x| ≤ 1, which does not overflow.

/// At most 2.5 ulp off.
#[inline(always)]
pub(crate) fn f32(x: f32) -> f32 {
    let e = super::exp::f32(-x.abs());
    (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)
}

/// At most 2.5 ulp off.
#[inline(always)]
pub(crate) fn f64(x: f64) -> f64 {
    let e = super::exp::f64(-x.abs());
    (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)
}
