//! A linear layer's product, in the layout of the checkpoints.

use std::borrow::Cow;

use ndarray::{ArrayD, ArrayView2, ArrayViewD, ArrayViewMutD, CowArray, IxDyn};

use crate::destination::{fresh, given};
use crate::rows::rows_in_chunk;
use crate::simd::gemm::{Matrix, write_product};
use crate::simd::out::{Memory, PARALLEL};
use crate::simd::{Kernel, run, share};
use crate::{Float, map, sum};

/// `x · wᵀ + bias`.
///
/// # Shapes
///
/// `x` [.., in], `w` [out, in], `bias` \[out\] -> [.., out]
///
/// # Panics
///
/// If the shapes do not fit.
///
/// # Accuracy
///
/// As [`matmul`](crate::matmul); the bias is added last.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{linear, ndarray::array};
///
/// let x = array![1.0, 2.0].into_dyn();
/// let w = array![[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]].into_dyn();
/// let bias = array![0.0, 0.0, 0.5].into_dyn();
/// assert_eq!(linear(x.view(), w.view(), Some(bias.view())), array![1.0, 2.0, 3.5].into_dyn());
/// ```
#[track_caller]
pub fn linear<T: Float>(
    x: ArrayViewD<'_, T>,
    w: ArrayViewD<'_, T>,
    bias: Option<ArrayViewD<'_, T>>,
) -> ArrayD<T> {
    let layer = Layer::new(&x, &w, bias.as_ref());
    fresh(&layer.shape, |memory| layer.write(memory))
}

/// [`linear`] into `out`.
///
/// # Shapes
///
/// `x` [.., in], `w` [out, in], `bias` \[out\], `out` [.., out]
///
/// # Panics
///
/// If the shapes do not fit.
#[track_caller]
pub fn linear_into<T: Float>(
    x: ArrayViewD<'_, T>,
    w: ArrayViewD<'_, T>,
    bias: Option<ArrayViewD<'_, T>>,
    out: ArrayViewMutD<'_, T>,
) {
    let layer = Layer::new(&x, &w, bias.as_ref());
    given(&layer.shape, out, |memory| layer.write(memory));
}

/// The operands of [`linear`], their shapes checked.
pub(crate) struct Layer<'a, T: Float> {
    rows: CowArray<'a, T, IxDyn>,
    w: ArrayView2<'a, T>,
    bias: Option<Cow<'a, [T]>>,
    /// The shape of the result.
    pub(crate) shape: Vec<usize>,
}

impl<'a, T: Float> Layer<'a, T> {
    #[track_caller]
    pub(crate) fn new(
        x: &'a ArrayViewD<'_, T>,
        w: &'a ArrayViewD<'_, T>,
        bias: Option<&'a ArrayViewD<'_, T>>,
    ) -> Self {
        assert!(
            x.ndim() >= 1 && w.ndim() == 2 && x.shape()[x.ndim() - 1] == w.shape()[1],
            "x {:?} does not fit w {:?} ([out, in])",
            x.shape(),
            w.shape()
        );
        let outputs = w.shape()[0];
        let mut shape = x.shape().to_vec();
        *shape.last_mut().expect("x has an axis") = outputs;
        let bias = bias.map(|bias| {
            let shape = bias.shape();
            assert!(shape == [outputs], "bias {shape:?} does not fit w [{outputs}, _]");
            match bias.as_slice() {
                Some(bias) => Cow::Borrowed(bias),
                None => Cow::Owned(bias.iter().copied().collect()),
            }
        });
        Layer { rows: rows(x), w: matrix(w.view()), bias, shape }
    }

    fn write<'m>(&self, memory: Memory<'m, T>) -> &'m mut [T] {
        self.write_by(memory, write_product)
    }

    /// Its product by `product`.
    pub(crate) fn write_by<'m>(
        &self,
        memory: Memory<'m, T>,
        product: impl FnOnce(Matrix<'_, T>, Matrix<'_, T>, Memory<'m, T>) -> &'m mut [T],
    ) -> &'m mut [T] {
        let (x, wt) = (matrix(self.rows.view()), self.w.reversed_axes());
        let y = product(Matrix::new(&x), Matrix::new(&wt), memory);
        if let Some(bias) = &self.bias {
            let outputs = bias.len();
            let (chunk, parallel) = (rows_in_chunk(outputs) * outputs, y.len() > PARALLEL);
            share::chunks(y, chunk, parallel, |_, rows| run(AddToRows { rows, bias }));
        }
        y
    }
}

/// The gradient of [`linear`] with respect to `x`: `dy · w`.
///
/// # Shapes
///
/// `dy` [.., out], `w` [out, in] -> [.., in]
#[track_caller]
pub fn linear_vjp_x<T: Float>(dy: ArrayViewD<'_, T>, w: ArrayViewD<'_, T>) -> ArrayD<T> {
    assert!(w.ndim() == 2, "w {:?} is not [out, in]", w.shape());
    linear(dy, w.reversed_axes(), None)
}

/// The gradient of [`linear`] with respect to `w`: `dyᵀ · x`, summed over the leading axes.
///
/// # Shapes
///
/// `dy` [.., out], `x` [.., in] -> [out, in]
///
/// # Panics
///
/// If the leading axes differ.
#[track_caller]
pub fn linear_vjp_w<T: Float>(dy: ArrayViewD<'_, T>, x: ArrayViewD<'_, T>) -> ArrayD<T> {
    vjp_w_by(&dy, &x, write_product)
}

/// [`linear_vjp_w`], its product by `product`.
#[track_caller]
pub(crate) fn vjp_w_by<T: Float>(
    dy: &ArrayViewD<'_, T>,
    x: &ArrayViewD<'_, T>,
    product: impl for<'m> FnOnce(Matrix<'_, T>, Matrix<'_, T>, Memory<'m, T>) -> &'m mut [T],
) -> ArrayD<T> {
    assert!(
        dy.ndim() >= 1
            && dy.ndim() == x.ndim()
            && dy.shape()[..dy.ndim() - 1] == x.shape()[..x.ndim() - 1],
        "dy {:?} and x {:?} differ in their leading axes",
        dy.shape(),
        x.shape()
    );
    let (dy, x) = (rows(dy), rows(x));
    let (dyt, x2) = (matrix(dy.view()).reversed_axes(), matrix(x.view()));
    fresh(&[dyt.nrows(), x2.ncols()], |memory| product(Matrix::new(&dyt), Matrix::new(&x2), memory))
}

/// The gradient of [`linear`] with respect to `bias`: `dy` summed over its leading axes.
///
/// # Shapes
///
/// `dy` [.., out] -> \[out\]
#[track_caller]
pub fn linear_vjp_bias<T: Float>(dy: ArrayViewD<'_, T>) -> ArrayD<T> {
    assert!(dy.ndim() >= 1, "dy has no axis");
    let axes: Vec<usize> = (0..dy.ndim() - 1).collect();
    sum(dy, &axes, false)
}

/// All but the last axis made one, copying only if the strides do not allow a view.
fn rows<'a, T: Float>(x: &'a ArrayViewD<'_, T>) -> CowArray<'a, T, IxDyn> {
    let n = *x.shape().last().expect("x has an axis");
    let m: usize = x.shape()[..x.ndim() - 1].iter().product();
    if x.ndim() == 2 {
        return CowArray::from(x.view());
    }
    match x.view().into_shape_with_order(IxDyn(&[m, n])) {
        Ok(view) => CowArray::from(view),
        Err(_) => CowArray::from(
            map::copy(x.view()).into_shape_with_order(IxDyn(&[m, n])).expect("standard layout"),
        ),
    }
}

fn matrix<T>(x: ArrayViewD<'_, T>) -> ArrayView2<'_, T> {
    x.into_dimensionality().expect("two axes")
}

/// row + bias, in place, for each row.
struct AddToRows<'a, T> {
    rows: &'a mut [T],
    bias: &'a [T],
}

impl<T: Float> Kernel for AddToRows<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for row in self.rows.chunks_mut(self.bias.len().max(1)) {
            for (y, &b) in row.iter_mut().zip(self.bias) {
                *y += b;
            }
        }
    }
}
