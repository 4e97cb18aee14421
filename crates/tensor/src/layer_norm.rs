//! Layer normalisation.

use ndarray::{ArrayD, ArrayViewD};

use crate::map::shaped;
use crate::rows::{map_rows, row, rows_in_chunk};
use crate::simd::out::{Out, collect};
use crate::simd::strided::Strided;
use crate::simd::{Kernel, run};
use crate::{Float, dot, sum, sum_slice};

/// y = (x - mean) / √(variance + eps) · w + b along the last axis; the variance is that of the
/// population (divided by C). (Ba, Kiros and Hinton,
/// [Layer Normalization](https://arxiv.org/abs/1607.06450).)
///
/// # Shapes
///
/// `x` [.., C], `w` [C], `b` [C] -> [.., C]
///
/// # Panics
///
/// If the shapes do not fit.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{layer_norm, ndarray::array};
///
/// let x = array![1.0, 3.0].into_dyn();
/// let (w, b) = (array![1.0, 2.0].into_dyn(), array![0.0, 10.0].into_dyn());
/// assert_eq!(layer_norm(x.view(), w.view(), b.view(), 0.0), array![-1.0, 12.0].into_dyn());
/// ```
#[track_caller]
pub fn layer_norm<T: Float>(
    x: ArrayViewD<'_, T>,
    w: ArrayViewD<'_, T>,
    b: ArrayViewD<'_, T>,
    eps: T,
) -> ArrayD<T> {
    let (w, b) = (parameter(&x, &w), parameter(&x, &b));
    map_rows(x, |_, row| {
        standardize(row, eps);
        run(Affine { x: row, w: &w, b: &b });
    })
}

/// The gradients `(dx, dw, db)` of [`layer_norm`], given the gradient `dy` of its value.
///
/// With n = (x - mean) r, r = 1/√(variance + eps), g = dy · w:
/// dx = r (g - mean(g) - n mean(g n)), dw = Σ dy n, db = Σ dy over all rows.
///
/// # Shapes
///
/// `x`, `dy` [.., C], `w` [C] -> `dx` [.., C], `dw` [C], `db` [C]
#[track_caller]
pub fn layer_norm_vjp<T: Float>(
    x: ArrayViewD<'_, T>,
    w: ArrayViewD<'_, T>,
    eps: T,
    dy: ArrayViewD<'_, T>,
) -> (ArrayD<T>, ArrayD<T>, ArrayD<T>) {
    assert!(x.shape() == dy.shape(), "x {:?} and dy {:?} differ", x.shape(), dy.shape());
    let n = w.len();
    let w = parameter(&x, &w);
    let (xs, dys) = (Strided::new(&x), Strided::new(&dy));
    let dx = collect(x.len(), rows_in_chunk(n) * n, |start, out: &mut Out<T>| {
        let (mut x_buffer, mut dy_buffer) = (Vec::new(), Vec::new());
        let mut standard = vec![T::ZERO; n];
        let zeros = vec![T::ZERO; n];
        for index in start / n..(start + out.len()) / n {
            standard.copy_from_slice(row(&xs, index, n, &mut x_buffer));
            let r = standardize(&mut standard, eps);
            let g = out.copy(row(&dys, index, n, &mut dy_buffer));
            run(Affine { x: g, w: &w, b: &zeros });
            let count = T::from_usize(n);
            let mean = sum_slice(g) / count;
            let projection = dot(g, &standard) / count;
            run(VjpRow { standard: &standard, g, r, mean, projection });
        }
    });
    // The terms of dw, then their sum by the fixed tree over the rows.
    let terms = collect(x.len(), rows_in_chunk(n) * n, |start, out: &mut Out<T>| {
        let (mut x_buffer, mut dy_buffer) = (Vec::new(), Vec::new());
        for index in start / n..(start + out.len()) / n {
            let term = out.copy(row(&xs, index, n, &mut x_buffer));
            standardize(term, eps);
            run(Times { x: term, w: row(&dys, index, n, &mut dy_buffer) });
        }
    });
    let rows = x.len().checked_div(n).unwrap_or(0);
    let dw = sum(shaped(&[rows, n], terms).view(), &[0], false);
    let leading: Vec<usize> = (0..dy.ndim() - 1).collect();
    (shaped(x.shape(), dx), dw, sum(dy, &leading, false))
}

/// (x - mean) r in place; returns r = 1/√(variance + eps).
fn standardize<T: Float>(x: &mut [T], eps: T) -> T {
    let count = T::from_usize(x.len());
    let mean = sum_slice(x) / count;
    run(Subtract { x, mean });
    let r = T::ONE / (dot(x, x) / count + eps).sqrt();
    run(Scale { x, r });
    r
}

#[track_caller]
fn parameter<T: Float>(x: &ArrayViewD<'_, T>, w: &ArrayViewD<'_, T>) -> Vec<T> {
    assert!(
        w.ndim() == 1 && x.shape().last() == Some(&w.len()),
        "x {:?} does not fit a parameter of shape {:?}",
        x.shape(),
        w.shape()
    );
    w.iter().copied().collect()
}

struct Subtract<'a, T> {
    x: &'a mut [T],
    mean: T,
}

impl<T: Float> Kernel for Subtract<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for x in self.x.iter_mut() {
            *x -= self.mean;
        }
    }
}

struct Scale<'a, T> {
    x: &'a mut [T],
    r: T,
}

impl<T: Float> Kernel for Scale<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for x in self.x.iter_mut() {
            *x *= self.r;
        }
    }
}

struct Affine<'a, T> {
    x: &'a mut [T],
    w: &'a [T],
    b: &'a [T],
}

impl<T: Float> Kernel for Affine<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for ((x, &w), &b) in self.x.iter_mut().zip(self.w).zip(self.b) {
            *x = x.mul_add(w, b);
        }
    }
}

struct Times<'a, T> {
    x: &'a mut [T],
    w: &'a [T],
}

impl<T: Float> Kernel for Times<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (x, &w) in self.x.iter_mut().zip(self.w) {
            *x *= w;
        }
    }
}

struct VjpRow<'a, T> {
    standard: &'a [T],
    g: &'a mut [T],
    r: T,
    mean: T,
    projection: T,
}

impl<T: Float> Kernel for VjpRow<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (g, &n) in self.g.iter_mut().zip(self.standard) {
            *g = self.r * (-n).mul_add(self.projection, *g - self.mean);
        }
    }
}
