//! The gradient for the weights: the adjoint of the value, whose products now run along the tiles.

use std::ops::Range;

use super::lanes::{ByLanes, InLanes, each, read};
use super::transforms::{of_gradients, to_weights};
use super::value::{Image, all_finite};
use super::{BLOCK, LANES, PRODUCTS, Split, Tiling, WINDOW, apart};
use crate::convolution::by_windows;
use crate::convolution::dims::Dims;
use crate::simd::gemm::{Matrix, Part, Scratch, pack, tile_product, tile_size};
use crate::simd::{run, share};
use crate::{Float, pool};

/// Into how many blocks images are cut at most. Each has sums of its own, which are added in the end: so threads
/// wait for each other but once.
const BLOCKS: usize = 16;

/// The elements of all sums, about, at most.
const SUMS: usize = 1 << 21;

struct Arrangement<'a> {
    dims: &'a Dims,
    tiling: Tiling,
    channels: usize,
    outputs: usize,
    /// The output channels of a panel, and the panels.
    columns: usize,
    panels: usize,
    /// The blocks of images.
    blocks: usize,
}

/// The gradient for the weights into `dw`, which holds zeros.
pub(in crate::convolution) fn vjp_w<T: Float>(dims: &Dims, dy: &[T], x: &[T], dw: &mut [T]) {
    let a = Arrangement::new::<T>(dims);
    // As few as keep all threads busy: each task for a block transforms its images.
    let wanted = (2 * rayon::current_num_threads()).div_ceil(dims.conv.groups * a.blocks);
    let parts = (wanted..a.panels).find(|&parts| a.panels.is_multiple_of(parts));
    let parts = parts.unwrap_or(a.panels);
    let panels = a.panels / parts;
    let mut sums = pool::zeros::<T>(dims.conv.groups * a.blocks * a.panels * a.of_panel());
    share::chunks(&mut sums, panels * a.of_panel(), true, |task, sums| {
        let (task, part) = (task / parts, task % parts);
        let (group, block) = (task / a.blocks, task % a.blocks);
        for image in block * dims.n / a.blocks..(block + 1) * dims.n / a.blocks {
            let item = image * dims.conv.groups + group;
            let dy = &dy[item * dims.y_group()..][..dims.y_group()];
            a.add_image(dims.group_of(x, item), dy, part * panels, sums);
        }
    });
    for sums in sums.chunks_mut(a.blocks * a.panels * a.of_panel()) {
        let (first, others) = sums.split_at_mut(a.panels * a.of_panel());
        let len = first.len();
        share::chunks(first, a.of_panel() / PRODUCTS, true, |index, sums| {
            for others in others.chunks(len) {
                let others = &others[index * sums.len()..];
                sums.iter_mut().zip(others).for_each(|(sum, &other)| *sum += other);
            }
        });
    }
    a.take(&sums, dw);
    pool::give_back(sums);
    if !all_finite(dw) {
        dw.fill(T::ZERO);
        by_windows::vjp_w(dims, dy, x, dw);
    }
}

impl<'a> Arrangement<'a> {
    fn new<T: Float>(dims: &'a Dims) -> Self {
        let ([_, columns], groups) = (tile_size::<T>(), dims.conv.groups);
        let tiling = Tiling::new(dims.image, dims.conv.padding, dims.out);
        let (channels, outputs) = (dims.c / groups, dims.o / groups);
        let panels = outputs.div_ceil(columns);
        // By the sizes alone: where blocks end has an effect on the bits.
        let of_block = groups * PRODUCTS * channels * outputs;
        let blocks = (SUMS / of_block).clamp(1, BLOCKS.min(dims.n));
        Arrangement { dims, tiling, channels, outputs, columns, panels, blocks }
    }

    /// The sums of a panel: for each product and channel the output channels.
    fn of_panel(&self) -> usize {
        PRODUCTS * self.channels * self.columns
    }

    /// Adds the products of an image's tiles with its gradients, of the panels from `first` on that `sums` has.
    fn add_image<T: Float>(&self, channels: &[T], dy: &[T], first: usize, sums: &mut [T]) {
        let mut scratch = <[Scratch; 4]>::default();
        let [of_planes, of_turned, of_tiles, of_gradients] = &mut scratch;
        let (tiling, windows, columns) = (&self.tiling, self.dims.windows(), self.columns);
        let planes = of_planes.slice(self.channels * 4 * tiling.plane());
        run(Split { tiling, channels, planes });
        let panels = sums.len() / self.of_panel();
        let turned = of_turned.slice(panels * windows * columns);
        let dy = Matrix::from_slice(dy, self.outputs, windows);
        for (index, turned) in turned.chunks_mut(windows * columns).enumerate() {
            let o = (first + index) * columns;
            pack(dy.rows(o, columns.min(self.outputs - o)), columns, turned);
        }
        let tiles = of_tiles.slice(PRODUCTS * apart(self.channels * BLOCK));
        let gradients = of_gradients.slice(PRODUCTS * apart(BLOCK * columns));
        for place in (0..tiling.places()).step_by(BLOCK) {
            let channels = self.channels;
            run(InLanes(Image { tiling, planes, place, columns: BLOCK, channels, panel: tiles }));
            let places = place..tiling.places().min(place + BLOCK);
            let of_panels = turned.chunks(windows * columns).zip(sums.chunks_mut(self.of_panel()));
            for (turned, sums) in of_panels {
                let of_panel =
                    Gradients { tiling, turned, columns, places: places.clone(), to: gradients };
                run(InLanes(of_panel));
                self.multiply(places.len(), tiles, gradients, sums);
            }
        }
    }

    /// Adds the products of a block of places.
    fn multiply<T: Float>(&self, places: usize, tiles: &[T], gradients: &[T], sums: &mut [T]) {
        let [most, columns] = tile_size::<T>();
        for (product, sums) in sums.chunks_mut(self.channels * columns).enumerate() {
            let gradients = &gradients[product * apart(BLOCK * columns)..];
            let b = Part { elements: gradients, across: 1, step: columns };
            for i in (0..self.channels).step_by(most) {
                let elements = &tiles[product * apart(self.channels * BLOCK) + i * BLOCK..];
                let a = Part { elements, across: BLOCK, step: 1 };
                let rows = most.min(self.channels - i);
                tile_product([rows, places], a, b, &mut sums[i * columns..], columns, true);
            }
        }
    }

    /// The gradients for the weights, in their order, of the sums.
    fn take<T: Float>(&self, sums: &[T], dw: &mut [T]) {
        if self.outputs.is_multiple_of(LANES) && self.columns.is_multiple_of(LANES) {
            self.take_rows::<T, LANES>(sums, dw);
        } else {
            self.take_rows::<T, 1>(sums, dw);
        }
    }

    /// L output channels at a time, which lie side by side in the sums.
    fn take_rows<T: Float, const L: usize>(&self, sums: &[T], dw: &mut [T]) {
        let row = self.channels * WINDOW;
        share::chunks(dw, L * row, true, |index, dw| {
            let (group, output) = (index * L / self.outputs, index * L % self.outputs);
            let panel = group * self.blocks * self.panels + output / self.columns;
            for c in 0..self.channels {
                let u: [[T; L]; PRODUCTS] = std::array::from_fn(|product| {
                    let line = (panel * PRODUCTS + product) * self.channels + c;
                    read(&sums[line * self.columns + output % self.columns..])
                });
                let g = each(&u, to_weights);
                for (lane, dw) in dw.chunks_mut(row).enumerate() {
                    let dw = &mut dw[c * WINDOW..][..WINDOW];
                    dw.iter_mut().zip(&g).for_each(|(dw, g)| *dw = g[lane]);
                }
            }
        });
    }
}

/// The transform of the gradients of a panel of output channels, which lie side by side for each window in
/// `turned`, and for each product and place in `to`.
struct Gradients<'a, T> {
    tiling: &'a Tiling,
    turned: &'a [T],
    columns: usize,
    places: Range<usize>,
    to: &'a mut [T],
}

impl<T: Float> ByLanes for Gradients<'_, T> {
    fn columns(&self) -> usize {
        self.columns
    }

    #[inline(always)]
    fn by<const L: usize>(self) {
        let Gradients { tiling, turned, columns, places, to } = self;
        let [height, width] = tiling.out;
        for (index, place) in places.enumerate() {
            let (row, column) = (place / tiling.pitch * 2, place % tiling.pitch * 2);
            for lane in (0..columns).step_by(L) {
                let y: [[T; L]; 4] = std::array::from_fn(|k| {
                    let (y, x) = (row + k / 2, column + k % 2);
                    match y < height && x < width {
                        true => read(&turned[(y * width + x) * columns + lane..]),
                        false => [T::ZERO; L],
                    }
                });
                for (k, m) in each(&y, of_gradients).iter().enumerate() {
                    to[k * apart(BLOCK * columns) + index * columns + lane..][..L]
                        .copy_from_slice(m);
                }
            }
        }
    }
}
