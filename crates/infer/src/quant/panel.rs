//! A chunk of a tile, unpacked to bytes: what the integer kernels multiply.
//!
//! Formats differ in how they pack; they all come down to bytes with a scale. Each format says how
//! its packed chunk becomes a [`Panel`] and which [`Scheme`] of arithmetic the panel follows; the
//! kernels of an instruction set are written once for all.
//!
//! A chunk is 256 elements of 16 rows: 4 KiB, which stays in the first-level cache while every
//! activation row is multiplied with it, so that unpacking is paid once for all of them.

use super::tile::{CHUNK, Layout, TILE};

/// Elements that share an activation scale.
pub(crate) const BLOCK: usize = 32;
/// Blocks of a chunk.
pub(crate) const BLOCKS: usize = CHUNK / BLOCK;
/// Groups of four elements of a block.
pub(crate) const GROUPS: usize = BLOCK / 4;

/// Four elements of each of 16 rows, little-endian: row `r`'s are the bytes of word `r`.
pub(crate) type Line = [u32; TILE];
/// A number for each of 16 rows.
pub(crate) type Row16 = [f32; TILE];

/// How a panel's integers make the product.
///
/// With w the weights' integers, x the activations' integers, dx their scale, a₀ and a₁ the sums of
/// w x over the halves of a block of 32, and c the f32 output, each block does
///
/// ```text
/// whole:   t = (a₀ + a₁) scale             halves:   t = fma(a₁, scale₁, a₀ scale₀)
/// c = fma(t, dx, c)
/// minimum, whole:   c = fma(min, dx Σx, c)
/// minimum, halves:  c = fma(min₀, dx Σx₀, c);  c = fma(min₁, dx Σx₁, c)
/// ```
///
/// where the integer sums are exact, dx Σx is rounded once, and blocks follow in ascending order.
pub(crate) trait Scheme {
    /// Each half of a block has a scale (and a minimum) of its own.
    const HALVES: bool;
    /// There is a minimum, and integers are 0 to 31, stored as they are. Without one, integers are
    /// -128 to 127, stored with 128 added.
    const MINIMUM: bool;
}

/// w = byte - 128, one scale a block.
pub(crate) struct Signed;
/// w = byte, one scale and one minimum a block.
pub(crate) struct Minimum;
/// w = byte - 128, a scale for each half of a block.
pub(crate) struct SignedHalves;
/// w = byte, a scale and a minimum for each half of a block.
pub(crate) struct MinimumHalves;

impl Scheme for Signed {
    const HALVES: bool = false;
    const MINIMUM: bool = false;
}

impl Scheme for Minimum {
    const HALVES: bool = false;
    const MINIMUM: bool = true;
}

impl Scheme for SignedHalves {
    const HALVES: bool = true;
    const MINIMUM: bool = false;
}

impl Scheme for MinimumHalves {
    const HALVES: bool = true;
    const MINIMUM: bool = true;
}

/// 256 elements of 16 rows, unpacked.
#[derive(Clone)]
#[repr(C, align(64))]
pub(crate) struct Panel {
    /// The integers: block, group of four elements.
    pub(crate) q: [[Line; GROUPS]; BLOCKS],
    /// Scales: block, half (where there are no halves, the first one).
    pub(crate) scale: [[Row16; 2]; BLOCKS],
    /// Minimums, with the sign that makes them summands.
    pub(crate) min: [[Row16; 2]; BLOCKS],
}

impl Panel {
    /// A panel of zeros.
    pub(crate) fn new() -> Self {
        Panel {
            q: [[[0; TILE]; GROUPS]; BLOCKS],
            scale: [[[0.0; TILE]; 2]; BLOCKS],
            min: [[[0.0; TILE]; 2]; BLOCKS],
        }
    }
}

/// What an instruction set does to 16 lanes where plain Rust would be slow. A value of the type is
/// the proof that the processor has the instruction set.
pub(crate) trait Lanes: Copy {
    /// Sixteen little-endian f16 as f32.
    fn f16x16(self, bytes: &[u8; 2 * TILE]) -> Row16;
}

/// A format of integers in blocks, as its tiles store it.
///
/// `unpack` is plain Rust over arrays. It is compiled once for each instruction set by being
/// inlined into that set's kernel, and gives the same bits in each.
pub(crate) trait Packed {
    /// Format and fields.
    const LAYOUT: Layout;
    /// How a panel of this format is multiplied.
    type Scheme: Scheme;

    /// Unpacks a chunk of a tile.
    fn unpack<L: Lanes>(lanes: L, chunk: &Chunk<'_>, panel: &mut Panel);
}

/// A chunk of a tile: up to 256 elements of 16 rows.
pub(crate) struct Chunk<'a> {
    bytes: &'a [u8],
    /// Stored blocks of a row.
    pub(crate) blocks: usize,
}

impl<'a> Chunk<'a> {
    /// The chunk that `bytes` hold.
    #[inline(always)]
    pub(crate) fn new(layout: &Layout, bytes: &'a [u8]) -> Self {
        Chunk { bytes, blocks: bytes.len() / (TILE * layout.ty.block_bytes()) }
    }

    /// `N` bytes of the field of `bytes` bytes that starts at byte `field` of a stored block: those
    /// from `at` on of each of block `block`'s 16 rows' units.
    #[inline(always)]
    fn part<const N: usize>(
        &self,
        field: usize,
        bytes: usize,
        block: usize,
        at: usize,
    ) -> &[u8; N] {
        let start = TILE * (field * self.blocks + block * bytes + at);
        self.bytes[start..][..N].try_into().expect("a slice of N bytes")
    }

    /// Line `index` of a field of `bytes` bytes.
    #[inline(always)]
    pub(crate) fn line(&self, field: usize, bytes: usize, block: usize, index: usize) -> Line {
        let part = self.part::<{ 4 * TILE }>(field, bytes, block, 4 * index).as_chunks::<4>().0;
        let mut line = [0; TILE];
        for (word, bytes) in line.iter_mut().zip(part) {
            *word = u32::from_le_bytes(*bytes);
        }
        line
    }

    /// The field at byte `field`: an f16 of each row.
    #[inline(always)]
    pub(crate) fn f16<L: Lanes>(&self, lanes: L, field: usize, block: usize) -> Row16 {
        lanes.f16x16(self.part(field, 2, block, 0))
    }

    /// Byte `index` of a field of `bytes` single bytes, of each row.
    #[inline(always)]
    pub(crate) fn bytes(
        &self,
        field: usize,
        bytes: usize,
        block: usize,
        index: usize,
    ) -> [u8; TILE] {
        *self.part(field, bytes, block, index)
    }
}

/// `(line >> shift) & mask` byte by byte, for masks that leave no bit of a neighbour.
#[inline(always)]
pub(crate) fn bits(line: Line, shift: u32, mask: u8) -> Line {
    let mask = u32::from_le_bytes([mask; 4]);
    line.map(|word| word >> shift & mask)
}

/// Adds `to` to each byte; no byte may overflow.
#[inline(always)]
pub(crate) fn add(line: Line, to: u8) -> Line {
    line.map(|word| word + u32::from_le_bytes([to; 4]))
}

/// `low | high << shift`, byte by byte; no bit may leave its byte.
#[inline(always)]
pub(crate) fn join(low: Line, high: Line, shift: u32) -> Line {
    std::array::from_fn(|row| low[row] | high[row] << shift)
}

/// `a * b`, row by row.
#[inline(always)]
pub(crate) fn times(a: Row16, b: Row16) -> Row16 {
    std::array::from_fn(|row| a[row] * b[row])
}

/// `-(a * b)`, row by row.
#[inline(always)]
pub(crate) fn minus_times(a: Row16, b: Row16) -> Row16 {
    std::array::from_fn(|row| -(a[row] * b[row]))
}
