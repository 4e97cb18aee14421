//! The normal distribution: Φ(x) = erfc(-x/√2)/2, and e^(-x²/2) beside it.

use super::erfc::{
    END_F32, END_F64, exp_of_negative_product_f32, exp_of_negative_product_f64, scaled_f32,
    scaled_f64,
};

/// (Φ(x), e^(-x²/2)). The exponential is of x, not of the rounded x/√2, so that Φ keeps its
/// accuracy far out on the left. Of NaN only Φ is NaN.
#[inline(always)]
pub(crate) fn f32(x: f32) -> (f32, f32) {
    let end = END_F32 * std::f32::consts::SQRT_2;
    let y = if x.abs() > end { end } else { x.abs() };
    let e = exp_of_negative_product_f32(0.5 * y, y);
    let tail = e * scaled_f32(0.5, y, std::f32::consts::FRAC_1_SQRT_2);
    (if x > 0.0 { 1.0 - tail } else { tail }, e)
}

/// As [`f32`].
#[inline(always)]
pub(crate) fn f64(x: f64) -> (f64, f64) {
    let end = END_F64 * std::f64::consts::SQRT_2;
    let y = if x.abs() > end { end } else { x.abs() };
    let e = exp_of_negative_product_f64(0.5 * y, y);
    let tail = e * scaled_f64(0.5, y, std::f64::consts::FRAC_1_SQRT_2);
    (if x > 0.0 { 1.0 - tail } else { tail }, e)
}
