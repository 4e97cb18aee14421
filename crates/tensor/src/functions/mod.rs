//! The elementary functions, one file each, for one `f32` and one `f64`.
//!
//! Each is a straight line of additions, multiplications and fused multiply-adds without branches:
//! a loop over a slice becomes vector code by itself, and the bits are the same at any width.
//!
//! The polynomials are minimax fits by Remez's algorithm at 60 digits, rounded to the type; each
//! table says of what, where, and how far it is off before rounding.

pub(crate) mod erf;
pub(crate) mod erfc;
pub(crate) mod exp;
pub(crate) mod expm1;
pub(crate) mod log;
pub(crate) mod log1p;
pub(crate) mod normal;
pub(crate) mod pow;
pub(crate) mod sigmoid;
pub(crate) mod sin_cos;
pub(crate) mod tanh;

#[cfg(test)]
mod tests;

/// c[0] + c[1] x + c[2] x² + ..., by Horner's rule with fused multiply-add.
#[inline(always)]
fn horner<T: crate::Float, const N: usize>(x: T, c: [T; N]) -> T {
    let mut sum = c[N - 1];
    for i in (0..N - 1).rev() {
        sum = sum.mul_add(x, c[i]);
    }
    sum
}
