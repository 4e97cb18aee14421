//! Root mean square normalisation.

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};

use crate::rows::{map_rows, map_rows_into, vjp_rows};
use crate::simd::{Kernel, run};
use crate::{Float, dot};

/// y = x / √(mean(x²) + eps) · w along the last axis (Zhang and Sennrich,
/// [Root Mean Square Layer Normalization](https://arxiv.org/abs/1910.07467)).
///
/// # Shapes
///
/// `x` [.., C], `w` \[C\] -> [.., C]
///
/// # Panics
///
/// If the shapes do not fit.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{ndarray::array, rms_norm};
///
/// let (x, w) = (array![3.0, -3.0].into_dyn(), array![1.0, 2.0].into_dyn());
/// assert_eq!(rms_norm(x.view(), w.view(), 0.0), array![1.0, -2.0].into_dyn());
/// ```
#[track_caller]
pub fn rms_norm<T: Float>(x: ArrayViewD<'_, T>, w: ArrayViewD<'_, T>, eps: T) -> ArrayD<T> {
    let w = weight(&x, &w);
    map_rows(x, |_, row| normalize(row, &w, eps))
}

/// [`rms_norm`] into `out`.
///
/// # Panics
///
/// If the shapes do not fit or `out` has another shape than `x`.
#[track_caller]
pub fn rms_norm_into<T: Float>(
    x: ArrayViewD<'_, T>,
    w: ArrayViewD<'_, T>,
    eps: T,
    out: ArrayViewMutD<'_, T>,
) {
    let w = weight(&x, &w);
    map_rows_into(x, |_, row| normalize(row, &w, eps), out);
}

fn normalize<T: Float>(row: &mut [T], w: &[T], eps: T) {
    let r = reciprocal_rms(row, eps);
    run(Normalize { x: row, w, r });
}

/// The gradients `(dx, dw)` of [`rms_norm`], given the gradient `dy` of its value.
///
/// With r = 1/√(mean(x²) + eps) and g = dy · w:
/// dx = r g - r³ x mean(g x), dw = Σ dy x r over all rows.
///
/// # Shapes
///
/// `x`, `dy` [.., C], `w` \[C\] -> `dx` [.., C], `dw` \[C\]
#[track_caller]
pub fn rms_norm_vjp<T: Float>(
    x: ArrayViewD<'_, T>,
    w: ArrayViewD<'_, T>,
    eps: T,
    dy: ArrayViewD<'_, T>,
) -> (ArrayD<T>, ArrayD<T>) {
    assert!(x.shape() == dy.shape(), "x {:?} and dy {:?} differ", x.shape(), dy.shape());
    let w = weight(&x, &w);
    let (dx, mut sums) = vjp_rows(&x, &dy, 1, |x, g, dw| {
        let r = reciprocal_rms(x, eps);
        run(GradientRow { x, w: &w, g, dw, r });
        let projection = dot(g, x) / T::from_usize(x.len()) * (r * r);
        run(VjpRow { x, g, r, projection });
    });
    (dx, sums.remove(0))
}

/// [`rms_norm`] of one row: the same bits.
///
/// # Panics
///
/// If the lengths differ.
#[track_caller]
pub fn rms_norm_row<T: Float>(x: &[T], w: &[T], eps: T, out: &mut [T]) {
    assert!(
        x.len() == w.len() && x.len() == out.len(),
        "x, w and out have {}, {} and {} elements",
        x.len(),
        w.len(),
        out.len()
    );
    let r = reciprocal_rms(x, eps);
    out.copy_from_slice(x);
    run(Normalize { x: out, w, r });
}

/// 1/√(mean(x²) + eps).
pub(crate) fn reciprocal_rms<T: Float>(x: &[T], eps: T) -> T {
    reciprocal_root(dot(x, x), x.len(), eps)
}

/// The same of `n` elements whose squares have a sum of `squares`.
pub(crate) fn reciprocal_root<T: Float>(squares: T, n: usize, eps: T) -> T {
    T::ONE / (squares / T::from_usize(n) + eps).sqrt()
}

#[track_caller]
fn weight<T: Float>(x: &ArrayViewD<'_, T>, w: &ArrayViewD<'_, T>) -> Vec<T> {
    assert!(
        w.ndim() == 1 && x.shape().last() == Some(&w.len()),
        "x {:?} does not fit w {:?}",
        x.shape(),
        w.shape()
    );
    w.iter().copied().collect()
}

/// x · r · w, in place.
struct Normalize<'a, T> {
    x: &'a mut [T],
    w: &'a [T],
    r: T,
}

impl<T: Float> Kernel for Normalize<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (x, &w) in self.x.iter_mut().zip(self.w) {
            *x = (*x * self.r) * w;
        }
    }
}

/// dw += g x r, then g · w in place of g.
struct GradientRow<'a, T> {
    x: &'a [T],
    w: &'a [T],
    g: &'a mut [T],
    dw: &'a mut [T],
    r: T,
}

impl<T: Float> Kernel for GradientRow<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let rows = self.x.iter().zip(self.w).zip(self.g).zip(self.dw);
        for (((&x, &w), g), dw) in rows {
            *dw = (x * self.r).mul_add(*g, *dw);
            *g *= w;
        }
    }
}

/// r (g - x projection), in place of g.
struct VjpRow<'a, T> {
    x: &'a [T],
    g: &'a mut [T],
    r: T,
    projection: T,
}

impl<T: Float> Kernel for VjpRow<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (g, &x) in self.g.iter_mut().zip(self.x) {
            *g = self.r * (-x).mul_add(self.projection, *g);
        }
    }
}
