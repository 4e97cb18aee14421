//! Activation functions and their derivatives.

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};

use crate::Float;
use crate::map::{map1, map1_into, map2, map2_into, map3};
use crate::simd::out::{Map1, Map2, Map3};
use crate::simd::{Kernel, run};

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

macro_rules! pairwise {
    ($name:ident, $x:ident, $y:ident => $value:expr) => {
        #[derive(Clone, Copy)]
        struct $name;
        impl<T: Float> Map2<T> for $name {
            #[inline(always)]
            fn at(self, $x: T, $y: T) -> T {
                $value
            }
        }
    };
}

/// 1/√(2π), the density of the normal distribution at 0.
const NORMAL_DENSITY_0: f64 = 0.398_942_280_401_432_7;
/// √(2/π) and the cubic term's factor: Hendrycks and Gimpel, <https://arxiv.org/abs/1606.08415>.
const SQRT_2_OVER_PI: f64 = 0.797_884_560_802_865_4;
const GELU_CUBIC: f64 = 0.044_715;
/// Beyond it `gelu_tanh` is x or 0 to the last bit, in `f64` too: 2u is above 71000.
const GELU_TANH_FLAT: f64 = 100.0;

#[inline(always)]
fn silu_at<T: Float>(x: T) -> T {
    x * x.sigmoid()
}

#[inline(always)]
fn silu_slope<T: Float>(x: T) -> T {
    // s + x s (1 - s), with s the sigmoid.
    let s = x.sigmoid();
    s.mul_add(x * (T::ONE - s), s)
}

#[inline(always)]
fn gelu_at<T: Float>(x: T) -> T {
    x * x.normal_cdf().0
}

#[inline(always)]
fn gelu_slope<T: Float>(x: T) -> T {
    let (cdf, e) = x.normal_cdf();
    x.mul_add(e * T::from_f64(NORMAL_DENSITY_0), cdf)
}

#[inline(always)]
fn gelu_tanh_argument<T: Float>(x: T) -> T {
    let cubic = (x * x).mul_add(T::from_f64(GELU_CUBIC), T::ONE);
    T::from_f64(SQRT_2_OVER_PI) * x * cubic
}

#[inline(always)]
fn gelu_tanh_at<T: Float>(x: T) -> T {
    // (1 + tanh u)/2 = sigmoid(2u), which does not cancel for negative u.
    let u = gelu_tanh_argument(x);
    x * (u + u).sigmoid()
}

#[inline(always)]
fn gelu_tanh_slope<T: Float>(x: T) -> T {
    // Where the slope is 0 or 1, du of large x would overflow: 0 · ∞.
    let flat = T::from_f64(GELU_TANH_FLAT);
    let x = if x.abs() > flat { flat.copysign(x) } else { x };
    let u = gelu_tanh_argument(x);
    let s = (u + u).sigmoid();
    let du = T::from_f64(SQRT_2_OVER_PI) * (x * x).mul_add(T::from_f64(3.0 * GELU_CUBIC), T::ONE);
    // d sigmoid(2u) = 2 s (1 - s) du.
    ((s + s) * (T::ONE - s) * du).mul_add(x, s)
}

each!(Tanh, x => x.tanh());
each!(Sigmoid, x => x.sigmoid());
// Written so that NaN stays NaN.
each!(Relu, x => if x < T::ZERO { T::ZERO } else { x });
each!(Silu, x => silu_at(x));
each!(Gelu, x => gelu_at(x));
each!(GeluTanh, x => gelu_tanh_at(x));
pairwise!(TanhVjp, y, dy => dy * (T::ONE - y * y));
pairwise!(SigmoidVjp, y, dy => dy * (y * (T::ONE - y)));
// The slope of the branch that `Relu` takes: a NaN, which stays, has 1.
pairwise!(ReluVjp, x, dy => if x <= T::ZERO { T::ZERO } else { dy });
pairwise!(SiluVjp, x, dy => dy * silu_slope(x));
pairwise!(GeluVjp, x, dy => dy * gelu_slope(x));
pairwise!(GeluTanhVjp, x, dy => dy * gelu_tanh_slope(x));
pairwise!(SiluMul, gate, up => silu_at(gate) * up);

#[derive(Clone, Copy)]
struct SiluMulVjpGate;
impl<T: Float> Map3<T> for SiluMulVjpGate {
    #[inline(always)]
    fn at(self, gate: T, up: T, dy: T) -> T {
        dy * up * silu_slope(gate)
    }
}

/// tanh x.
pub fn tanh<T: Float>(x: ArrayViewD<'_, T>) -> ArrayD<T> {
    map1(x, Tanh)
}

/// [`tanh`] into `out`.
#[track_caller]
pub fn tanh_into<T: Float>(x: ArrayViewD<'_, T>, out: ArrayViewMutD<'_, T>) {
    map1_into(x, Tanh, out);
}

/// `dy (1 - y²)`, where `y = tanh x`.
#[track_caller]
pub fn tanh_vjp<T: Float>(y: ArrayViewD<'_, T>, dy: ArrayViewD<'_, T>) -> ArrayD<T> {
    map2(y, dy, TanhVjp)
}

/// σ(x) = 1 / (1 + e^-x).
pub fn sigmoid<T: Float>(x: ArrayViewD<'_, T>) -> ArrayD<T> {
    map1(x, Sigmoid)
}

/// [`sigmoid`] into `out`.
#[track_caller]
pub fn sigmoid_into<T: Float>(x: ArrayViewD<'_, T>, out: ArrayViewMutD<'_, T>) {
    map1_into(x, Sigmoid, out);
}

/// `dy y (1 - y)`, where `y = sigmoid x`.
#[track_caller]
pub fn sigmoid_vjp<T: Float>(y: ArrayViewD<'_, T>, dy: ArrayViewD<'_, T>) -> ArrayD<T> {
    map2(y, dy, SigmoidVjp)
}

/// max(x, 0).
pub fn relu<T: Float>(x: ArrayViewD<'_, T>) -> ArrayD<T> {
    map1(x, Relu)
}

/// [`relu`] into `out`.
#[track_caller]
pub fn relu_into<T: Float>(x: ArrayViewD<'_, T>, out: ArrayViewMutD<'_, T>) {
    map1_into(x, Relu, out);
}

/// 0 where `x <= 0`, else `dy`: also where x is NaN, as in PyTorch.
#[track_caller]
pub fn relu_vjp<T: Float>(x: ArrayViewD<'_, T>, dy: ArrayViewD<'_, T>) -> ArrayD<T> {
    map2(x, dy, ReluVjp)
}

#[derive(Clone, Copy)]
struct LeakyRelu<T>(T);
impl<T: Float> Map1<T> for LeakyRelu<T> {
    #[inline(always)]
    fn at(self, x: T) -> T {
        if x < T::ZERO { x * self.0 } else { x }
    }
}

/// x, times `slope` where it is negative (Maas et al., "Rectifier nonlinearities improve neural
/// network acoustic models", 2013).
pub fn leaky_relu<T: Float>(x: ArrayViewD<'_, T>, slope: T) -> ArrayD<T> {
    map1(x, LeakyRelu(slope))
}

/// [`leaky_relu`] into `out`.
#[track_caller]
pub fn leaky_relu_into<T: Float>(x: ArrayViewD<'_, T>, slope: T, out: ArrayViewMutD<'_, T>) {
    map1_into(x, LeakyRelu(slope), out);
}

#[derive(Clone, Copy)]
struct LeakyReluVjp<T>(T);
impl<T: Float> Map2<T> for LeakyReluVjp<T> {
    #[inline(always)]
    fn at(self, x: T, dy: T) -> T {
        if x > T::ZERO { dy } else { dy * self.0 }
    }
}

/// `dy` where `x > 0`, else `dy · slope`.
#[track_caller]
pub fn leaky_relu_vjp<T: Float>(
    x: ArrayViewD<'_, T>,
    slope: T,
    dy: ArrayViewD<'_, T>,
) -> ArrayD<T> {
    map2(x, dy, LeakyReluVjp(slope))
}

each!(Softplus, x => {
    // log(1 + e^x) without overflow: the larger part is x itself.
    let rest = (-x.abs()).exp().log1p();
    let positive = if x < T::ZERO { T::ZERO } else { x };
    positive + rest
});

/// log(1 + e^x), a smooth form of [`relu`]; its derivative is [`sigmoid`].
pub fn softplus<T: Float>(x: ArrayViewD<'_, T>) -> ArrayD<T> {
    map1(x, Softplus)
}

/// [`softplus`] into `out`.
#[track_caller]
pub fn softplus_into<T: Float>(x: ArrayViewD<'_, T>, out: ArrayViewMutD<'_, T>) {
    map1_into(x, Softplus, out);
}

/// x σ(x), also called Swish.
pub fn silu<T: Float>(x: ArrayViewD<'_, T>) -> ArrayD<T> {
    map1(x, Silu)
}

/// [`silu`] into `out`.
#[track_caller]
pub fn silu_into<T: Float>(x: ArrayViewD<'_, T>, out: ArrayViewMutD<'_, T>) {
    map1_into(x, Silu, out);
}

/// `dy (σ(x) + x σ(x) (1 - σ(x)))`.
#[track_caller]
pub fn silu_vjp<T: Float>(x: ArrayViewD<'_, T>, dy: ArrayViewD<'_, T>) -> ArrayD<T> {
    map2(x, dy, SiluVjp)
}

/// x Φ(x), Φ the normal distribution: the exact form (Hendrycks and Gimpel,
/// [Gaussian Error Linear Units](https://arxiv.org/abs/1606.08415)).
pub fn gelu<T: Float>(x: ArrayViewD<'_, T>) -> ArrayD<T> {
    map1(x, Gelu)
}

/// [`gelu`] into `out`.
#[track_caller]
pub fn gelu_into<T: Float>(x: ArrayViewD<'_, T>, out: ArrayViewMutD<'_, T>) {
    map1_into(x, Gelu, out);
}

/// `dy (Φ(x) + x φ(x))`, φ the normal density.
#[track_caller]
pub fn gelu_vjp<T: Float>(x: ArrayViewD<'_, T>, dy: ArrayViewD<'_, T>) -> ArrayD<T> {
    map2(x, dy, GeluVjp)
}

/// x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2, the approximation of [`gelu`] that GPT-2 uses.
///
/// # Accuracy
///
/// At most 5 + 9|u| ulp, u being the argument of tanh: on the left, where the result is a small tail, an
/// exponential magnifies the rounding of u.
pub fn gelu_tanh<T: Float>(x: ArrayViewD<'_, T>) -> ArrayD<T> {
    map1(x, GeluTanh)
}

/// [`gelu_tanh`] into `out`.
#[track_caller]
pub fn gelu_tanh_into<T: Float>(x: ArrayViewD<'_, T>, out: ArrayViewMutD<'_, T>) {
    map1_into(x, GeluTanh, out);
}

/// `dy` times the derivative of [`gelu_tanh`].
#[track_caller]
pub fn gelu_tanh_vjp<T: Float>(x: ArrayViewD<'_, T>, dy: ArrayViewD<'_, T>) -> ArrayD<T> {
    map2(x, dy, GeluTanhVjp)
}

/// silu(gate) · up, the middle of SwiGLU (Shazeer,
/// [GLU Variants Improve Transformer](https://arxiv.org/abs/2002.05202)), broadcasting.
///
/// # Panics
///
/// If the shapes do not broadcast.
#[track_caller]
pub fn silu_mul<T: Float>(gate: ArrayViewD<'_, T>, up: ArrayViewD<'_, T>) -> ArrayD<T> {
    map2(gate, up, SiluMul)
}

/// [`silu_mul`] into `out`.
#[track_caller]
pub fn silu_mul_into<T: Float>(
    gate: ArrayViewD<'_, T>,
    up: ArrayViewD<'_, T>,
    out: ArrayViewMutD<'_, T>,
) {
    map2_into(gate, up, SiluMul, out);
}

/// The gradients of [`silu_mul`] with respect to `gate` and `up`; all three have one shape.
///
/// # Panics
///
/// If the shapes differ.
#[track_caller]
pub fn silu_mul_vjp<T: Float>(
    gate: ArrayViewD<'_, T>,
    up: ArrayViewD<'_, T>,
    dy: ArrayViewD<'_, T>,
) -> (ArrayD<T>, ArrayD<T>) {
    assert!(
        gate.shape() == up.shape() && up.shape() == dy.shape(),
        "gate {:?}, up {:?} and dy {:?} differ",
        gate.shape(),
        up.shape(),
        dy.shape()
    );
    let dgate = map3(gate.view(), up, dy.view(), SiluMulVjpGate);
    let dup = map2(gate, dy, SiluMul);
    (dgate, dup)
}

/// [`silu_mul`] of slices: `gate[i] = silu(gate[i]) · up[i]`, the same bits.
///
/// # Panics
///
/// If the lengths differ.
#[track_caller]
pub fn silu_mul_in_place<T: Float>(gate: &mut [T], up: &[T]) {
    assert_eq!(gate.len(), up.len(), "gate and up differ in length");
    run(SiluMulSlices { gate, up });
}

struct SiluMulSlices<'a, T> {
    gate: &'a mut [T],
    up: &'a [T],
}

impl<T: Float> Kernel for SiluMulSlices<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (gate, &up) in self.gate.iter_mut().zip(self.up) {
            *gate = silu_at(*gate) * up;
        }
    }
}
