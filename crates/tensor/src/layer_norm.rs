//! Layer normalisation.

use std::hint::black_box;

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};

use crate::destination::{fresh, given};
use crate::rms_norm::{reciprocal_rms, reciprocal_root};
use crate::rows::{vjp_rows, write_few_rows};
use crate::simd::gemm::Scratch;
use crate::simd::out::{Map3, Out};
use crate::simd::{Kernel, fetch, run};
use crate::sum::{BLOCK, LANES, fold};
use crate::{Float, dot, sum_slice};

/// y = (x - mean) / √(variance + eps) · w + b along the last axis; the variance is that of the
/// population (divided by C). (Ba, Kiros and Hinton,
/// [Layer Normalization](https://arxiv.org/abs/1607.06450).)
///
/// # Accuracy
///
/// The mean is off by what its sum is (some u |mean|; docs/numerics.md), and each x - mean with it. Where the
/// deviations are not far larger than that, as in a long row of one large number, what is left is that error,
/// divided by √eps.
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
    fresh(x.shape(), |memory| write_few_rows(&x, normalize, memory))
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
    given(x.shape(), out, |memory| write_few_rows(&x, normalize, memory));
}

/// What is done to a few rows.
#[track_caller]
fn normalizer<T: Float>(
    x: &ArrayViewD<'_, T>,
    w: &ArrayViewD<'_, T>,
    b: &ArrayViewD<'_, T>,
    eps: T,
) -> impl Fn(&[T], &mut Out<T>) + Sync + use<T> {
    let (w, b) = (parameter(x, w), parameter(x, b));
    move |rows, out| {
        let n = w.len();
        let mut scratch = Scratch::default();
        let deviations = scratch.slice(rows.len());
        let fours = if n <= BLOCK { rows.len() / (4 * n) * (4 * n) } else { 0 };
        let (x, last_x) = rows.split_at(fours);
        let (d, last_d) = deviations.split_at_mut(fours);
        for (x, d) in x.chunks_exact(4 * n).zip(d.chunks_exact_mut(4 * n)) {
            let squares = run(FourDeviations { x, d });
            for (d, square) in d.chunks_exact(n).zip(squares) {
                out.map3(Affine { r: reciprocal_root(square, n, eps) }, d, &w, &b);
            }
        }
        for (x, d) in last_x.chunks_exact(n).zip(last_d.chunks_exact_mut(n)) {
            d.copy_from_slice(x);
            let r = center(d, eps);
            out.map3(Affine { r }, d, &w, &b);
        }
    }
}

/// d · r · w + b.
#[derive(Clone, Copy)]
struct Affine<T> {
    r: T,
}

impl<T: Float> Map3<T> for Affine<T> {
    const MEMORY_BOUND: bool = true;
    #[inline(always)]
    fn at(self, d: T, w: T, b: T) -> T {
        (d * self.r).mul_add(w, b)
    }
}

/// Four rows of at most one block of a sum: `d` becomes x - mean, its value is Σ d² of each.
struct FourDeviations<'a, T> {
    x: &'a [T],
    d: &'a mut [T],
}

impl<T: Float> Kernel for FourDeviations<'_, T> {
    type Output = [T; 4];
    #[inline(always)]
    fn run(self) -> [T; 4] {
        let n = self.x.len() / 4;
        let whole = n / LANES;
        let x: [&[T]; 4] = std::array::from_fn(|row| &self.x[row * n..][..n]);
        let xs = x.map(|x| &x.as_chunks::<LANES>().0[..whole]);
        let mut lanes = [[T::ZERO; LANES]; 4];
        for i in 0..whole {
            for (lanes, x) in lanes.iter_mut().zip(xs) {
                for j in 0..LANES {
                    lanes[j] += x[i][j];
                }
            }
        }
        // As in the joining of lanes: left to itself the compiler keeps single elements in registers.
        let mut lanes = black_box(lanes);
        let mut means = [T::ZERO; 4];
        for ((mean, lanes), x) in means.iter_mut().zip(&mut lanes).zip(x) {
            // (`add_to_lanes`, which looks for whole registers first, is slower for rows of eight.)
            for (lane, &x) in lanes.iter_mut().zip(&x[whole * LANES..]) {
                *lane += x;
            }
            *mean = fold(*lanes) / T::from_usize(n);
        }
        let mut lanes = [[T::ZERO; LANES]; 4];
        let (d0, d2) = self.d.split_at_mut(2 * n);
        let ((d0, d1), (d2, d3)) = (d0.split_at_mut(n), d2.split_at_mut(n));
        let mut d = [d0, d1, d2, d3];
        let ds = d.each_mut().map(|d| &mut d.as_chunks_mut::<LANES>().0[..whole]);
        let next = self.x.as_ptr_range().end;
        for i in 0..whole {
            for row in 0..4 {
                fetch(next.wrapping_add(row * n + i * LANES));
                // As a whole: element by element, each store would be in the way of the next load.
                let mut d = xs[row][i];
                for j in 0..LANES {
                    d[j] -= means[row];
                    lanes[row][j] = d[j].mul_add(d[j], lanes[row][j]);
                }
                ds[row][i] = d;
            }
        }
        for (j, i) in (whole * LANES..n).enumerate() {
            for row in 0..4 {
                d[row][i] = x[row][i] - means[row];
                lanes[row][j] = d[row][i].mul_add(d[row][i], lanes[row][j]);
            }
        }
        lanes.map(fold)
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
    let r = center(x, eps);
    run(Scale { x, r });
    r
}

/// x - mean in place; returns 1/√(variance + eps).
fn center<T: Float>(x: &mut [T], eps: T) -> T {
    let mean = sum_slice(x) / T::from_usize(x.len());
    run(Subtract { x, mean });
    reciprocal_rms(x, eps)
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
