//! erf x = x + x P(x²) for |x| < 1, else 1 - erfc |x| with the sign of x.

use super::{erfc, horner};

/// erf(x)/x - 1 in x², |x| ≤ 1: off by 2^-29.6 of erf(x)/x.
const P_F32: [f32; 7] = [
    1.2837917e-01,
    -3.7612626e-01,
    1.12835854e-01,
    -2.6853815e-02,
    5.1883305e-03,
    -8.0102024e-04,
    7.85385e-05,
];

/// The same to 2^-62.7.
const P_F64: [f64; 13] = [
    0.1283791670955126,
    -0.3761263890318375,
    0.11283791670954858,
    -0.02686617064507296,
    0.00522397762478137,
    -0.0008548326978765149,
    0.00012055331037551108,
    -1.4925593518728226e-05,
    1.6460972954153765e-06,
    -1.635002619207727e-07,
    1.4657883530919653e-08,
    -1.136567067182716e-09,
    5.945255584223488e-11,
];

/// At most 2 ulp off.
#[inline(always)]
pub(crate) fn f32(x: f32) -> f32 {
    let small = x.mul_add(horner(x * x, P_F32), x);
    let large = (1.0 - erfc::positive_f32(x.abs())).copysign(x);
    if x.abs() < 1.0 { small } else { large }
}

/// At most 2 ulp off.
#[inline(always)]
pub(crate) fn f64(x: f64) -> f64 {
    let small = x.mul_add(horner(x * x, P_F64), x);
    let large = (1.0 - erfc::positive_f64(x.abs())).copysign(x);
    if x.abs() < 1.0 { small } else { large }
}
