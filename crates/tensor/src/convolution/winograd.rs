//! Convolutions with windows of 3 by 3 beside one another, by Winograd's minimal filtering.
//!
//! Four outputs, two by two, are made at once out of a tile of the image, four by four (F(2 x 2, 3 x 3) of
//! Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016; Winograd, "Arithmetic
//! Complexity of Computations", 1980):
//!
//! ```text
//! Y = Aᵀ [ Σ_c (G g Gᵀ) ⊙ (Bᵀ d B) ] A
//!
//!      ⎡ 1  0 -1  0 ⎤       ⎡  1    0    0  ⎤        ⎡ 1  1  1  0 ⎤
//! Bᵀ = ⎢ 0  1  1  0 ⎥   G = ⎢ 1/2  1/2  1/2 ⎥   Aᵀ = ⎣ 0  1 -1 -1 ⎦
//!      ⎢ 0 -1  1  0 ⎥       ⎢ 1/2 -1/2  1/2 ⎥
//!      ⎣ 0  1  0 -1 ⎦       ⎣  0    0    1  ⎦
//! ```
//!
//! That takes 16 products for each channel where windows take 36, and its sums along the channels are nine
//! times shorter than those along windows, which makes up for what the additions around them round: see
//! docs/numerics.md. An output depends on the elements of its own window alone, as by windows. An
//! infinity, or a value so large that a sum of four overflows, would become NaN; what is not finite is
//! therefore made again by windows.

mod for_weights;
mod lanes;
#[cfg(test)]
mod tests;
mod transforms;
mod value;

pub(super) use self::for_weights::vjp_w;
pub(super) use self::value::{vjp_x, write};

use super::dims::Dims;
use crate::Float;
use crate::simd::Kernel;

/// The products of a tile for each channel.
const PRODUCTS: usize = 16;

/// The elements of a window.
const WINDOW: usize = 9;

/// The terms that are summed up before they are added to others. Windows do that with more ([`KC`]), but the
/// sums and differences of a tile make errors about twice as large: chains that are shorter make up for it.
///
/// [`KC`]: crate::simd::gemm::KC
const BLOCK: usize = 64;

/// The elements that are moved at a time.
const LANES: usize = 16;

/// From one product's elements, `len` of them, to those of the next: not a multiple of 4096 bytes, where
/// the 16 products of a tile would drive each other out of the cache.
fn apart(len: usize) -> usize {
    len.next_multiple_of(2 * LANES) + LANES
}

/// Whether this way takes less time than windows do, for the value and both gradients together. That must
/// depend neither on the machine nor on how many images there are: the two ways round differently.
pub(super) fn pays(dims: &Dims) -> bool {
    let conv = dims.conv;
    let fits = dims.window == [3, 3] && conv.stride == [1, 1] && conv.dilation == [1, 1];
    if !fits || conv.padding.iter().any(|&padding| padding > 2) || dims.n * dims.x_group() == 0 {
        return false;
    }
    // In products of 32 columns, twice. The transforms of images and outputs take about as long as six more
    // channels on either side; those of the weights, for one image, as long as one panel and a half.
    let (c, o) = (dims.c / conv.groups, dims.o / conv.groups);
    let panels = Tiling::new(dims.image, conv.padding, dims.out).places().div_ceil(32);
    let tiles = PRODUCTS * (2 * panels * (c * o + 6 * (c + o)) + 3 * c * o);
    tiles < 2 * WINDOW * dims.windows().div_ceil(32) * c * o
}

/// How tiles lie on an image. Each begins two rows or columns after the one before; they are numbered row
/// after row, with one place between rows that is no tile.
struct Tiling {
    image: [usize; 2],
    padding: [usize; 2],
    out: [usize; 2],
    /// Rows of tiles.
    down: usize,
    /// From a row of tiles to the next, in places.
    pitch: usize,
}

impl Tiling {
    fn new(image: [usize; 2], padding: [usize; 2], out: [usize; 2]) -> Self {
        let [down, along] = out.map(|n| n.div_ceil(2));
        Tiling { image, padding, out, down, pitch: along + 1 }
    }

    /// The places from the first tile to the last.
    fn places(&self) -> usize {
        self.down * self.pitch - 1
    }

    /// From a plane of [`Split`] to the next. Behind each is room for places that are read, or a row that is
    /// written, too far.
    fn plane(&self) -> usize {
        (self.down + 1) * self.pitch + BLOCK
    }

    /// Where element `i`, `j` of the tile at place 0 lies on the four planes of a channel; that of the tile at
    /// another place lies so many elements behind it.
    fn element(&self, i: usize, j: usize) -> usize {
        (i % 2 * 2 + j % 2) * self.plane() + i / 2 * self.pitch + j / 2
    }
}

/// Splits channels, with zeros around them, into four planes each: even and odd rows, and of these the even
/// and odd columns. On them the elements of tiles beside one another lie side by side.
struct Split<'a, T> {
    tiling: &'a Tiling,
    channels: &'a [T],
    planes: &'a mut [T],
}

impl<T: Float> Kernel for Split<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Tiling { image: [h, w], padding: [above, left], pitch, .. } = *self.tiling;
        let rows = 2 * (self.tiling.down + 1);
        let mut line = vec![T::ZERO; 2 * pitch.next_multiple_of(LANES)];
        let of_channel = self.planes.chunks_mut(4 * self.tiling.plane());
        for (channel, planes) in self.channels.chunks(h * w).zip(of_channel) {
            for row in 0..rows {
                match row.checked_sub(above).and_then(|y| channel.chunks(w).nth(y)) {
                    Some(elements) => line[left..left + w].copy_from_slice(elements),
                    None => line[left..left + w].fill(T::ZERO),
                }
                let (even, odd) =
                    planes[self.tiling.element(row, 0)..].split_at_mut(self.tiling.plane());
                // What is too much is overwritten by the next row.
                let pairs = line.as_chunks::<2>().0;
                let (even, odd) = (&mut even[..pairs.len()], &mut odd[..pairs.len()]);
                for ((even, odd), &[first, second]) in even.iter_mut().zip(odd).zip(pairs) {
                    (*even, *odd) = (first, second);
                }
            }
        }
    }
}
