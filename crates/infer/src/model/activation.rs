//! The function inside the feed-forward block.

use std::fmt;

use ulp_tensor::simd::{Kernel, run};
use ulp_tensor::{Float, silu_mul_in_place};

/// The function inside the feed-forward block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    /// x·σ(x).
    Silu,
    /// x·Φ(x).
    Gelu,
    /// x·(1 + tanh u)/2 with u = √(2/π)·(x + 0.044715 x³).
    GeluTanh,
}

/// As configurations name it.
impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Activation::Silu => "silu",
            Activation::Gelu => "gelu",
            Activation::GeluTanh => "gelu_pytorch_tanh",
        })
    }
}

impl Activation {
    /// The function of a name that configurations use.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "silu" | "swish" => Some(Activation::Silu),
            "gelu" => Some(Activation::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Some(Activation::GeluTanh),
            _ => None,
        }
    }

    /// gate[i] = f(gate[i]) · up[i].
    pub(crate) fn gate(self, gate: &mut [f32], up: &[f32]) {
        match self {
            Activation::Silu => silu_mul_in_place(gate, up),
            Activation::Gelu => run(Gate { gate, up, f: Erf }),
            Activation::GeluTanh => run(Gate { gate, up, f: Tanh }),
        }
    }

    /// x[i] = f(x[i]).
    pub(crate) fn apply(self, x: &mut [f32]) {
        match self {
            Activation::Silu => run(Apply { x, f: Silu }),
            Activation::Gelu => run(Apply { x, f: Erf }),
            Activation::GeluTanh => run(Apply { x, f: Tanh }),
        }
    }
}

/// c·tanh(x / c).
pub(crate) fn cap(x: &mut [f32], cap: f32) {
    run(Apply { x, f: Cap(cap) });
}

trait Function: Copy {
    fn at(self, x: f32) -> f32;
}

#[derive(Clone, Copy)]
struct Silu;

impl Function for Silu {
    #[inline(always)]
    fn at(self, x: f32) -> f32 {
        x * Float::sigmoid(x)
    }
}

#[derive(Clone, Copy)]
struct Erf;

impl Function for Erf {
    #[inline(always)]
    fn at(self, x: f32) -> f32 {
        x * Float::normal_cdf(x).0
    }
}

#[derive(Clone, Copy)]
struct Tanh;

/// √(2/π).
const SQRT_2_OVER_PI: f32 = 0.797_884_6;

impl Function for Tanh {
    #[inline(always)]
    fn at(self, x: f32) -> f32 {
        // (1 + tanh u)/2 = σ(2u), which does not cancel for negative u.
        let u = SQRT_2_OVER_PI * x * (x * x).mul_add(0.044_715, 1.0);
        x * Float::sigmoid(u + u)
    }
}

#[derive(Clone, Copy)]
struct Cap(f32);

impl Function for Cap {
    #[inline(always)]
    fn at(self, x: f32) -> f32 {
        self.0 * Float::tanh(x / self.0)
    }
}

struct Apply<'a, F> {
    x: &'a mut [f32],
    f: F,
}

impl<F: Function> Kernel for Apply<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for x in self.x {
            *x = self.f.at(*x);
        }
    }
}

struct Gate<'a, F> {
    gate: &'a mut [f32],
    up: &'a [f32],
    f: F,
}

impl<F: Function> Kernel for Gate<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (gate, &up) in self.gate.iter_mut().zip(self.up) {
            *gate = self.f.at(*gate) * up;
        }
    }
}

#[cfg(test)]
mod tests {
    use ulp_tensor::ndarray::arr1;

    use super::*;

    #[test]
    fn names_are_those_of_configurations() {
        for activation in [Activation::Silu, Activation::Gelu, Activation::GeluTanh] {
            assert_eq!(Activation::named(&activation.to_string()), Some(activation));
        }
    }

    #[test]
    fn functions_are_those_of_the_array_code() {
        let x: Vec<f32> = (-40..40).map(|i| i as f32 / 8.0).collect();
        let array = arr1(&x).into_dyn();
        for (activation, expected) in [
            (Activation::Silu, ulp_tensor::silu(array.view())),
            (Activation::Gelu, ulp_tensor::gelu(array.view())),
            (Activation::GeluTanh, ulp_tensor::gelu_tanh(array.view())),
        ] {
            let expected = expected.into_raw_vec_and_offset().0;
            let mut out = x.clone();
            activation.apply(&mut out);
            assert_eq!(out, expected, "{activation:?}");
            let mut gated = x.clone();
            activation.gate(&mut gated, &vec![2.0; x.len()]);
            assert!(gated.iter().zip(&expected).all(|(a, b)| *a == 2.0 * b), "{activation:?}");
        }
    }

    #[test]
    fn a_cap_bounds_and_hardly_changes_what_is_small() {
        let mut x = [1e9, -1e9, 0.01];
        cap(&mut x, 30.0);
        assert_eq!((x[0], x[1]), (30.0, -30.0));
        assert!((x[2] - 0.01).abs() < 1e-8);
    }
}
