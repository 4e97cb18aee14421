//! Convolutions of stride 1, whose windows lie beside one another, without a matrix of windows.
//!
//! The value: each panel of windows goes from the image straight to the place where tiles of all output
//! channels read it. The gradient for the image: output gradients, moved by the offset of a window's
//! element, are the right operand where they lie. Each sum is that of the matrix of windows, in the
//! same order.

use std::iter::repeat_n;

use ndarray::{ArrayView3, Axis};

use super::dims::Dims;
use super::plane::Plane;
use crate::Float;
use crate::simd::gemm::{
    KC, Matrix, Part, Scratch, TILE, Tiled, even_tiles, pack, tile_product, tile_size,
};
use crate::simd::out::Memory;
use crate::simd::{Kernel, run, share};

/// The elements that are copied at a time.
const LANES: usize = 16;

/// The weights of all groups, packed for [`Value::write`].
pub(super) struct Value<'a, T> {
    dims: &'a Dims,
    plane: Plane,
    /// The offsets of the elements of a window, in the order channel, row, column.
    offsets: Vec<usize>,
    /// The runs of all panels, and where those of each begin.
    runs: Vec<[usize; 3]>,
    starts: Vec<usize>,
    weights: Vec<T>,
    /// What is added to each output channel of all groups, as often as a tile has columns.
    bias: Option<Vec<T>>,
}

impl<'a, T: Float> Value<'a, T> {
    /// With `bias`, which [`Value::write`] adds, windows are of at most [`KC`] elements.
    pub(super) fn new(dims: &'a Dims, w: &[T], bias: Option<&[T]>) -> Self {
        let plane = Plane::new(dims);
        let channels = (0..dims.c / dims.conv.groups).map(|c| c * plane.len());
        let within = plane.offsets(dims);
        let offsets = channels.flat_map(|c| within.iter().map(move |offset| c + offset)).collect();
        let ([most, columns], k) = (tile_size::<T>(), dims.window_len());
        let tiles: Vec<_> = even_tiles(dims.o / dims.conv.groups, most).collect();
        let mut weights = vec![T::ZERO; dims.conv.groups * tiles.len() * most * k];
        for (index, weights) in weights.chunks_mut(most * k).enumerate() {
            let (group, (i, rows)) = (index / tiles.len(), tiles[index % tiles.len()]);
            pack(dims.weights(w, group).rows(i, rows), most, weights);
        }
        let (mut runs, mut starts) = (Vec::new(), vec![0]);
        for j in (0..dims.windows()).step_by(columns) {
            add_runs(dims, &plane, j, columns.min(dims.windows() - j), &mut runs);
            starts.push(runs.len());
        }
        let bias = bias.map(|bias| bias.iter().flat_map(|&x| repeat_n(x, columns)).collect());
        Value { dims, plane, offsets, runs, starts, weights, bias }
    }

    /// Group number `index` of the images' outputs.
    pub(super) fn write<'m>(&self, index: usize, x: &[T], memory: Memory<'m, T>) -> &'m mut [T] {
        let (dims, [_, columns]) = (self.dims, tile_size::<T>());
        let (k, windows) = (dims.window_len(), dims.windows());
        let (channels, outputs) = (dims.c / dims.conv.groups, dims.o / dims.conv.groups);
        let (mut of_planes, mut of_panel) = (Scratch::default(), Scratch::default());
        let needed = channels * self.plane.len() + LANES;
        let planes = match x[index * dims.x_group()..].get(..needed) {
            // Without padding an image is its plane, if there is something behind it.
            Some(image) if dims.conv.padding == [0, 0] => image,
            _ => {
                let planes = of_planes.slice(needed);
                planes.fill(T::ZERO);
                self.plane.write(dims.group_of(x, index), planes, self.plane.len());
                planes
            }
        };
        let step = columns + LANES;
        let panel = of_panel.slice(k * step);
        let group = index % dims.conv.groups;
        let of_group = self.weights.len() / dims.conv.groups;
        let weights = &self.weights[group * of_group..][..of_group];
        let bias = self.bias.as_ref().map(|bias| &bias[group * outputs * columns..]);
        let mut y = Tiled::new(memory, [outputs, windows, k], weights, bias);
        for ends in self.starts.windows(2) {
            let runs = &self.runs[ends[0]..ends[1]];
            run(Copy { planes, offsets: &self.offsets, runs, step, panel });
            y.push(Part { elements: panel, across: 1, step });
        }
        y.finish()
    }
}

/// Where windows `j..j + width` lie on the plane: runs along its rows, as (place in the panel, place on the
/// plane, chunks).
fn add_runs(dims: &Dims, plane: &Plane, j: usize, width: usize, runs: &mut Vec<[usize; 3]>) {
    let along = dims.out[1];
    let mut at = j;
    while at < j + width {
        let (row, column) = (at / along, at % along);
        let len = (along - column).min(j + width - at);
        runs.push([at - j, row * plane.pitch + column, len.div_ceil(LANES)]);
        at += len;
    }
}

/// Copies windows into a panel, one row for each offset, rows `step` apart. A run is copied in whole chunks: what is
/// too much is overwritten by the next run, or lies behind the row.
struct Copy<'a, T> {
    planes: &'a [T],
    offsets: &'a [usize],
    runs: &'a [[usize; 3]],
    step: usize,
    panel: &'a mut [T],
}

impl<T: Float> Kernel for Copy<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for &[to, from, chunks] in self.runs {
            for chunk in 0..chunks {
                let (to, from) = (to + chunk * LANES, from + chunk * LANES);
                for (&offset, row) in self.offsets.iter().zip(self.panel.chunks_mut(self.step)) {
                    let from = self.planes[offset + from..].first_chunk::<LANES>();
                    let to = row[to..].first_chunk_mut::<LANES>();
                    *to.expect("a chunk in a row") = *from.expect("a chunk behind the planes");
                }
            }
        }
    }
}

/// The gradient for the images, into `dx`, which holds zeros.
pub(super) fn vjp_x<T: Float>(dims: &Dims, dy: &[T], w: &[T], dx: &mut [T]) {
    let (plane, [most, columns]) = (Plane::new(dims), tile_size::<T>());
    let groups = dims.conv.groups;
    let (channels, outputs) = (dims.c / groups, dims.o / groups);
    let offsets = plane.offsets(dims);
    let tiles = even_tiles(channels, most);
    // A tile of channels after another for each offset, for each group.
    let mut weights = Vec::new();
    for group in w.chunks(outputs * dims.window_len()) {
        let shape = (outputs, channels, offsets.len());
        let group = ArrayView3::from_shape(shape, group).expect("the weights of a group");
        for k in 0..offsets.len() {
            let of_offset = group.index_axis(Axis(2), k).reversed_axes();
            for (i, rows) in tiles.clone() {
                let start = weights.len();
                weights.resize(start + most * outputs, T::ZERO);
                pack(Matrix::new(&of_offset).rows(i, rows), most, &mut weights[start..]);
            }
        }
    }
    let of_group = offsets.len() * tiles.clone().count() * most * outputs;
    // Output gradients lie on planes as windows do, with zeros before, between and behind.
    let before = offsets.last().copied().unwrap_or(0);
    let width = plane.len().next_multiple_of(columns);
    let stride = before + width;
    share::chunks(dx, dims.x_group(), true, |index, dx| {
        let (mut of_dy, mut of_dx) = (Scratch::default(), Scratch::default());
        let on_planes = of_dy.slice(outputs * stride);
        on_planes.fill(T::ZERO);
        let dy = &dy[index * dims.y_group()..][..dims.y_group()];
        for (channel, to) in dy.chunks(dims.windows()).zip(on_planes.chunks_mut(stride)) {
            for (row, to) in channel.chunks(dims.out[1]).zip(to[before..].chunks_mut(plane.pitch)) {
                to[..row.len()].copy_from_slice(row);
            }
        }
        let planes = of_dx.slice(channels * width);
        planes.fill(T::ZERO);
        let weights = &weights[index % groups * of_group..][..of_group];
        for (tile, (i, rows)) in tiles.clone().enumerate() {
            for j in (0..width).step_by(columns) {
                let out = &mut planes[i * width + j..];
                for (k, offset) in offsets.iter().enumerate() {
                    let start = (k * tiles.clone().count() + tile) * most * outputs;
                    let a = Part { elements: &weights[start..], across: 1, step: most };
                    let from = &on_planes[before - offset + j..];
                    let b = Part { elements: from, across: 1, step: stride };
                    add_product([rows, outputs], a, b, out, width);
                }
            }
        }
        plane.read(planes, width, dx);
    });
}

/// `out += a · b`, where the product is summed up along all of K before it is added.
fn add_product<T: Float>(
    [rows, k]: [usize; 2],
    a: Part<'_, T>,
    b: Part<'_, T>,
    out: &mut [T],
    stride: usize,
) {
    if k <= KC {
        return tile_product([rows, k], a, b, out, stride, true);
    }
    let (mut sums, [_, columns]) = ([T::ZERO; TILE], tile_size::<T>());
    for k0 in (0..k).step_by(KC) {
        let (a, b) = (a.after(k0), b.after(k0));
        tile_product([rows, KC.min(k - k0)], a, b, &mut sums, columns, k0 > 0);
    }
    for (row, sums) in out.chunks_mut(stride).zip(sums.chunks(columns)).take(rows) {
        row.iter_mut().zip(sums).for_each(|(out, &sum)| *out += sum);
    }
}
