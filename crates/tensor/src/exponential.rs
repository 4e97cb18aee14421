//! Exponentials, logarithms, roots and powers, element by element.

use ndarray::{ArrayD, ArrayViewD};

use crate::Float;
use crate::map::map1;
use crate::simd::out::Map1;

/// Gives a unit struct the function that [`map1`] applies to each element.
macro_rules! each {
    ($name:ident, $x:ident => $value:expr) => {
        #[derive(Clone, Copy)]
        struct $name;
        impl<T: Float> Map1<T> for $name {
            #[inline(always)]
            fn at(self, $x: T) -> T {
                $value
            }
        }
    };
}

each!(Exp, x => x.exp());
each!(Log, x => x.log());
each!(Sqrt, x => x.sqrt());
each!(Rsqrt, x => T::ONE / x.sqrt());
each!(Erf, x => x.erf());

/// e^x.
pub fn exp<T: Float>(x: ArrayViewD<'_, T>) -> ArrayD<T> {
    map1(x, Exp)
}

/// The natural logarithm of x: NaN below zero, negative infinity at zero.
pub fn log<T: Float>(x: ArrayViewD<'_, T>) -> ArrayD<T> {
    map1(x, Log)
}

/// √x, correctly rounded.
pub fn sqrt<T: Float>(x: ArrayViewD<'_, T>) -> ArrayD<T> {
    map1(x, Sqrt)
}

/// 1/√x, by a correctly rounded root and a correctly rounded quotient.
pub fn rsqrt<T: Float>(x: ArrayViewD<'_, T>) -> ArrayD<T> {
    map1(x, Rsqrt)
}

/// erf(x) = 2/√π ∫₀ˣ e^(-t²) dt.
pub fn erf<T: Float>(x: ArrayViewD<'_, T>) -> ArrayD<T> {
    map1(x, Erf)
}

#[derive(Clone, Copy)]
struct Pow<T>(T);
impl<T: Float> Map1<T> for Pow<T> {
    #[inline(always)]
    fn at(self, x: T) -> T {
        x.pow(self.0)
    }
}

each!(Square, x => x * x);
each!(Cube, x => x * x * x);
each!(Reciprocal, x => T::ONE / x);

/// x to the power `exponent`.
pub fn pow<T: Float>(x: ArrayViewD<'_, T>, exponent: T) -> ArrayD<T> {
    match exponent.to_f64() {
        2.0 => map1(x, Square),
        3.0 => map1(x, Cube),
        0.5 => map1(x, Sqrt),
        -0.5 => map1(x, Rsqrt),
        -1.0 => map1(x, Reciprocal),
        _ => map1(x, Pow(exponent)),
    }
}
