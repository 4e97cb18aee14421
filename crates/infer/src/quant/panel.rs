//! A chunk of a tile, unpacked to bytes: what the integer kernels multiply.
//!
//! Formats differ in how they pack; they all come down to bytes with a scale. Each format says how
//! its packed chunk becomes a [`Panel`] and which [`Scheme`] of arithmetic the panel follows; the
//! kernels of an instruction set are written once for all.
//!
//! A chunk is 256 elements of 16 rows: 4 KiB, which stays in the first-level cache while every
//! activation row is multiplied with it, so that unpacking is paid once for all of them.

use std::hint::black_box;
use std::marker::PhantomData;

use super::kernels::Cache;
use super::tile::{CHUNK, LINE, Layout, TILE};

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

/// How integers make the product.
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
    /// There is a minimum.
    const MINIMUM: bool;
    /// What stands for zero: w = byte - ZERO. A power of two, or 0 where there is a minimum.
    const ZERO: u8;
    /// No byte is larger. (Only products that saturate ask for it.)
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    const LARGEST: u8;
    /// The same for any format: where there is no minimum, 128 stands for zero.
    type Any: Scheme;
}

/// One scale a block.
pub(crate) struct Signed<const ZERO: u8 = 128>;
/// One scale and one minimum a block.
pub(crate) struct Minimum<const LARGEST: u8 = 31>;
/// A scale for each half of a block.
pub(crate) struct SignedHalves<const ZERO: u8 = 128>;
/// A scale and a minimum for each half of a block.
pub(crate) struct MinimumHalves;

impl<const ZERO: u8> Scheme for Signed<ZERO> {
    const HALVES: bool = false;
    const MINIMUM: bool = false;
    const ZERO: u8 = ZERO;
    const LARGEST: u8 = ZERO - 1 + ZERO;
    type Any = Signed;
}

impl<const LARGEST: u8> Scheme for Minimum<LARGEST> {
    const HALVES: bool = false;
    const MINIMUM: bool = true;
    const ZERO: u8 = 0;
    const LARGEST: u8 = LARGEST;
    type Any = Minimum;
}

impl<const ZERO: u8> Scheme for SignedHalves<ZERO> {
    const HALVES: bool = true;
    const MINIMUM: bool = false;
    const ZERO: u8 = ZERO;
    const LARGEST: u8 = ZERO - 1 + ZERO;
    type Any = SignedHalves;
}

impl Scheme for MinimumHalves {
    const HALVES: bool = true;
    const MINIMUM: bool = true;
    const ZERO: u8 = 0;
    const LARGEST: u8 = 31;
    type Any = MinimumHalves;
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

/// Sixteen lanes in registers: what formats unpack with. A value of the type is the proof that the
/// processor has the instruction set.
///
/// Code over lanes has no closures: a closure is compiled apart, without the instruction set.
pub(crate) trait Lanes: Copy {
    /// Sixteen words of four bytes.
    type Words: Copy;
    /// Sixteen f32.
    type Floats: Copy;
    /// Registers that sixteen words or f32 take: 1, 2 or 4.
    const REGISTERS: usize;

    /// Words as they lie in memory, little-endian.
    fn load(self, bytes: &[u8; 4 * TILE]) -> Self::Words;
    /// Words as a panel has them.
    fn line(self, line: &Line) -> Self::Words;
    /// A word of each byte.
    fn widen(self, bytes: &[u8; TILE]) -> Self::Words;
    /// A word of each signed byte.
    fn widen_signed(self, bytes: &[u8; TILE]) -> Self::Words;
    /// Stores words.
    fn store(self, words: Self::Words, line: &mut Line);
    /// Stores words as they lie in memory, little-endian: the inverse of [`Lanes::load`].
    fn store_bytes(self, words: Self::Words, bytes: &mut [u8; 4 * TILE]);
    /// `(words >> shift) & mask`, the mask in each byte: no bit of a neighbour may be in it.
    fn bits(self, words: Self::Words, shift: u32, mask: u8) -> Self::Words;
    /// Byte `index` of each word.
    fn byte(self, words: Self::Words, index: usize) -> Self::Words;
    /// `(words << left) & mask`, or to the right where `left` is negative (by 8 at most), the mask in each
    /// byte: no bit of a neighbour may be in it.
    fn turn(self, words: Self::Words, left: i32, mask: u8) -> Self::Words;
    /// `a | b`.
    fn or(self, a: Self::Words, b: Self::Words) -> Self::Words;
    /// Adds `n` to each byte; none may overflow.
    fn add(self, words: Self::Words, n: u8) -> Self::Words;
    /// `a ^ b`.
    fn xor(self, a: Self::Words, b: Self::Words) -> Self::Words;
    /// Bits `shift .. shift + 4` of each word, one in each byte, where it counts 16.
    fn spread(self, words: Self::Words, shift: u32) -> Self::Words;
    /// The entry of a table for each byte; bytes are below 16.
    fn look_up(self, table: &[u8; 16], words: Self::Words) -> Self::Words;
    /// Asks a cache for the line of memory at an address, which need not exist.
    fn fetch(self, line: *const u8, cache: Cache);
    /// Asks a cache for the memory that lies `ahead` bytes behind where `bytes` begin, as long as they are.
    /// It need not exist.
    #[inline(always)]
    fn prefetch(self, bytes: &[u8], ahead: usize, cache: Cache) {
        for line in (0..bytes.len()).step_by(LINE) {
            self.fetch(bytes.as_ptr().wrapping_add(ahead + line), cache);
        }
    }
    /// Words, signed and of magnitudes below 2^24, as numbers.
    fn floats(self, words: Self::Words) -> Self::Floats;

    /// Sixteen f32.
    fn row(self, row: &Row16) -> Self::Floats;
    /// Sixteen little-endian f32.
    fn row_of_bytes(self, bytes: &[u8; 4 * TILE]) -> Self::Floats;
    /// Sixteen little-endian f16.
    fn f16(self, bytes: &[u8; 2 * TILE]) -> Self::Floats;
    /// Sixteen little-endian bfloat16.
    fn bf16(self, bytes: &[u8; 2 * TILE]) -> Self::Floats;
    /// Stores numbers.
    fn store_row(self, floats: Self::Floats, row: &mut Row16);
    /// The same number in each lane.
    fn splat(self, x: f32) -> Self::Floats;
    /// `a + b`.
    fn plus(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a * b`.
    fn times(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a * b + c`, rounded once.
    fn fma(self, a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats;
    /// b where it is larger than a; a elsewhere, also where one of them is NaN.
    fn larger(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
}

/// A computation that is compiled for each instruction set, like a [`Kernel`](ulp_tensor::simd::Kernel), and is
/// given its lanes. Mark `run`, and everything it calls, `#[inline(always)]`.
pub(crate) trait LaneKernel {
    /// The computation.
    fn run<L: Lanes>(self, lanes: L);
}

/// A format of integers in blocks, as its tiles store it.
///
/// `unpack` is plain Rust over arrays. It is compiled once for each instruction set by being
/// inlined into that set's kernel, and gives the same bits in each.
pub(crate) trait Packed {
    /// Format and fields.
    const LAYOUT: Layout;
    /// How the integers that `unpack` gives are multiplied.
    type Scheme: Scheme;
    /// Blocks that are unpacked side by side, 1 or 2: those that lie in the same bytes.
    const SIDE_BY_SIDE: usize = 1;

    /// Unpacks a chunk of a tile.
    fn unpack<L: Lanes, S: Sink<L>>(lanes: L, chunk: &Chunk<'_>, sink: &mut S);
}

/// A chunk of a tile: up to 256 elements of 16 rows.
pub(crate) struct Chunk<'a> {
    /// What lies before the integers if it lies apart from them: so many bytes of a row's block,
    header: usize,
    /// and those of 16 rows.
    headers: &'a [u8],
    /// The rest, or all.
    bytes: &'a [u8],
    /// Bytes of a stored block.
    block_bytes: usize,
    /// [`Layout::blocks_together`].
    together: usize,
    /// Stored blocks of a row.
    pub(crate) blocks: usize,
}

impl<'a> Chunk<'a> {
    /// The chunk that `bytes` hold.
    #[inline(always)]
    pub(crate) fn new(layout: &Layout, bytes: &'a [u8]) -> Self {
        let block_bytes = layout.ty.block_bytes();
        let blocks = bytes.len() / (TILE * block_bytes);
        let together = layout.blocks_together();
        Chunk { header: 0, headers: &[], bytes, block_bytes, together, blocks }
    }

    /// Chunk `index` of a tile whose chunks have [`Layout::header`]s.
    #[inline(always)]
    pub(crate) fn with_header(layout: &Layout, tile: &'a [u8], index: usize) -> Self {
        let (header, block_bytes) = (layout.header(), layout.ty.block_bytes());
        let (headers, whole) = (TILE * header, TILE * block_bytes);
        let (first, which) = (index / 2 * 2 * whole, index % 2);
        let together = if first + whole < tile.len() { 2 } else { 1 };
        let integers = first + together * headers + which * (whole - headers);
        Chunk {
            header,
            headers: &tile[first + which * headers..][..headers],
            bytes: &tile[integers..][..whole - headers],
            block_bytes,
            together: 1,
            blocks: 1,
        }
    }

    /// `N` bytes of a field of `bytes` bytes, before which `field` bytes of a block lie in the tile: those
    /// from `at` on of each of block `block`'s 16 rows' units.
    #[inline(always)]
    fn part<const N: usize>(
        &self,
        field: usize,
        bytes: usize,
        block: usize,
        at: usize,
    ) -> &[u8; N] {
        if self.header > 0 {
            let (bytes, start) = match field.checked_sub(self.header) {
                None => (self.headers, field + at),
                Some(field) => (self.bytes, field + at),
            };
            return bytes[TILE * start..][..N].try_into().expect("a slice of N bytes");
        }
        // The last of them may be fewer.
        let first = block / self.together * self.together;
        let together = self.together.min(self.blocks - first);
        let start = first * self.block_bytes + together * field + (block - first) * bytes + at;
        self.bytes[TILE * start..][..N].try_into().expect("a slice of N bytes")
    }

    /// Line `index` of a field of `bytes` bytes.
    #[inline(always)]
    pub(crate) fn line<L: Lanes>(
        &self,
        lanes: L,
        field: usize,
        bytes: usize,
        block: usize,
        index: usize,
    ) -> L::Words {
        lanes.load(self.part(field, bytes, block, 4 * index))
    }

    /// Asks for a field of `N` bytes in all rows that is read side by side with one behind it: a processor
    /// foresees lines that are met in the order of memory.
    #[inline(always)]
    pub(crate) fn ask<L: Lanes, const N: usize>(&self, lanes: L, field: usize) {
        lanes.prefetch(self.part::<N>(field, N / TILE, 0, 0), 0, Cache::First);
    }

    /// The field behind `field` bytes: an f16 of each row.
    #[inline(always)]
    pub(crate) fn f16<L: Lanes>(&self, lanes: L, field: usize, block: usize) -> L::Floats {
        lanes.f16(self.part(field, 2, block, 0))
    }

    /// Byte `index` of a field of `bytes` single bytes, of each row.
    #[inline(always)]
    pub(crate) fn bytes(
        &self,
        field: usize,
        bytes: usize,
        block: usize,
        index: usize,
    ) -> &[u8; TILE] {
        self.part(field, bytes, block, index)
    }

    /// The same, a word each.
    #[inline(always)]
    pub(crate) fn widened<L: Lanes>(
        &self,
        lanes: L,
        field: usize,
        bytes: usize,
        block: usize,
        index: usize,
    ) -> L::Words {
        lanes.widen(self.bytes(field, bytes, block, index))
    }
}

/// Where a chunk's numbers go as they are unpacked. A block begins, is given its integers, its scales and its
/// minimums, and ends. [`Packed::SIDE_BY_SIDE`] blocks begin together; they end in ascending order.
pub(crate) trait Sink<L: Lanes> {
    /// It leaves few registers to what is unpacked.
    const CROWDED: bool;

    /// Begins block `first` and those side by side with it.
    fn begin(&mut self, lanes: L, first: usize);
    /// Takes four elements of each row, with [`Scheme::ZERO`] added. Groups of a half of a block come in any order,
    /// or, where integers are above 31, in ascending order: sums of 16 bits rely on that.
    fn set(&mut self, lanes: L, block: usize, group: usize, q: L::Words);
    /// Takes the scales of a block, or of one of its halves.
    fn set_scale(&mut self, lanes: L, block: usize, half: usize, scale: L::Floats);
    /// Takes the minimums of a block, or of one of its halves.
    fn set_min(&mut self, lanes: L, block: usize, half: usize, min: L::Floats);
    /// Ends a block, which has all its numbers.
    fn end(&mut self, lanes: L, block: usize);
}

/// Integers of one scheme as another has them, which differs in what stands for zero.
#[inline(always)]
pub(crate) fn moved<L: Lanes, From: Scheme, To: Scheme>(lanes: L, q: L::Words) -> L::Words {
    match From::ZERO == To::ZERO {
        true => q,
        false => lanes.add(q, To::ZERO - From::ZERO),
    }
}

/// A panel that is filled with integers of the scheme `S`.
pub(crate) struct Filled<'a, P, S> {
    panel: &'a mut Panel,
    format: PhantomData<P>,
    scheme: PhantomData<S>,
}

impl<'a, P: Packed, S: Scheme> Filled<'a, P, S> {
    /// With a chunk of this format.
    #[inline(always)]
    pub(crate) fn new(panel: &'a mut Panel) -> Self {
        Filled { panel, format: PhantomData, scheme: PhantomData }
    }
}

impl<L: Lanes, P: Packed, S: Scheme> Sink<L> for Filled<'_, P, S> {
    const CROWDED: bool = false;

    #[inline(always)]
    fn begin(&mut self, _lanes: L, _first: usize) {}

    #[inline(always)]
    fn set(&mut self, lanes: L, block: usize, group: usize, q: L::Words) {
        lanes.store(moved::<L, P::Scheme, S>(lanes, q), &mut self.panel.q[block][group]);
    }

    #[inline(always)]
    fn set_scale(&mut self, lanes: L, block: usize, half: usize, scale: L::Floats) {
        lanes.store_row(scale, &mut self.panel.scale[block][half]);
    }

    #[inline(always)]
    fn set_min(&mut self, lanes: L, block: usize, half: usize, min: L::Floats) {
        lanes.store_row(min, &mut self.panel.min[block][half]);
    }

    #[inline(always)]
    fn end(&mut self, _lanes: L, _block: usize) {}
}

/// Levels with `ZERO` added.
pub(crate) const fn levels_above<const ZERO: u8>(levels: [i8; 16]) -> [u8; 16] {
    let mut above = [0; 16];
    let mut i = 0;
    while i < 16 {
        above[i] = ZERO.wrapping_add_signed(levels[i]);
        i += 1;
    }
    above
}

/// The body once for each group of a block, written out: a loop of this size the compiler may leave a loop,
/// and then what is chosen by its variable, sums above all, lies in memory.
macro_rules! each_group {
    ($group:ident => $body:block) => {
        each_group!($group in 0, 1, 2, 3, 4, 5, 6, 7 => $body)
    };
    ($group:ident in $($index:literal),* => $body:block) => {
        $({
            let $group = $index;
            $body
        })*
    };
}

pub(crate) use each_group;

/// The body once for each group of two blocks that lie in the same bytes: written out, or, where the sink `S` is
/// [`Sink::CROWDED`], two by two in loops that stay loops. Of groups that are written out the compiler loads what
/// all of them need before the first.
macro_rules! each_group_of_both {
    ($sink:ty, $group:ident => $body:block) => {
        $crate::quant::panel::each_group!(half in 0, 1 => {
            for two in $crate::quant::panel::Rolled::<2>::unless(!<$sink>::CROWDED) {
                $crate::quant::panel::each_group!(one in 0, 1 => {
                    let $group = 4 * half + 2 * two + one;
                    $body
                });
            }
        })
    };
}

pub(crate) use each_group_of_both;

/// `0..COUNT` for a loop that the compiler must leave one, since it is not told where it ends.
///
/// Of a stretch that is written out the compiler orders the loads as it likes, and a processor does not foresee lines
/// of memory that are met out of order (docs/benchmarks.md).
pub(crate) struct Rolled<const COUNT: usize> {
    next: usize,
    end: usize,
}

impl<const COUNT: usize> Rolled<COUNT> {
    /// The numbers from 0 on.
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Rolled::unless(false)
    }

    /// The same; where `told`, the compiler knows the end and does what it likes.
    #[inline(always)]
    pub(crate) fn unless(told: bool) -> Self {
        Rolled { next: 0, end: if told { COUNT } else { black_box(COUNT) } }
    }
}

impl<const COUNT: usize> Iterator for Rolled<COUNT> {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        if self.next == self.end {
            return None;
        }
        // The compiler then knows that it is below COUNT.
        let index = self.next % COUNT;
        self.next += 1;
        Some(index)
    }
}
