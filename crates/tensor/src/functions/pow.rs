//! x^y = e^(y log x), and the sign that an odd y gives a negative x.

use super::{exp, log};

/// Computed in `f64` and rounded: at most 0.51 ulp off.
#[inline(always)]
pub(crate) fn f32(x: f32, y: f32) -> f32 {
    f64(f64::from(x), f64::from(y)) as f32
}

/// At most 2 + |y log x| ulp off.
#[inline(always)]
pub(crate) fn f64(x: f64, y: f64) -> f64 {
    let magnitude = exp::f64(y * log::f64(x.abs()));
    let integer = y == y.floor();
    let odd = integer && (0.5 * y) != (0.5 * y).floor();
    let signed = if odd { magnitude.copysign(x) } else { magnitude };
    let general = if x < 0.0 && !integer { f64::NAN } else { signed };
    if y == 0.0 || x == 1.0 { 1.0 } else { general }
}
