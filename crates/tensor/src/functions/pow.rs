//! x^y = e^(y log x), and the sign that an odd y gives a negative x.

use super::{exp, log};

/// Computed in `f64` and rounded: at most 0.51 ulp off.
#[inline(always)]
pub(crate) fn f32(x: f32, y: f32) -> f32 {
    f64(f64::from(x), f64::from(y)) as f32
}

/// At most 2 + |y log x| ulp off; the exponents -1, -1/2, 0, 1/2, 1, 2 and 3 are exact to the
/// rounding of the operations they stand for.
#[inline(always)]
pub(crate) fn f64(x: f64, y: f64) -> f64 {
    let magnitude = exp::f64(y * log::f64(x.abs()));
    let integer = y == y.floor();
    let odd = integer && (0.5 * y) != (0.5 * y).floor();
    let signed = if odd { magnitude.copysign(x) } else { magnitude };
    let general = if x < 0.0 && !integer { f64::NAN } else { signed };
    let special = if y == 0.0 || x == 1.0 { 1.0 } else { general };
    match y {
        -1.0 => 1.0 / x,
        -0.5 => 1.0 / x.sqrt(),
        0.5 => x.sqrt(),
        1.0 => x,
        2.0 => x * x,
        3.0 => x * x * x,
        _ => special,
    }
}
