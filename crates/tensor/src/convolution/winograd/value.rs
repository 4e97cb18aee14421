//! The value, and the gradient for the image, which is the same with the weights turned round.

use ndarray::{ArrayView3, s};

use super::lanes::{ByLanes, InLanes, each, read};
use super::transforms::{of_image, of_weights, to_outputs};
use super::{BLOCK, LANES, PRODUCTS, Split, Tiling, WINDOW, apart};
use crate::convolution::by_windows;
use crate::convolution::dims::Dims;
use crate::simd::gemm::{Matrix, Part, Scratch, even_tiles, pack, tile_product, tile_size};
use crate::simd::out::Memory;
use crate::simd::{Kernel, run, share};
use crate::{Float, pool};

/// The outputs of one image and group, in blocks of channels that may be made by different threads.
struct Value<T> {
    tiling: Tiling,
    channels: usize,
    groups: usize,
    /// The output channels of a block, and the blocks.
    outputs: usize,
    blocks: usize,
    /// Tiles of a block's channels: the first one and their number.
    tiles: Vec<(usize, usize)>,
    /// Transformed, packed: block, tile of output channels, product, channel, output channel.
    weights: Vec<T>,
}

/// The convolution, finished by `finish(item, first channel, part)` for each part of it.
pub(in crate::convolution) fn write<'m, T: Float>(
    dims: &Dims,
    x: &[T],
    w: &[T],
    memory: Memory<'m, T>,
    finish: impl Fn(usize, usize, &mut [T]) + Sync,
) -> &'m mut [T] {
    let (groups, outputs) = (dims.conv.groups, dims.o / dims.conv.groups);
    let weights = windows(dims, w);
    let weights = |group: usize, channel: usize| {
        weights.slice_move(s![group * outputs..(group + 1) * outputs, channel, ..])
    };
    let tiling = Tiling::new(dims.image, dims.conv.padding, dims.out);
    let value = Value::new(tiling, [dims.n, groups, dims.c / groups, outputs], weights);
    let y = memory.fill_parts(value.part(), true, |part, out| {
        let (item, first) = value.place(part);
        let y = out.fill(out.len(), T::ZERO);
        value.write(part, dims.group_of(x, item), y);
        by_windows::rewrite(dims, item, [x, w], first, y, |y| !all_finite(y));
        finish(item, first, y);
    });
    pool::give_back(value.weights);
    y
}

/// The gradient for the images, into `dx`.
pub(in crate::convolution) fn vjp_x<T: Float>(dims: &Dims, dy: &[T], w: &[T], dx: &mut [T]) {
    let (groups, channels) = (dims.conv.groups, dims.o / dims.conv.groups);
    let weights = windows(dims, w);
    let weights = |group: usize, channel: usize| {
        weights.slice_move(s![group * channels + channel, .., ..;-1])
    };
    let tiling = Tiling::new(dims.out, dims.conv.padding.map(|padding| 2 - padding), dims.image);
    let value = Value::new(tiling, [dims.n, groups, channels, dims.c / groups], weights);
    share::chunks(dx, value.part(), true, |part, dx| {
        let (item, first) = value.place(part);
        value.write(part, &dy[item * dims.y_group()..][..dims.y_group()], dx);
        let image = dims.image[0] * dims.image[1];
        if dx.chunks(image).all(all_finite) {
            return;
        }
        let mut whole = vec![T::ZERO; dims.x_group()];
        by_windows::add_vjp_x(dims, item, dy, w, &mut whole);
        for (dx, by_windows) in dx.chunks_mut(image).zip(whole.chunks(image).skip(first)) {
            if !all_finite(dx) {
                dx.copy_from_slice(by_windows);
            }
        }
    });
    pool::give_back(value.weights);
}

/// The weights: output channel, channel, element of the window.
fn windows<'w, T>(dims: &Dims, w: &'w [T]) -> ArrayView3<'w, T> {
    let shape = (dims.o, dims.c / dims.conv.groups, WINDOW);
    ArrayView3::from_shape(shape, w).expect("the weights of all windows")
}

pub(super) fn all_finite<T: Float>(y: &[T]) -> bool {
    run(AllFinite(y))
}

struct AllFinite<'a, T>(&'a [T]);

impl<T: Float> Kernel for AllFinite<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        // 0 times what is not finite is NaN.
        let mut zeros = [T::ZERO; LANES];
        let (chunks, rest) = self.0.as_chunks::<LANES>();
        for chunk in chunks {
            zeros.iter_mut().zip(chunk).for_each(|(zero, &y)| *zero += y * T::ZERO);
        }
        zeros.iter().chain(rest).all(|&y| y * T::ZERO == T::ZERO)
    }
}

impl<T: Float> Value<T> {
    /// For images, groups, and channels of a group that go in and come out; `weights` gives the windows of a
    /// group on a channel that goes in, one row for each that comes out.
    fn new<'w>(
        tiling: Tiling,
        [images, groups, channels, outputs]: [usize; 4],
        weights: impl Fn(usize, usize) -> ndarray::ArrayView2<'w, T> + Sync,
    ) -> Self
    where
        T: 'w,
    {
        let ([most, _], blocks) = (tile_size::<T>(), blocks(images * groups, outputs));
        let outputs = outputs / blocks;
        let tiles: Vec<_> = even_tiles(outputs, most).collect();
        let of_tile = PRODUCTS * apart(channels * most);
        let mut packed = pool::zeros(groups * blocks * tiles.len() * of_tile);
        share::chunks(&mut packed, of_tile, true, |task, to| {
            let (block, (i, rows)) = (task / tiles.len(), tiles[task % tiles.len()]);
            let (group, block) = (block / blocks, block % blocks);
            let mut scratch = Scratch::default();
            let elements = scratch.slice(channels * WINDOW * most + LANES);
            for (channel, elements) in elements.chunks_exact_mut(WINDOW * most).enumerate() {
                let weights = weights(group, channel);
                let rows = Matrix::new(&weights).rows(block * outputs + i, rows);
                pack(rows, most, elements);
            }
            run(Weights { elements, channels, most, to });
        });
        Value { tiling, channels, groups, outputs, blocks, tiles, weights: packed }
    }

    /// The elements of a part of the result.
    fn part(&self) -> usize {
        self.outputs * self.tiling.out[0] * self.tiling.out[1]
    }

    /// The image and group (as [`Dims::group_of`] counts), and the first output channel of the group, of
    /// part number `part`.
    fn place(&self, part: usize) -> (usize, usize) {
        (part / self.blocks, part % self.blocks * self.outputs)
    }

    /// Part number `part` of the result, of the channels of its image and group.
    fn write(&self, part: usize, channels: &[T], y: &mut [T]) {
        let [_, columns] = tile_size::<T>();
        let panels = self.tiling.places().div_ceil(columns);
        let mut scratch = <[Scratch; 4]>::default();
        let [of_planes, of_panel, of_sums, of_rows] = &mut scratch;
        let planes = of_planes.slice(self.channels * 4 * self.tiling.plane());
        run(Split { tiling: &self.tiling, channels, planes });
        let panel = of_panel.slice(PRODUCTS * apart(self.channels * columns));
        let sums = of_sums.slice(PRODUCTS * apart(self.outputs * columns));
        let plane = 2 * panels * columns + LANES;
        let rows = of_rows.slice(self.outputs * 2 * plane);
        for index in 0..panels {
            let place = index * columns;
            let tiling = &self.tiling;
            run(InLanes(Image { tiling, planes, place, columns, channels: self.channels, panel }));
            self.multiply(part, panel, sums);
            run(InLanes(Outputs { sums, columns, outputs: self.outputs, place, plane, rows }));
        }
        run(Rows { tiling: &self.tiling, rows, plane, y });
    }

    /// The 16 products of all output channels of a part with a panel of places.
    fn multiply(&self, part: usize, panel: &[T], sums: &mut [T]) {
        let ([most, columns], count) = (tile_size::<T>(), self.tiles.len());
        let stride = apart(self.channels * most);
        let block = part % (self.groups * self.blocks);
        let weights = &self.weights[block * count * PRODUCTS * stride..];
        for product in 0..PRODUCTS {
            let panel = &panel[product * apart(self.channels * columns)..];
            let sums = &mut sums[product * apart(self.outputs * columns)..];
            let b = Part { elements: panel, across: 1, step: columns };
            for (tile, &(i, rows)) in self.tiles.iter().enumerate() {
                let elements = &weights[(tile * PRODUCTS + product) * stride..];
                let a = Part { elements, across: 1, step: most };
                let sums = &mut sums[i * columns..];
                for c in (0..self.channels).step_by(BLOCK) {
                    let k = BLOCK.min(self.channels - c);
                    tile_product([rows, k], a.after(c), b.after(c), sums, columns, c > 0);
                }
            }
        }
    }
}

/// Into how many blocks of channels `outputs` are cut, so that each thread has one of `items`.
fn blocks(items: usize, outputs: usize) -> usize {
    let threads = rayon::current_num_threads();
    let wanted = if threads == 1 { 1 } else { (2 * threads).div_ceil(items) };
    (1..=wanted.min(outputs)).rev().find(|&blocks| outputs.is_multiple_of(blocks)).unwrap_or(1)
}

/// The transform of a tile's packed weights: `elements` has for each channel and element of the window a row of
/// `most` output channels, `to` one for each product and channel.
struct Weights<'a, T> {
    elements: &'a [T],
    channels: usize,
    most: usize,
    to: &'a mut [T],
}

impl<T: Float> Kernel for Weights<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Weights { elements, channels, most, to } = self;
        let stride = apart(channels * most);
        for channel in 0..channels {
            // Rows are shorter than a chunk: what is too much is overwritten by the next channel.
            let g: [[T; LANES]; WINDOW] =
                std::array::from_fn(|k| read(&elements[(channel * WINDOW + k) * most..]));
            for (k, u) in each(&g, of_weights).iter().enumerate() {
                to[k * stride + channel * most..][..LANES].copy_from_slice(u);
            }
        }
    }
}

/// The transform of the tiles of a panel: `panel` has for each product a row for each channel.
pub(super) struct Image<'a, T> {
    pub(super) tiling: &'a Tiling,
    pub(super) planes: &'a [T],
    pub(super) place: usize,
    pub(super) columns: usize,
    pub(super) channels: usize,
    pub(super) panel: &'a mut [T],
}

impl<T: Float> ByLanes for Image<'_, T> {
    fn columns(&self) -> usize {
        self.columns
    }

    #[inline(always)]
    fn by<const L: usize>(self) {
        let Image { tiling, planes, place, columns, channels, panel } = self;
        let at: [usize; 16] = std::array::from_fn(|k| tiling.element(k / 4, k % 4) + place);
        for c in 0..channels {
            let planes = &planes[c * 4 * tiling.plane()..];
            for lane in (0..columns).step_by(L) {
                let d: [[T; L]; 16] = std::array::from_fn(|k| read(&planes[at[k] + lane..]));
                for (k, v) in each(&d, of_image).iter().enumerate() {
                    panel[k * apart(channels * columns) + c * columns + lane..][..L]
                        .copy_from_slice(v);
                }
            }
        }
    }
}

/// The columns of the widest tile.
const MOST: usize = 32;

/// The outputs of a panel: `rows` has for each output channel a plane of even and one of odd rows.
struct Outputs<'a, T> {
    sums: &'a [T],
    columns: usize,
    outputs: usize,
    place: usize,
    plane: usize,
    rows: &'a mut [T],
}

impl<T: Float> ByLanes for Outputs<'_, T> {
    fn columns(&self) -> usize {
        self.columns
    }

    #[inline(always)]
    fn by<const L: usize>(self) {
        let Outputs { sums, columns, outputs, place, plane, rows } = self;
        let mut quarters = [T::ZERO; 4 * MOST];
        let quarters = &mut quarters[..4 * columns];
        for (o, rows) in rows.chunks_mut(2 * plane).take(outputs).enumerate() {
            let (even, odd) = rows.split_at_mut(plane);
            for lane in (0..columns).step_by(L) {
                let m: [[T; L]; 16] = std::array::from_fn(|k| {
                    read(&sums[k * apart(outputs * columns) + o * columns + lane..])
                });
                for (k, y) in each(&m, to_outputs).iter().enumerate() {
                    quarters[k * columns + lane..][..L].copy_from_slice(y);
                }
            }
            for (row, halves) in [even, odd].into_iter().zip(quarters.chunks(2 * columns)) {
                let (left, right) = halves.split_at(columns);
                let pairs = row[2 * place..].as_chunks_mut::<2>().0;
                for ((pair, &left), &right) in pairs.iter_mut().zip(left).zip(right) {
                    *pair = [left, right];
                }
            }
        }
    }
}

/// Copies rows of outputs from their planes. A row is copied in whole chunks where that is inside `y`; what is
/// too much is overwritten by the next one.
struct Rows<'a, T> {
    tiling: &'a Tiling,
    rows: &'a [T],
    plane: usize,
    y: &'a mut [T],
}

impl<T: Float> Kernel for Rows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (mut to, [height, width]) = (0, self.tiling.out);
        for rows in self.rows.chunks(2 * self.plane) {
            for row in 0..height {
                let rows = &rows[row % 2 * self.plane + row / 2 * 2 * self.tiling.pitch..];
                for at in (0..width).step_by(LANES) {
                    match self.y[to + at..].first_chunk_mut::<LANES>() {
                        Some(y) => *y = read(&rows[at..]),
                        None => self.y[to + at..to + width].copy_from_slice(&rows[at..width]),
                    }
                }
                to += width;
            }
        }
    }
}
