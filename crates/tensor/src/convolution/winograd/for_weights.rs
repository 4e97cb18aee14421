//! The gradient for the weights: the adjoint of the value, whose products now run along the tiles.

use super::transforms::{each, of_gradients, to_weights};
use super::value::{Image, all_finite, read};
use super::{BLOCK, LANES, PRODUCTS, Split, Tiling, WINDOW, apart};
use crate::convolution::by_windows;
use crate::convolution::dims::Dims;
use crate::simd::gemm::{Matrix, Part, Scratch, pack, tile_product, tile_size};
use crate::simd::{Kernel, run, share};
use crate::{Float, pool};

/// The bytes of transformed images and gradients that are held at a time, about: they stay in a cache.
const ROUND_BYTES: usize = 4 << 20;

struct Arrangement<'a> {
    dims: &'a Dims,
    tiling: Tiling,
    channels: usize,
    outputs: usize,
    /// The output channels of a panel, and the panels.
    columns: usize,
    panels: usize,
}

/// The gradient for the weights into `dw`, which holds zeros; images are added in their order.
pub(in crate::convolution) fn vjp_w<T: Float>(dims: &Dims, dy: &[T], x: &[T], dw: &mut [T]) {
    let a = Arrangement::new::<T>(dims);
    let groups = dims.conv.groups;
    let per_image = size_of::<T>() * groups * (a.tiles() + a.gradients());
    let at_once = (ROUND_BYTES / per_image).clamp(1, dims.n);
    let mut tiles = pool::zeros::<T>(at_once * groups * a.tiles());
    let mut gradients = pool::zeros::<T>(at_once * groups * a.gradients());
    let mut sums = pool::zeros::<T>(groups * a.panels * PRODUCTS * a.channels * a.columns);
    for first in (0..dims.n).step_by(at_once) {
        let items = first * groups..(first + at_once).min(dims.n) * groups;
        share::chunks(&mut tiles[..items.len() * a.tiles()], a.tiles(), true, |i, to| {
            a.arrange_tiles(dims.group_of(x, items.start + i), to);
        });
        let of_panel = a.gradients() / a.panels;
        let used = &mut gradients[..items.len() * a.gradients()];
        share::chunks(used, of_panel, true, |i, to| {
            let (item, panel) = (items.start + i / a.panels, i % a.panels);
            a.arrange_gradients(&dy[item * dims.y_group()..][..dims.y_group()], panel, to);
        });
        share::chunks(&mut sums, a.channels * a.columns, true, |task, sums| {
            let (task, product) = (task / PRODUCTS, task % PRODUCTS);
            let (group, panel) = (task / a.panels, task % a.panels);
            for item in (group..items.len()).step_by(groups) {
                let tiles = &tiles[item * a.tiles()..][..a.tiles()];
                let gradients = &gradients[(item * a.panels + panel) * of_panel..][..of_panel];
                a.add(product, tiles, gradients, sums);
            }
        });
    }
    a.take(&sums, dw);
    [tiles, gradients, sums].into_iter().for_each(pool::give_back);
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
        Arrangement { dims, tiling, channels, outputs, columns, panels }
    }

    /// The places of a channel, up to whole chunks.
    fn row(&self) -> usize {
        self.tiling.places().next_multiple_of(32)
    }

    /// The elements of an image's tiles: for each product and channel a row of places.
    fn tiles(&self) -> usize {
        PRODUCTS * apart(self.channels * self.row())
    }

    /// The elements of an image's gradients: for each panel, product and place the output channels.
    fn gradients(&self) -> usize {
        self.panels * PRODUCTS * apart(self.tiling.places() * self.columns)
    }

    fn arrange_tiles<T: Float>(&self, channels: &[T], to: &mut [T]) {
        let mut scratch = Scratch::default();
        let planes = scratch.slice(self.channels * 4 * self.tiling.plane());
        let (tiling, columns) = (&self.tiling, self.row());
        run(Split { tiling, channels, planes });
        run(Image { tiling, planes, place: 0, columns, channels: self.channels, panel: to });
    }

    fn arrange_gradients<T: Float>(&self, dy: &[T], panel: usize, to: &mut [T]) {
        let (first, windows) = (panel * self.columns, self.dims.windows());
        let mut scratch = Scratch::default();
        let turned = scratch.slice(windows * self.columns);
        let rows = self.columns.min(self.outputs - first);
        let dy = Matrix::from_slice(dy, self.outputs, windows).rows(first, rows);
        pack(dy, self.columns, turned);
        run(Gradients { tiling: &self.tiling, turned, columns: self.columns, to });
    }

    /// Adds one image's product.
    fn add<T: Float>(&self, product: usize, tiles: &[T], gradients: &[T], sums: &mut [T]) {
        let ([most, columns], places, row) = (tile_size::<T>(), self.tiling.places(), self.row());
        let gradients = &gradients[product * apart(places * columns)..];
        for place in (0..places).step_by(BLOCK) {
            let k = BLOCK.min(places - place);
            let b = Part { elements: &gradients[place * columns..], across: 1, step: columns };
            for i in (0..self.channels).step_by(most) {
                let elements = &tiles[product * apart(self.channels * row) + i * row + place..];
                let a = Part { elements, across: row, step: 1 };
                let rows = most.min(self.channels - i);
                tile_product([rows, k], a, b, &mut sums[i * columns..], columns, true);
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
            let panel = group * self.panels + output / self.columns;
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
    to: &'a mut [T],
}

impl<T: Float> Kernel for Gradients<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        match self.columns {
            32 => self.by::<32>(),
            16 => self.by::<16>(),
            _ => self.by::<8>(),
        }
    }
}

impl<T: Float> Gradients<'_, T> {
    #[inline(always)]
    fn by<const L: usize>(self) {
        let Gradients { tiling, turned, columns, to } = self;
        let (places, [height, width]) = (tiling.places(), tiling.out);
        for place in 0..places {
            let (row, column) = (place / tiling.pitch * 2, place % tiling.pitch * 2);
            for lane in (0..columns).step_by(L) {
                let y: [[T; L]; 4] = std::array::from_fn(|k| {
                    let (y, x) = (row + k / 2, column + k % 2);
                    let inside = y < height && x < width;
                    if inside {
                        read(&turned[(y * width + x) * columns + lane..])
                    } else {
                        [T::ZERO; L]
                    }
                });
                for (k, m) in each(&y, of_gradients).iter().enumerate() {
                    to[k * apart(places * columns) + place * columns + lane..][..L]
                        .copy_from_slice(m);
                }
            }
        }
    }
}
