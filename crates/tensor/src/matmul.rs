//! Products of matrices, batched.

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, Axis, IxDyn};

use crate::Float;
use crate::broadcast::broadcast_shape;
use crate::destination::{fresh, given, in_place};
use crate::simd::gemm::{Matrix, PARALLEL, gemm, write_product};
use crate::simd::out::Memory;
use crate::simd::share;

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
    if a.ndim() == 2 && b.ndim() == 2 {
        assert_multiply(&a, &b);
        let shape = [a.shape()[0], b.shape()[1]];
        let (a, b) = (Matrix::last_axes(&a), Matrix::last_axes(&b));
        return fresh(&shape, |memory| write_product(a, b, memory));
    }
    let pair = Pair::new(&a, &b);
    fresh(&pair.shape(), |memory| pair.write(memory))
}

/// [`matmul`] into `out`.
///
/// # Shapes
///
/// `a` [.., M, K], `b` [.., K, N], `out` [.., M, N]
///
/// # Panics
///
/// As [`matmul`], or if `out` has another shape than the product.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{matmul_into, ndarray::{array, ArrayD}};
///
/// let a = array![[1.0, 2.0], [3.0, 4.0]].into_dyn();
/// let b = array![[5.0], [6.0]].into_dyn();
/// let mut out = ArrayD::zeros(vec![2, 1]); // made once, overwritten each time
/// matmul_into(a.view(), b.view(), out.view_mut());
/// assert_eq!(out, array![[17.0], [39.0]].into_dyn());
/// ```
#[track_caller]
pub fn matmul_into<T: Float>(
    a: ArrayViewD<'_, T>,
    b: ArrayViewD<'_, T>,
    out: ArrayViewMutD<'_, T>,
) {
    let pair = Pair::new(&a, &b);
    given(&pair.shape(), out, |memory| pair.write(memory));
}

/// `out += a · b`: the sum of each block of 256 along K is added to `out`, in ascending order.
///
/// # Shapes
///
/// `a` [.., M, K], `b` [.., K, N], `out` [.., M, N]
///
/// # Panics
///
/// As [`matmul_into`].
///
/// # Examples
///
/// ```
/// use ulp_tensor::{matmul_accumulate, ndarray::array};
///
/// let a = array![[1.0, 2.0]].into_dyn();
/// let mut out = array![[100.0]].into_dyn();
/// matmul_accumulate(a.view(), a.t(), out.view_mut());
/// assert_eq!(out, array![[105.0]].into_dyn());
/// ```
#[track_caller]
pub fn matmul_accumulate<T: Float>(
    a: ArrayViewD<'_, T>,
    b: ArrayViewD<'_, T>,
    out: ArrayViewMutD<'_, T>,
) {
    let pair = Pair::new(&a, &b);
    in_place(&pair.shape(), out, |out| pair.add_to(out));
}

/// Panics unless the last two axes multiply; the message names both shapes.
#[track_caller]
fn assert_multiply<T>(a: &ArrayViewD<'_, T>, b: &ArrayViewD<'_, T>) {
    let (a, b) = (a.shape(), b.shape());
    assert!(
        a.len() >= 2 && b.len() >= 2 && a[a.len() - 1] == b[b.len() - 2],
        "shapes {a:?} and {b:?} do not multiply"
    );
}

/// Two operands, broadcast to one batch.
pub(crate) struct Pair<'a, T> {
    a: ArrayViewD<'a, T>,
    b: ArrayViewD<'a, T>,
    batch: Vec<usize>,
    m: usize,
    n: usize,
    k: usize,
}

impl<'a, T: Copy + Sync> Pair<'a, T> {
    #[track_caller]
    pub(crate) fn new(a: &'a ArrayViewD<'_, T>, b: &'a ArrayViewD<'_, T>) -> Self {
        assert_multiply(a, b);
        let batch = broadcast_shape(&a.shape()[..a.ndim() - 2], &b.shape()[..b.ndim() - 2]);
        let (m, k) = (a.shape()[a.ndim() - 2], a.shape()[a.ndim() - 1]);
        let n = b.shape()[b.ndim() - 1];
        let expand = |x: &'a ArrayViewD<'_, T>, matrix: [usize; 2]| match batch.len() {
            0 => x.view(),
            _ => {
                let shape = IxDyn(&[&batch[..], &matrix].concat());
                x.broadcast(shape).expect("the leading axes broadcast")
            }
        };
        let (a, b) = (expand(a, [m, k]), expand(b, [k, n]));
        Pair { a, b, batch, m, n, k }
    }

    /// The shape of the product.
    pub(crate) fn shape(&self) -> Vec<usize> {
        [&self.batch[..], &[self.m, self.n]].concat()
    }

    /// Written by `product`, matrix after matrix.
    pub(crate) fn write_by<'m, Y: Float>(
        &self,
        memory: Memory<'m, Y>,
        product: impl for<'p> Fn(Matrix<'_, T>, Matrix<'_, T>, Memory<'p, Y>) -> &'p mut [Y] + Sync,
    ) -> &'m mut [Y] {
        let pages = |i| (page(&self.a, &self.batch, i), page(&self.b, &self.batch, i));
        if self.batch.iter().product::<usize>() == 1 {
            let (a, b) = pages(0);
            return product(a, b, memory);
        }
        let (len, parallel) = (self.m * self.n, self.is_large(memory.len()));
        memory.fill_parts(len, parallel, |i, out| {
            let (a, b) = pages(i);
            out.write(len, |memory| product(a, b, memory));
        })
    }

    /// Are the matrices of the batch worth sharing out among threads?
    fn is_large(&self, outputs: usize) -> bool {
        outputs * self.k > PARALLEL
    }
}

impl<T: Float> Pair<'_, T> {
    fn write<'m>(&self, memory: Memory<'m, T>) -> &'m mut [T] {
        self.write_by(memory, write_product)
    }

    fn add_to(&self, out: &mut [T]) {
        let parallel = self.is_large(out.len());
        share::chunks(out, self.m * self.n, parallel, |i, out| {
            let (a, b) = (page(&self.a, &self.batch, i), page(&self.b, &self.batch, i));
            gemm(a, b, out, self.n, true);
        });
    }
}

/// Matrix number `index` of a batch.
fn page<'a, T: Copy>(x: &ArrayViewD<'a, T>, batch: &[usize], mut index: usize) -> Matrix<'a, T> {
    if index == 0 {
        return Matrix::last_axes(x);
    }
    let mut x = x.clone();
    for axis in (0..batch.len()).rev() {
        let i = index % batch[axis];
        index /= batch[axis];
        x = x.index_axis_move(Axis(axis), i);
    }
    Matrix::last_axes(&x)
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
