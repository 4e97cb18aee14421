//! Batch normalisation.

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use crate::{Float, add, map, mean, mul, rsqrt, sub, var};

/// The mean and the (biased) variance of each channel, over all other axes.
///
/// # Shapes
///
/// `x` [N, C, ..] -> twice \[C\]
///
/// # Panics
///
/// If `x` has fewer than two axes.
#[track_caller]
pub fn channel_statistics<T: Float>(x: ArrayViewD<'_, T>) -> (ArrayD<T>, ArrayD<T>) {
    assert!(x.ndim() >= 2, "x {:?} is not [N, C, ..]", x.shape());
    let axes: Vec<usize> = (0..x.ndim()).filter(|&axis| axis != 1).collect();
    (mean(x.view(), &axes, false), var(x, &axes, 0, false))
}

/// (x - mean) / √(variance + eps) · w + b for each channel (Ioffe and Szegedy,
/// [Batch Normalization](https://arxiv.org/abs/1502.03167)): with [`channel_statistics`] of the same
/// `x` in training, with averages of earlier ones afterwards.
///
/// # Shapes
///
/// `x` [N, C, ..], all others \[C\] -> [N, C, ..]
///
/// # Panics
///
/// If the shapes do not fit.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{batch_norm, channel_statistics, ndarray::array};
///
/// let x = array![[1.0, 10.0], [3.0, 30.0]].into_dyn();
/// let (mean, variance) = channel_statistics(x.view());
/// let (w, b) = (array![1.0, 1.0].into_dyn(), array![0.0, 5.0].into_dyn());
/// let y = batch_norm(x.view(), mean.view(), variance.view(), w.view(), b.view(), 0.0);
/// assert_eq!(y, array![[-1.0, 4.0], [1.0, 6.0]].into_dyn());
/// ```
#[track_caller]
pub fn batch_norm<T: Float>(
    x: ArrayViewD<'_, T>,
    mean: ArrayViewD<'_, T>,
    variance: ArrayViewD<'_, T>,
    w: ArrayViewD<'_, T>,
    b: ArrayViewD<'_, T>,
    eps: T,
) -> ArrayD<T> {
    let centred = sub(x.view(), per_channel(&x, &mean).view());
    let mut root = variance.to_owned();
    root.mapv_inplace(|variance| variance + eps);
    let factor = mul(rsqrt(root.view()).view(), w);
    let scaled = mul(centred.view(), per_channel(&x, &factor.view()).view());
    add(scaled.view(), per_channel(&x, &b).view())
}

/// One number a channel, ready to broadcast over [N, C, ..].
#[track_caller]
pub(crate) fn per_channel<T: Float>(x: &ArrayViewD<'_, T>, of: &ArrayViewD<'_, T>) -> ArrayD<T> {
    let fits = x.ndim() >= 2 && of.shape() == [x.shape()[1]];
    assert!(fits, "{:?} for the channels of {:?}", of.shape(), x.shape());
    let mut shape = vec![1; x.ndim() - 1];
    shape[0] = of.len();
    map::copy(of.view()).into_shape_with_order(IxDyn(&shape)).expect("as many elements")
}
