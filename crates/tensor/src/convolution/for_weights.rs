//! The gradient of a convolution of stride 1 for its weights, without a matrix of windows.
//!
//! It is a product along the windows. The right operand are output gradients, output channels side by
//! side; the left one is the image where it lies, moved by the offset of a window's element: its rows
//! are channels, and one step along the windows is one element. Between the rows of windows stand
//! gradients of zero.

use super::dims::Dims;
use super::plane::Plane;
use crate::simd::gemm::{KC, Matrix, Part, pack, tile_product, tile_size};
use crate::simd::share;
use crate::{Float, pool};

/// The bytes of gradients and images that are arranged at a time, about: they stay in a cache.
const ROUND_BYTES: usize = 2 << 20;

struct Arrangement<'a> {
    dims: &'a Dims,
    plane: Plane,
    /// The output channels of a tile, and the tiles.
    columns: usize,
    panels: usize,
    /// The places of windows on a plane.
    places: usize,
    /// Where the elements of a window lie on the plane of a channel.
    offsets: Vec<usize>,
    channels: usize,
}

/// The gradient for the weights into `dw`; images are added in their order.
pub(super) fn vjp_w<T: Float>(dims: &Dims, dy: &[T], x: &[T], dw: &mut [T]) {
    let a = Arrangement::new::<T>(dims);
    let groups = dims.conv.groups;
    let per_item = a.gradients() + a.planes();
    let at_once = (ROUND_BYTES / (size_of::<T>() * per_item * groups)).clamp(1, dims.n.max(1));
    let mut gradients = pool::zeros::<T>(at_once * groups * a.gradients());
    let mut planes = pool::zeros::<T>(at_once * groups * a.planes());
    let mut sums = pool::zeros::<T>(groups * a.panels * a.offsets.len() * a.channels * a.columns);
    for first in (0..dims.n).step_by(at_once) {
        let images = at_once.min(dims.n - first);
        let items = first * groups..(first + images) * groups;
        share::chunks(
            &mut gradients[..items.len() * a.gradients()],
            a.gradients(),
            true,
            |i, to| {
                a.arrange_gradients(&dy[(items.start + i) * dims.y_group()..], to);
            },
        );
        share::chunks(&mut planes[..items.len() * a.planes()], a.planes(), true, |i, to| {
            a.plane.write(dims.group_of(x, items.start + i), to, a.plane.len());
        });
        share::chunks(&mut sums, a.channels * a.columns, true, |task, sums| {
            let (task, k) = (task / a.offsets.len(), task % a.offsets.len());
            let (group, panel) = (task / a.panels, task % a.panels);
            for item in (group..items.len()).step_by(groups) {
                let gradients = &gradients[item * a.gradients()..][..a.gradients()];
                let gradients = &gradients[panel * a.places * a.columns..];
                let planes = &planes[item * a.planes()..][..a.planes()];
                a.add(gradients, &planes[a.offsets[k]..], sums);
            }
        });
    }
    a.take(&sums, dw);
    [gradients, planes, sums].into_iter().for_each(pool::give_back);
}

impl<'a> Arrangement<'a> {
    fn new<T: Float>(dims: &'a Dims) -> Self {
        let (plane, [_, columns]) = (Plane::new(dims), tile_size::<T>());
        let (channels, offsets) = (dims.c / dims.conv.groups, plane.offsets(dims));
        let panels = (dims.o / dims.conv.groups).div_ceil(columns);
        let places = (dims.out[0] - 1) * plane.pitch + dims.out[1];
        Arrangement { dims, plane, columns, panels, places, offsets, channels }
    }

    /// The elements of an image's gradients, arranged.
    fn gradients(&self) -> usize {
        self.panels * self.places * self.columns
    }

    /// The elements of an image's planes.
    fn planes(&self) -> usize {
        self.channels * self.plane.len()
    }

    /// For each panel and place the output channels side by side; places between rows are left.
    fn arrange_gradients<T: Float>(&self, dy: &[T], to: &mut [T]) {
        let (outputs, [oh, ow]) = (self.dims.o / self.dims.conv.groups, self.dims.out);
        let dy = Matrix::from_slice(dy, outputs, oh * ow);
        for (panel, to) in to.chunks_mut(self.places * self.columns).enumerate() {
            let o = panel * self.columns;
            let dy = dy.rows(o, self.columns.min(outputs - o)).t();
            for oy in 0..oh {
                let row = dy.rows(oy * ow, ow).t();
                pack(row, self.columns, &mut to[oy * self.plane.pitch * self.columns..]);
            }
        }
    }

    /// Adds one image's product for one element of the windows and panel, in blocks of so many windows.
    fn add<T: Float>(&self, gradients: &[T], planes: &[T], sums: &mut [T]) {
        let ([most, columns], ow) = (tile_size::<T>(), self.dims.out[1]);
        let place = |window: usize| window / ow * self.plane.pitch + window % ow;
        for window in (0..self.dims.windows()).step_by(KC) {
            let end = (window + KC).min(self.dims.windows());
            let (start, steps) = (place(window), place(end - 1) + 1 - place(window));
            let elements = &gradients[start * columns..];
            let b = Part { elements, across: 1, step: columns };
            for i in (0..self.channels).step_by(most) {
                let elements = &planes[start + i * self.plane.len()..];
                let a = Part { elements, across: self.plane.len(), step: 1 };
                let rows = most.min(self.channels - i);
                tile_product([rows, steps], a, b, &mut sums[i * columns..], columns, true);
            }
        }
    }

    /// The sums in the order of the weights.
    fn take<T: Float>(&self, sums: &[T], dw: &mut [T]) {
        let outputs = self.dims.o / self.dims.conv.groups;
        let window = self.dims.window_len();
        for (i, sums) in sums.chunks(self.columns).enumerate() {
            let (task, c) = (i / self.channels, i % self.channels);
            let (task, k) = (task / self.offsets.len(), task % self.offsets.len());
            let (group, panel) = (task / self.panels, task % self.panels);
            let first = panel * self.columns;
            for (o, &sum) in (first..outputs).zip(sums) {
                dw[(group * outputs + o) * window + c * self.offsets.len() + k] = sum;
            }
        }
    }
}
