//! Checks a gradient against differences of values.
//!
//! A VJP is checked by what it claims: that `Σ r · f(x)`, for a fixed random `r`, changes with
//! each element of `x` as the gradient says ([`gradcheck`]), or changes along a random direction
//! as it says ([`gradcheck_projected`], two evaluations a step whatever the size). Second
//! derivatives are checked the same way, the VJP itself being the function ([`gradgradcheck`]).
//!
//! # Method
//!
//! All in f64. The step is a power of two, `h = 2^(e - 10)` with `e` the exponent of the element
//! (0 for zero, at least -4), so that dividing by it is exact; the central differences
//! `D(h) = (f(x + h) - f(x - h)) / 2h` and `D(h/2)` give the extrapolation
//! `D = (4 D(h/2) - D(h)) / 3`, whose truncation error is `h⁴ f⁽⁵⁾/480`.
//!
//! # Error bound
//!
//! The gradient must be within the sum of
//!
//! - rounding of the values: three differences of two values of size `S = Σ |r f|`, each within
//!   64 units in the last place, over `h`: `3 · 64 u S / h`, `u = 2⁻⁵²`; with `h = 2⁻¹⁰` that is
//!   `4·10⁻¹¹ S`;
//! - truncation: `|D(h) - D(h/2)| = h² f'''/8` shrunk by `2⁻¹⁰`, which covers `f⁽⁵⁾` up to
//!   `60 · 2¹⁰ f'''` at that step;
//! - rounding of the gradient: `2⁻⁴⁰` of its largest element.
//!
//! An error in a formula is of the size of the gradient: ten orders of magnitude more.
//!
//! # Kinks
//!
//! Where a slope jumps within the step (ReLU at 0, two equal maxima) no difference says what the
//! gradient should be. The jump shows in second differences: `f(x+h) - 2f(x) + f(x-h)` over `h` is
//! `h f''` for a smooth function, half of that at half the step, but stays as large as the jump
//! at a kink. Such elements are reported, not checked: assert [`Report::kinks`] is empty where the
//! function is smooth.

use std::fmt;

use ulp_tensor::Philox;
use ulp_tensor::ndarray::{ArrayD, IxDyn};

use crate::grad::vjp;
use crate::tape::Tape;
use crate::var::Var;

/// What was checked, when all of it was right.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Number of elements (or directions) whose gradient was compared.
    pub checked: usize,
    /// Elements that lie at a kink: number of the input, and index in logical order.
    pub kinks: Vec<(usize, usize)>,
    /// The largest error as a share of its bound.
    pub worst: f64,
}

/// A gradient that is not the function's.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// Number of the input; for a projection, of the first.
    pub input: usize,
    /// Index of the element in logical (row-major) order; for a projection, 0.
    pub element: usize,
    /// What the VJP says.
    pub gradient: f64,
    /// What the differences say.
    pub difference: f64,
    /// By how much they may differ.
    pub bound: f64,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { input, element, gradient, difference, bound } = self;
        write!(
            f,
            "input {input}, element {element}: the gradient is {gradient:e}, \
             differences of values give {difference:e} (within {bound:e})"
        )
    }
}

impl std::error::Error for Mismatch {}

/// Checks each element of the gradient of `f` at `inputs`.
///
/// # Errors
///
/// The first element whose gradient is off by more than the bound.
///
/// # Panics
///
/// If `f` does, or returns different shapes for the same inputs.
///
/// # Examples
///
/// ```
/// use ulp_autograd::gradcheck::gradcheck;
/// use ulp_tensor::ndarray::arr1;
///
/// let x = arr1(&[0.5, -1.5]).into_dyn();
/// let report = gradcheck(|x| x[0].tanh() * x[0], &[x.clone()]).unwrap();
/// assert_eq!((report.checked, report.kinks.len()), (2, 0));
///
/// // What the tape does not see, it cannot differentiate.
/// let wrong = gradcheck(|x| x[0].stop_gradient() * x[0], &[x]);
/// assert!(wrong.is_err());
/// ```
pub fn gradcheck(
    f: impl for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>,
    inputs: &[ArrayD<f64>],
) -> Result<Report, Mismatch> {
    let projected = Projected::new(&f, inputs);
    let gradients = projected.gradients(inputs);
    let mut report = Report::default();
    for (input, gradient) in gradients.iter().enumerate() {
        let slopes: Vec<(f64, Slope)> = (gradient.indexed_iter())
            .map(|(index, &g)| {
                let h = step(inputs[input][&index]);
                let slope = Slope::new(h, |h| {
                    let mut moved = inputs.to_vec();
                    moved[input][&index] += h;
                    projected.value(&moved)
                });
                (g, slope)
            })
            .collect();
        let scale = slopes.iter().fold(0.0_f64, |max, (g, s)| max.max(g.abs()).max(s.d.abs()));
        for (element, (g, slope)) in slopes.iter().enumerate() {
            slope.compare(*g, scale, input, element, &mut report)?;
        }
    }
    Ok(report)
}

/// Checks the gradient of `f` along `directions` random directions: for inputs too large for
/// [`gradcheck`].
///
/// # Errors
///
/// The first direction along which the gradient is off by more than the bound.
///
/// # Panics
///
/// As [`gradcheck`].
pub fn gradcheck_projected(
    f: impl for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>,
    inputs: &[ArrayD<f64>],
    directions: u64,
) -> Result<Report, Mismatch> {
    let projected = Projected::new(&f, inputs);
    let gradients = projected.gradients(inputs);
    let mut report = Report::default();
    for number in 0..directions {
        let random = |(i, x): (usize, &ArrayD<f64>)| signs(x.shape(), 2 + number, i as u64);
        let direction: Vec<_> = inputs.iter().enumerate().map(random).collect();
        let along: f64 = gradients.iter().zip(&direction).map(|(g, v)| (g * v).sum()).sum();
        let size: f64 = gradients.iter().map(|g| g.mapv(f64::abs).sum()).sum();
        // The direction's elements are about 1: the step of the smallest input element fits all.
        let all = inputs.iter().flatten();
        let h = all.map(|&x| step(x)).fold(f64::INFINITY, f64::min).min(2f64.powi(-10));
        let slope = Slope::new(h, |h| {
            let moved: Vec<_> = inputs.iter().zip(&direction).map(|(x, v)| x + &(v * h)).collect();
            projected.value(&moved)
        });
        let mut one = Report::default();
        slope.compare(along, size, 0, 0, &mut one)?;
        report.checked += one.checked;
        report.worst = report.worst.max(one.worst);
        report.kinks.extend(one.kinks);
    }
    Ok(report)
}

/// Checks the second derivatives of `f`: [`gradcheck`] of the function `(inputs, cotangent) ->
/// Σ s · vjp(f)(inputs, cotangent)` for a fixed random `s`.
///
/// # Errors
///
/// The first element whose second derivative is off by more than the bound. Input number
/// `inputs.len()` is the cotangent.
///
/// # Panics
///
/// As [`gradcheck`].
pub fn gradgradcheck(
    f: impl for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>,
    inputs: &[ArrayD<f64>],
) -> Result<Report, Mismatch> {
    let tape = Tape::new();
    let constants: Vec<_> = inputs.iter().map(|x| tape.constant(x.clone())).collect();
    let cotangent = signs(&f(&constants).shape(), 1, 0);
    let mut all = inputs.to_vec();
    all.push(cotangent);
    gradcheck(
        |all| {
            let (cotangent, xs) = all.split_last().expect("the cotangent");
            let products = vjp(f(xs), *cotangent, xs);
            let random = |i: usize, x: Var<'_, f64>| signs(&x.shape(), 1, 1 + i as u64);
            let weigh = |(i, product): (usize, Option<_>)| {
                product.map(|p: Var<'_, f64>| (p * p.tape().constant(random(i, p))).sum_all())
            };
            let terms = products.into_iter().enumerate().filter_map(weigh);
            terms.reduce(|a, b| a + b).unwrap_or_else(|| cotangent.tape().scalar(0.0))
        },
        &all,
    )
}

/// `Σ r · f(x)` for a fixed random `r`.
struct Projected<F> {
    f: F,
    r: ArrayD<f64>,
}

impl<F: for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>> Projected<F> {
    fn new(f: F, inputs: &[ArrayD<f64>]) -> Self {
        let tape = Tape::new();
        let leaves: Vec<_> = inputs.iter().map(|x| tape.leaf(x.clone())).collect();
        let shape = f(&leaves).shape();
        Self { f, r: signs(&shape, 0, 0) }
    }

    fn gradients(&self, inputs: &[ArrayD<f64>]) -> Vec<ArrayD<f64>> {
        let tape = Tape::new();
        let leaves: Vec<_> = inputs.iter().map(|x| tape.leaf(x.clone())).collect();
        let y = (self.f)(&leaves);
        if !y.wants_gradient() {
            return inputs.iter().map(|x| ArrayD::zeros(x.raw_dim())).collect();
        }
        let mut gradients = y.backward_with(self.r.clone());
        let zeros = |x: &ArrayD<f64>| ArrayD::zeros(x.raw_dim());
        let pairs = leaves.iter().zip(inputs);
        pairs.map(|(leaf, x)| gradients.take(*leaf).unwrap_or_else(|| zeros(x))).collect()
    }

    /// `Σ r f` and `Σ |r f|`.
    fn value(&self, inputs: &[ArrayD<f64>]) -> (f64, f64) {
        let tape = Tape::new();
        let leaves: Vec<_> = inputs.iter().map(|x| tape.leaf(x.clone())).collect();
        let products = &(self.f)(&leaves).value() * &self.r;
        (products.sum(), products.mapv(f64::abs).sum())
    }
}

/// What differences of values say about a slope.
struct Slope {
    /// The extrapolated derivative.
    d: f64,
    /// Rounding and truncation error of it.
    error: f64,
    /// How much the slope jumps within the step; for a smooth function close to 0.
    jump: f64,
    /// Rounding error of the jump.
    jump_error: f64,
}

impl Slope {
    fn new(h: f64, value: impl Fn(f64) -> (f64, f64)) -> Self {
        let (centre, mut size) = value(0.0);
        let mut differences = |h: f64| {
            let ((right, s), (left, t)) = (value(h), value(-h));
            size = size.max(s).max(t);
            ((right - left) / (2.0 * h), (right - 2.0 * centre + left) / h)
        };
        let (coarse, bend) = differences(h);
        let (fine, half_bend) = differences(h / 2.0);
        let rounding = 3.0 * 64.0 * f64::EPSILON * size / h;
        Self {
            d: (4.0 * fine - coarse) / 3.0,
            error: rounding + 2f64.powi(-10) * (coarse - fine).abs(),
            jump: (bend - 2.0 * half_bend).abs(),
            // Four values over h/2 where the slope has two.
            jump_error: 4.0 * rounding,
        }
    }

    /// `scale` is the largest slope around, on which the share of `2⁻⁸` for a jump to count as a
    /// kink and the gradient's own rounding are measured.
    fn compare(
        &self,
        gradient: f64,
        scale: f64,
        input: usize,
        element: usize,
        report: &mut Report,
    ) -> Result<(), Mismatch> {
        if self.jump > self.jump_error + 2f64.powi(-8) * scale {
            report.kinks.push((input, element));
            return Ok(());
        }
        let bound = self.error + 2f64.powi(-40) * scale;
        let error = (gradient - self.d).abs();
        // Written so that NaN is a mismatch.
        if error.is_nan() || error > bound {
            return Err(Mismatch { input, element, gradient, difference: self.d, bound });
        }
        report.checked += 1;
        // Where the function is 0 around, both are: 0/0.
        report.worst = report.worst.max(if error == 0.0 { 0.0 } else { error / bound });
        Ok(())
    }
}

/// `2^(e - 10)`, `e` being read from the exponent bits of `x`: 0 for zero, at least -4.
fn step(x: f64) -> f64 {
    let biased = (x.to_bits() >> 52 & 0x7ff) as i32;
    let exponent = if biased == 0 { 0 } else { (biased - 1023).max(-4) };
    2f64.powi(exponent - 10)
}

/// Random numbers of size 0.5 to 1.5 and either sign: none so small that an error could hide.
fn signs(shape: &[usize], seed: u64, stream: u64) -> ArrayD<f64> {
    let philox = Philox::new(seed, stream);
    let mut index = 0;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        let u: f64 = philox.uniform(index);
        index += 1;
        if u < 0.5 { -0.5 - 2.0 * u } else { 0.5 + 2.0 * (u - 0.5) }
    })
}
