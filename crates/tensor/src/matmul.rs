//! Products of matrices, batched.

use ndarray::{ArrayD, ArrayView2, ArrayViewD, Axis, Ix2, IxDyn};

use crate::broadcast::broadcast_shape;
use crate::simd::gemm::{Matrix, PARALLEL, gemm, product_of};
use crate::simd::share;
use crate::{Float, map, pool};

/// `a · b` over the last two axes; the leading axes broadcast.
///
/// # Shapes
///
/// `a` [.., M, K], `b` [.., K, N] -> [.., M, N]
///
/// # Panics
///
/// If an operand has fewer than two axes, the K differ, or the leading axes do not broadcast.
///
/// # Accuracy
///
/// Each element is the sum along K in ascending order, by fused multiply-add from zero inside
/// blocks of 256, the blocks' sums added in ascending order: the error is at most
/// (min(K, 256) + K/256) · u · Σ|a||b|.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{matmul, ndarray::array};
///
/// let a = array![[1.0, 2.0], [3.0, 4.0]].into_dyn();
/// let b = array![[5.0], [6.0]].into_dyn();
/// assert_eq!(matmul(a.view(), b.view()), array![[17.0], [39.0]].into_dyn());
/// ```
#[track_caller]
pub fn matmul<T: Float>(a: ArrayViewD<'_, T>, b: ArrayViewD<'_, T>) -> ArrayD<T> {
    assert!(
        a.ndim() >= 2 && b.ndim() >= 2 && a.shape()[a.ndim() - 1] == b.shape()[b.ndim() - 2],
        "shapes {:?} and {:?} do not multiply",
        a.shape(),
        b.shape()
    );
    if a.ndim() == 2 && b.ndim() == 2 {
        let (a, b) = (page(&a, &[], 0), page(&b, &[], 0));
        let shape = [a.nrows(), b.ncols()];
        return map::shaped(&shape, product_of(Matrix::new(&a), Matrix::new(&b)));
    }
    let batch = broadcast_shape(&a.shape()[..a.ndim() - 2], &b.shape()[..b.ndim() - 2]);
    let (m, k) = (a.shape()[a.ndim() - 2], a.shape()[a.ndim() - 1]);
    let n = b.shape()[b.ndim() - 1];
    let expand = |x: &[usize], y: &[usize]| -> Vec<usize> { [x, y].concat() };
    let (a_shape, b_shape) = (expand(&batch, &[m, k]), expand(&batch, &[k, n]));
    let a = a.broadcast(IxDyn(&a_shape)).expect("the leading axes broadcast");
    let b = b.broadcast(IxDyn(&b_shape)).expect("the leading axes broadcast");
    if batch.iter().product::<usize>() == 1 {
        let (a, b) = (page(&a, &batch, 0), page(&b, &batch, 0));
        let data = product_of(Matrix::new(&a), Matrix::new(&b));
        return map::shaped(&expand(&batch, &[m, n]), data);
    }
    let mut data: Vec<T> = pool::zeros(batch.iter().product::<usize>() * m * n);
    let parallel = data.len() * k > PARALLEL;
    share::chunks(&mut data, m * n, parallel, |i, out| {
        let (a, b) = (page(&a, &batch, i), page(&b, &batch, i));
        gemm(Matrix::new(&a), Matrix::new(&b), out, n, false);
    });
    map::shaped(&expand(&batch, &[m, n]), data)
}

/// Matrix number `index` of a batch.
fn page<'a, T>(x: &ArrayViewD<'a, T>, batch: &[usize], mut index: usize) -> ArrayView2<'a, T> {
    let mut x = x.clone();
    for axis in (0..batch.len()).rev() {
        let i = index % batch[axis];
        index /= batch[axis];
        x = x.index_axis_move(Axis(axis), i);
    }
    x.into_dimensionality::<Ix2>().expect("two axes are left")
}

/// `a · bᵀ` over the last two axes, without copying `b`.
///
/// # Shapes
///
/// `a` [.., M, K], `b` [.., N, K] -> [.., M, N]
#[track_caller]
pub fn matmul_nt<T: Float>(a: ArrayViewD<'_, T>, b: ArrayViewD<'_, T>) -> ArrayD<T> {
    matmul(a, transposed(b))
}

/// `aᵀ · b` over the last two axes, without copying `a`.
///
/// # Shapes
///
/// `a` [.., K, M], `b` [.., K, N] -> [.., M, N]
#[track_caller]
pub fn matmul_tn<T: Float>(a: ArrayViewD<'_, T>, b: ArrayViewD<'_, T>) -> ArrayD<T> {
    matmul(transposed(a), b)
}

/// The view with its last two axes exchanged.
#[track_caller]
fn transposed<T>(x: ArrayViewD<'_, T>) -> ArrayViewD<'_, T> {
    assert!(x.ndim() >= 2, "an array of shape {:?} is no matrix", x.shape());
    let (last, before) = (x.ndim() - 1, x.ndim() - 2);
    let mut x = x;
    x.swap_axes(before, last);
    x
}
