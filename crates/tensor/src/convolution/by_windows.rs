//! Convolutions by the matrix of windows: any stride.
//!
//! The windows of an image become the columns of a matrix (Chellapilla, Puri and Simard, "High
//! performance convolutional neural networks for document processing", 2006).

use super::dims::Dims;
use crate::Float;
use crate::simd::gemm::{Matrix, Scratch, gemm};
use crate::simd::out::Out;
use crate::simd::share;

/// Group number `index` of the images' outputs.
pub(super) fn write<'o, T: Float>(
    dims: &Dims,
    index: usize,
    x: &[T],
    w: &[T],
    out: &'o mut Out<'_, T>,
) -> &'o mut [T] {
    let mut scratch = Scratch::default();
    let columns = column_matrix(dims, index, x, &mut scratch);
    out.product(dims.weights(w, index % dims.conv.groups), columns)
}

/// The windows of group number `index` of the images.
fn column_matrix<'s, T: Float>(
    dims: &Dims,
    index: usize,
    x: &[T],
    scratch: &'s mut Scratch,
) -> Matrix<'s, T> {
    let columns = scratch.slice(dims.column_len());
    columns.fill(T::ZERO);
    dims.read_windows(dims.group_of(x, index), columns);
    dims.column_matrix(columns)
}

/// Makes those output channels in `y`, the ones from `first` on of group number `index`, of which `which` says
/// so.
pub(super) fn rewrite<T: Float>(
    dims: &Dims,
    index: usize,
    [x, w]: [&[T]; 2],
    first: usize,
    y: &mut [T],
    which: impl Fn(&[T]) -> bool,
) {
    let channels = (first..).zip(y.chunks_mut(dims.windows())).filter(|(_, y)| which(y));
    let channels: Vec<_> = channels.collect();
    if channels.is_empty() {
        return;
    }
    let mut scratch = Scratch::default();
    let columns = column_matrix(dims, index, x, &mut scratch);
    let weights = dims.weights(w, index % dims.conv.groups);
    for (channel, y) in channels {
        gemm(weights.rows(channel, 1), columns, y, dims.windows(), false);
    }
}

/// Adds the gradient for the images to `dx`.
pub(super) fn vjp_x<T: Float>(dims: &Dims, dy: &[T], w: &[T], dx: &mut [T]) {
    share::chunks(dx, dims.x_group(), true, |index, dx| add_vjp_x(dims, index, dy, w, dx));
}

/// Adds the gradient for group number `index` of the images to `dx`.
pub(super) fn add_vjp_x<T: Float>(dims: &Dims, index: usize, dy: &[T], w: &[T], dx: &mut [T]) {
    let groups = dims.conv.groups;
    let mut scratch = Scratch::default();
    let columns = scratch.slice(dims.column_len());
    let dy = &dy[index * dims.y_group()..][..dims.y_group()];
    let dy = Matrix::from_slice(dy, dims.o / groups, dims.windows());
    gemm(dims.weights(w, index % groups).t(), dy, columns, dims.windows(), false);
    dims.add_windows(columns, dx);
}

/// Adds the gradient for the weights to `dw`, image after image.
pub(super) fn vjp_w<T: Float>(dims: &Dims, dy: &[T], x: &[T], dw: &mut [T]) {
    let groups = dims.conv.groups;
    let (rows, window) = (dims.o / groups, dims.window_len());
    share::chunks(dw, rows * window, groups > 1, |group, dw| {
        let mut scratch = Scratch::default();
        let columns = scratch.slice(dims.column_len());
        columns.fill(T::ZERO);
        for n in 0..dims.n {
            let index = n * groups + group;
            dims.read_windows(dims.group_of(x, index), columns);
            let dy = &dy[index * dims.y_group()..][..dims.y_group()];
            let dy = Matrix::from_slice(dy, rows, dims.windows());
            gemm(dy, dims.column_matrix(columns).t(), dw, window, true);
        }
    });
}
