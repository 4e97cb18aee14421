//! An image with its padding around it, row after row.
//!
//! On such a plane the windows of stride 1 are the plane itself, moved: element (c, ky, kx) of window
//! (oy, ox) lies at the place of the window, `oy * pitch + ox`, plus an offset that is the window's
//! element's alone. Places between the rows of windows are no windows.

use super::dims::Dims;
use crate::Float;

pub(super) struct Plane {
    /// The elements of a row.
    pub(super) pitch: usize,
    pub(super) rows: usize,
    padding: [usize; 2],
    image: [usize; 2],
}

impl Plane {
    pub(super) fn new(dims: &Dims) -> Self {
        let [h, w] = dims.image;
        let padding = dims.conv.padding;
        Plane { pitch: w + 2 * padding[1], rows: h + 2 * padding[0], padding, image: dims.image }
    }

    /// The elements of one channel.
    pub(super) fn len(&self) -> usize {
        self.pitch * self.rows
    }

    /// The offsets of the elements of a window in one channel, in the order row, column.
    pub(super) fn offsets(&self, dims: &Dims) -> Vec<usize> {
        let ([kh, kw], [down, along]) = (dims.window, dims.conv.dilation);
        let at = |k: usize| k / kw * down * self.pitch + k % kw * along;
        (0..kh * kw).map(at).collect()
    }

    /// Copies channels into planes, `stride` apart; what lies around them is left as it is.
    pub(super) fn write<T: Float>(&self, x: &[T], planes: &mut [T], stride: usize) {
        let ([h, w], [above, left]) = (self.image, self.padding);
        for (channel, plane) in x.chunks(h * w).zip(planes.chunks_mut(stride)) {
            for (y, row) in channel.chunks(w).enumerate() {
                plane[(y + above) * self.pitch + left..][..w].copy_from_slice(row);
            }
        }
    }

    /// Copies channels out of planes, `stride` apart.
    pub(super) fn read<T: Float>(&self, planes: &[T], stride: usize, x: &mut [T]) {
        let ([h, w], [above, left]) = (self.image, self.padding);
        for (channel, plane) in x.chunks_mut(h * w).zip(planes.chunks(stride)) {
            for (y, row) in channel.chunks_mut(w).enumerate() {
                row.copy_from_slice(&plane[(y + above) * self.pitch + left..][..w]);
            }
        }
    }
}
