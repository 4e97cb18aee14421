//! log(1 + x) without the loss of what 1 + x rounds away.

use super::log;

/// Computed in `f64` and rounded: at most 0.51 ulp off.
#[inline(always)]
pub(crate) fn f32(x: f32) -> f32 {
    f64(f64::from(x)) as f32
}

/// At most 2 ulp off: log u + ((x - (u - 1)) / u), u being 1 + x as rounded; what was rounded away
/// is found exactly (Higham, *Accuracy and Stability of Numerical Algorithms*, section 1.14.1).
#[inline(always)]
pub(crate) fn f64(x: f64) -> f64 {
    let u = 1.0 + x;
    // The larger of the two first, so that each difference is exact.
    let lost = if x.abs() > 1.0 { 1.0 - (u - x) } else { x - (u - 1.0) };
    let correction = lost / u;
    let sum = log::f64(u) + correction;
    let sum = if u.abs() < f64::INFINITY && u != 0.0 { sum } else { log::f64(u) };
    // 1 + x = 1: the logarithm is x, with its sign.
    if u == 1.0 { x } else { sum }
}
