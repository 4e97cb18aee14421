//! Group normalisation.

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use crate::batch_norm::per_channel;
use crate::layer_norm::standardize;
use crate::rows::map_rows;
use crate::{Float, add, map, mul};

/// (x - mean) / √(variance + eps) · w + b, mean and (biased) variance being those of a group of
/// channels of one sample (Wu and He, [Group Normalization](https://arxiv.org/abs/1803.08494)). One
/// group is layer normalisation over all but N; as many as channels, instance normalisation.
///
/// # Shapes
///
/// `x` [N, C, ..], `w` \[C\], `b` \[C\] -> [N, C, ..]
///
/// # Panics
///
/// If the shapes do not fit or `groups` does not divide C.
#[track_caller]
pub fn group_norm<T: Float>(
    x: ArrayViewD<'_, T>,
    groups: usize,
    w: ArrayViewD<'_, T>,
    b: ArrayViewD<'_, T>,
    eps: T,
) -> ArrayD<T> {
    let fits = x.ndim() >= 2 && groups > 0 && x.shape()[1].is_multiple_of(groups);
    assert!(fits, "x {:?} in {groups} groups", x.shape());
    let rows = [x.shape()[0] * groups, x.len() / (x.shape()[0] * groups).max(1)];
    let by_group = map::copy(x.view()).into_shape_with_order(IxDyn(&rows)).expect("all elements");
    let standard = map_rows(by_group.view(), |_, row| {
        standardize(row, eps);
    });
    let standard = standard.into_shape_with_order(x.raw_dim()).expect("all elements");
    let scaled = mul(standard.view(), per_channel(&x, &w).view());
    add(scaled.view(), per_channel(&x, &b).view())
}
