//! Layer normalisation.

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};

use crate::rows::{map_rows, map_rows_into, vjp_rows};
use crate::simd::{Kernel, run};
use crate::{Float, dot, sum_slice};

/// y = (x - mean) / √(variance + eps) · w + b along the last axis; the variance is that of the
/// population (divided by C). (Ba, Kiros and Hinton,
/// [Layer Normalization](https://arxiv.org/abs/1607.06450).)
///
/// # Shapes
///
/// `x` [.., C], `w` \[C\], `b` \[C\] -> [.., C]
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
    let normalize = normalizer(&x, &w, &b, eps);
    map_rows(x, |_, row| normalize(row))
}

/// [`layer_norm`] into `out`.
///
/// # Panics
///
/// If the shapes do not fit or `out` has another shape than `x`.
#[track_caller]
pub fn layer_norm_into<T: Float>(
    x: ArrayViewD<'_, T>,
    w: ArrayViewD<'_, T>,
    b: ArrayViewD<'_, T>,
    eps: T,
    out: ArrayViewMutD<'_, T>,
) {
    let normalize = normalizer(&x, &w, &b, eps);
    map_rows_into(x, |_, row| normalize(row), out);
}

/// What is done to each row.
#[track_caller]
fn normalizer<T: Float>(
    x: &ArrayViewD<'_, T>,
    w: &ArrayViewD<'_, T>,
    b: &ArrayViewD<'_, T>,
    eps: T,
) -> impl Fn(&mut [T]) + Sync + use<T> {
    let (w, b) = (parameter(x, w), parameter(x, b));
    move |row| {
        standardize(row, eps);
        run(Affine { x: row, w: &w, b: &b });
    }
}

/// The gradients `(dx, dw, db)` of [`layer_norm`], given the gradient `dy` of its value.
///
/// With n = (x - mean) r, r = 1/√(variance + eps), g = dy · w:
/// dx = r (g - mean(g) - n mean(g n)), dw = Σ dy n, db = Σ dy over all rows.
///
/// # Shapes
///
/// `x`, `dy` [.., C], `w` \[C\] -> `dx` [.., C], `dw` \[C\], `db` \[C\]
#[track_caller]
pub fn layer_norm_vjp<T: Float>(
    x: ArrayViewD<'_, T>,
    w: ArrayViewD<'_, T>,
    eps: T,
    dy: ArrayViewD<'_, T>,
) -> (ArrayD<T>, ArrayD<T>, ArrayD<T>) {
    assert!(x.shape() == dy.shape(), "x {:?} and dy {:?} differ", x.shape(), dy.shape());
    let w = parameter(&x, &w);
    let (dx, mut sums) = vjp_rows(&x, &dy, 2, |x, g, sums| {
        let mut standard = x.to_vec();
        let r = standardize(&mut standard, eps);
        let (dw, db) = sums.split_at_mut(w.len());
        run(GradientRow { standard: &standard, w: &w, g, dw, db });
        let count = T::from_usize(w.len());
        let mean = sum_slice(g) / count;
        let projection = dot(g, &standard) / count;
        run(VjpRow { standard: &standard, g, r, mean, projection });
    });
    let db = sums.remove(1);
    (dx, sums.remove(0), db)
}

/// (x - mean) r in place; returns r = 1/√(variance + eps).
pub(crate) fn standardize<T: Float>(x: &mut [T], eps: T) -> T {
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

/// dw += g n and db += g, then g · w in place of g.
struct GradientRow<'a, T> {
    standard: &'a [T],
    w: &'a [T],
    g: &'a mut [T],
    dw: &'a mut [T],
    db: &'a mut [T],
}

impl<T: Float> Kernel for GradientRow<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let rows = self.standard.iter().zip(self.w).zip(self.g).zip(self.dw).zip(self.db);
        for ((((&n, &w), g), dw), db) in rows {
            *dw = n.mul_add(*g, *dw);
            *db += *g;
            *g *= w;
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
