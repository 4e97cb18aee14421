//! What an instruction set provides, and the products made of it.
//!
//! The loops here are written once and compiled for each instruction set by being inlined into a
//! function of that set.

use std::hint::black_box;

use super::super::panel::{BLOCK, Chunk, Filled, Lanes, Packed, Panel, Row16, Scheme, Sink};
use super::super::plain::Plain;
use super::super::quantized_rows::{QuantizedRows, RowChunk};
use super::super::table::Table;
use super::super::tile::{CHUNK, Layout, TILE};
use super::reading::{Cache, Reading};
use super::soon::Soon;
use super::{Floats, Scratch, Tiles, direct};

/// The two inner loops of an instruction set. Its value proves that the processor has it.
pub(super) trait Arch: Lanes {
    /// How many activation rows are multiplied at once at most: 2 or 4. (Two panels with one scale a block: 6.)
    const ROWS: usize;

    /// The scheme of the panels that it multiplies, for formats of scheme `S`.
    type Panels<S: Scheme>: Scheme;

    /// Adds the first `blocks` blocks of a panel times `N` rows to `N` times 16 outputs, as
    /// [`Scheme`] defines. Meanwhile it asks for `soon`.
    fn multiply<S: Scheme, const N: usize>(
        self,
        panel: &Panel,
        blocks: usize,
        x: &[RowChunk; N],
        soon: Soon<'_>,
        out: &mut [Row16; N],
    );

    /// Chunks between the one that is multiplied and the one that is asked for: those of all tiles that
    /// are multiplied together have to stay in the first-level cache.
    const AHEAD: usize = 2;

    /// Up to how many rows, 4 at most, are multiplied as weights are unpacked ([`few_quantized`]), with the
    /// functions below.
    const DIRECT: usize = 0;

    /// The scheme of the integers that [`Arch::dot`] takes, for formats of scheme `S`.
    type Single<S: Scheme>: Scheme;

    /// The sums of a block's products, for each of 16 rows.
    type Sums: Copy;

    /// Sums of nothing, of the two halves of a block. Where bytes are taken as they are, unsigned, they
    /// begin with `bias`, which takes off again what was added to the integers; the first of the two
    /// may be that of both halves.
    fn begin(self, _bias: [i32; 2]) -> Self::Sums {
        unreachable!("only asked for where single rows are multiplied");
    }

    /// Adds in each lane the four integers of `w`, group `group` of a block, times the four signed
    /// bytes of `x`.
    fn dot<S: Scheme>(self, _sums: &mut Self::Sums, _group: usize, _w: Self::Words, _x: i32) {
        unreachable!("only asked for where single rows are multiplied");
    }

    /// The sums of both halves.
    fn halves<S: Scheme>(self, _sums: Self::Sums) -> [Self::Words; 2] {
        unreachable!("only asked for where single rows are multiplied");
    }

    /// The sum of a block.
    fn whole<S: Scheme>(self, _sums: Self::Sums) -> Self::Words {
        unreachable!("only asked for where single rows are multiplied");
    }

    /// How many of `rows` activation rows [`Arch::multiply_many`] takes.
    fn many<S: Scheme>(self, _rows: usize) -> usize {
        0
    }

    /// Adds the first `blocks` blocks of panels times the rows `x` to the outputs (panel, `batch`
    /// rows), as [`Scheme`] defines. It may change the panels.
    fn multiply_many<S: Scheme>(
        self,
        _panels: &mut [Panel],
        _blocks: usize,
        _x: &[RowChunk],
        _batch: usize,
        _out: &mut [Row16],
    ) {
        unreachable!("it takes no rows");
    }

    /// Adds the product of up to 256 elements of 16 rows with those of `N` rows `x[n * cols..]` to
    /// the outputs: each sum is one chain of fused multiply-adds along the elements, started at
    /// zero.
    fn multiply_floats<const N: usize>(
        self,
        floats: &[Row16],
        x: &[f32],
        cols: usize,
        out: &mut [Row16; N],
    );

    /// How many rows [`Arch::multiply_floats`] takes at once at most: 2, 6 or 8. The sums of six, in two
    /// registers or more each, keep the multipliers busy.
    const FLOAT_ROWS: usize;

    /// Up to how many rows, 4 at most, numbers without blocks are multiplied as they are read ([`few_plain`])
    /// where they are read in order; side by side it is one.
    const PLAIN_ROWS: usize = 1;

    /// Whether it has [`Arch::multiply_panels`] and [`Arch::multiply_pair`]: tiles are multiplied two by two.
    const PAIRS: bool = false;

    /// [`Arch::multiply`] of two panels.
    fn multiply_panels<S: Scheme, const N: usize>(
        self,
        _panels: [&Panel; 2],
        _blocks: usize,
        _x: &[RowChunk; N],
        _soon: [Soon<'_>; 2],
        _out: [&mut [Row16; N]; 2],
    ) {
        unreachable!("only asked for where there are registers enough");
    }

    /// [`Arch::multiply_floats`] of two tiles with [`PAIR_ROWS`] rows: so many sums keep the multipliers
    /// busy, and what is read for them is used often enough.
    fn multiply_pair(
        self,
        _floats: [&[Row16]; 2],
        _x: &[f32],
        _cols: usize,
        _out: [&mut [Row16; PAIR_ROWS]; 2],
    ) {
        unreachable!("only asked for where there are registers enough");
    }

    /// Does the 8-bit multiplication of [`Arch::multiply`] in registers; returns its operations.
    fn spin_int8(self, rounds: usize) -> u64;
}

/// The rows of [`Arch::multiply_pair`].
pub(super) const PAIR_ROWS: usize = 12;

/// How far ahead plain numbers are asked for, in bytes.
const AHEAD_PLAIN: usize = 4096;

/// Registers of independent sums that keep the multipliers of all processors in use busy.
pub(super) const SPINS: usize = 12;

/// Fused multiply-adds in registers; returns their operations.
#[inline(always)]
pub(super) fn spin_f32<L: Lanes>(lanes: L, rounds: usize) -> u64 {
    let (x, y) = black_box((lanes.splat(1.0), lanes.splat(0.5)));
    // No more than registers hold.
    let count = SPINS / L::REGISTERS;
    let mut sums = [lanes.splat(0.0); SPINS];
    for _ in 0..rounds {
        for sum in &mut sums[..count] {
            *sum = lanes.fma(*sum, x, y);
        }
    }
    black_box(sums);
    (2 * rounds * count * TILE) as u64
}

/// Reads memory as fast as it comes.
#[inline(always)]
pub(super) fn read<L: Lanes>(lanes: L, bytes: &[u8]) {
    let mut sums = [lanes.widen(&[0; TILE]); 8];
    for lines in bytes.as_chunks::<{ 4 * TILE }>().0.as_chunks::<8>().0 {
        for (sum, line) in sums.iter_mut().zip(lines) {
            *sum = lanes.xor(*sum, lanes.load(line));
        }
    }
    black_box(sums);
}

/// See [`super::Isa::quantized`].
#[inline(always)]
pub(super) fn quantized<A: Arch, P: Packed>(
    arch: A,
    tiles: Tiles<'_>,
    x: &QuantizedRows,
    scratch: &mut Scratch,
) {
    let batch = x.batch();
    let Scratch { panels, out, .. } = scratch;
    let out = out.as_chunks_mut().0;
    for index in 0..tiles.chunks(&P::LAYOUT) {
        let rows = x.chunk(index);
        // The compiler is not told that there are eight: it would write them all out where it can, and load all that
        // they need before the first.
        let blocks = black_box(unpack_all::<A, P>(arch, tiles, index, panels));
        let many = arch.many::<A::Panels<P::Scheme>>(batch);
        let product = Product { tiles, index, panels: &*panels, blocks, many, batch };
        product.with_rows::<A, P>(arch, &rows[many..], out);
        if many == batch {
            product.ask::<A, P>(arch);
        }
        if many > 0 {
            let rows = &rows[..many];
            arch.multiply_many::<A::Panels<P::Scheme>>(panels, blocks, rows, batch, out);
        }
    }
}

/// Unpacks chunk `index` of each tile; returns the number of their blocks of 32 elements.
#[inline(always)]
fn unpack_all<A: Arch, P: Packed>(
    arch: A,
    tiles: Tiles<'_>,
    index: usize,
    panels: &mut [Panel],
) -> usize {
    let mut blocks = 0;
    for (panel, tile) in panels.iter_mut().zip(tiles.iter()) {
        blocks =
            unpack::<A, P>(arch, tile, index, &mut Filled::<P, A::Panels<P::Scheme>>::new(panel));
    }
    blocks
}

/// [`quantized`] of `N` rows, multiplied as weights are unpacked.
#[inline(always)]
pub(super) fn few_quantized<A: Arch, P: Packed, const N: usize, const IN_ORDER: bool>(
    arch: A,
    tiles: Tiles<'_>,
    x: &QuantizedRows,
    scratch: &mut Scratch,
) {
    let out: &mut [[Row16; N]] = scratch.out.as_chunks_mut().0.as_chunks_mut().0;
    let side_by_side = if IN_ORDER { 1 } else { out.len() };
    for (tiles, out) in tiles.groups(side_by_side).zip(out.chunks_mut(side_by_side)) {
        for index in 0..tiles.chunks(&P::LAYOUT) {
            let x = x.chunk(index).first_chunk::<N>().expect("N rows");
            for (tile, out) in tiles.iter().zip(&mut *out) {
                // In order the processor foresees what comes, and to ask for it, too, costs up to a third of the speed.
                let soon = if IN_ORDER {
                    Soon::NONE
                } else {
                    let ahead = Reading::SideBySide.ahead(A::AHEAD);
                    let bytes = chunk_of(&P::LAYOUT, tile, index);
                    Soon::after(ahead, tiles, &P::LAYOUT, index, bytes)
                };
                direct::multiply::<A, P, N>(arch, tile, index, x, soon, out);
            }
        }
    }
}

/// Unpacks chunk `index` of a tile; returns the number of its blocks of 32 elements.
#[inline(always)]
pub(super) fn unpack<A: Arch, P: Packed>(
    arch: A,
    tile: &[u8],
    index: usize,
    sink: &mut impl Sink<A>,
) -> usize {
    if const { P::LAYOUT.header() > 0 } {
        if index.is_multiple_of(2) {
            ask_headers::<A, P>(arch, tile, index);
        }
        P::unpack(arch, &Chunk::with_header(&P::LAYOUT, tile, index), sink);
        return CHUNK / BLOCK;
    }
    let bytes = chunk_of(&P::LAYOUT, tile, index);
    // The compiler knows a whole chunk's length, and leaves out what checks it.
    if bytes.len() == TILE * P::LAYOUT.chunk_bytes() {
        P::unpack(arch, &Chunk::new(&P::LAYOUT, bytes), sink);
        return CHUNK / BLOCK;
    }
    let chunk = Chunk::new(&P::LAYOUT, bytes);
    P::unpack(arch, &chunk, sink);
    chunk.blocks * P::LAYOUT.ty.block_elements() / BLOCK
}

/// Asks for the headers of two chunks as the first of them is reached. A processor foresees lines of memory that
/// are met one after the other; the second header, met behind the first chunk's integers, would be one missed.
#[inline(always)]
fn ask_headers<A: Arch, P: Packed>(arch: A, tile: &[u8], index: usize) {
    let first = index * TILE * P::LAYOUT.chunk_bytes();
    arch.prefetch(&tile[first..][..2 * TILE * P::LAYOUT.header()], 0, Cache::First);
}

/// Chunk `index` of some tiles, unpacked, and the rows that meet it.
#[derive(Clone, Copy)]
struct Product<'a> {
    tiles: Tiles<'a>,
    index: usize,
    panels: &'a [Panel],
    blocks: usize,
    /// Rows that [`Arch::multiply_many`] takes.
    many: usize,
    batch: usize,
}

impl<'a> Product<'a> {
    /// With the rows `x`, those behind the many.
    #[inline(always)]
    fn with_rows<A: Arch, P: Packed>(self, arch: A, x: &[RowChunk], out: &mut [Row16]) {
        let (mut first, mut rest) = (self.many, x);
        if A::PAIRS && !P::Scheme::HALVES {
            (first, rest) = self.groups::<A, P, 6>(arch, rest, first, out);
        }
        if A::ROWS >= 4 {
            (first, rest) = self.groups::<A, P, 4>(arch, rest, first, out);
        }
        (first, rest) = self.groups::<A, P, 2>(arch, rest, first, out);
        self.groups::<A, P, 1>(arch, rest, first, out);
    }

    /// Asks for what comes soon of each tile.
    #[inline(always)]
    fn ask<A: Arch, P: Packed>(self, arch: A) {
        for tile in 0..self.tiles.iter().len() {
            self.soon::<A, P>(tile, self.many).ask(arch);
        }
    }

    /// All whole groups of `N` rows; returns how many rows are done and the rest.
    #[inline(always)]
    fn groups<'x, A: Arch, P: Packed, const N: usize>(
        self,
        arch: A,
        x: &'x [RowChunk],
        mut first: usize,
        out: &mut [Row16],
    ) -> (usize, &'x [RowChunk]) {
        let (groups, rest) = x.as_chunks::<N>();
        let together = if A::PAIRS { 2 } else { 1 };
        for group in groups {
            // One group of rows meets all tiles while it is in the first-level cache.
            for (i, out) in out.chunks_mut(together * self.batch).enumerate() {
                self.multiply::<A, P, N>(arch, together * i, group, first, out);
            }
            first += N;
        }
        (first, rest)
    }

    /// Of tile `tile`, or of two if `out` is that of two, with the rows from `first` on.
    #[inline(always)]
    fn multiply<A: Arch, P: Packed, const N: usize>(
        self,
        arch: A,
        tile: usize,
        x: &[RowChunk; N],
        first: usize,
        out: &mut [Row16],
    ) {
        let (panels, blocks) = (&self.panels[tile..], self.blocks);
        let soon = self.soon::<A, P>(tile, first);
        let (a, b) = out.split_at_mut(self.batch);
        let a = a[first..].first_chunk_mut::<N>().expect("a group is inside the batch");
        if b.is_empty() {
            return arch.multiply::<A::Panels<P::Scheme>, N>(&panels[0], blocks, x, soon, a);
        }
        let b = b[first..].first_chunk_mut::<N>().expect("a group is inside the batch");
        let (panels, soon) = ([&panels[0], &panels[1]], [soon, self.soon::<A, P>(tile + 1, first)]);
        arch.multiply_panels::<A::Panels<P::Scheme>, N>(panels, blocks, x, soon, [a, b]);
    }

    /// What is asked for while tile `tile` is multiplied with the rows from `first` on: with the first rows the
    /// chunk that comes soon, with others nothing.
    #[inline(always)]
    fn soon<A: Arch, P: Packed>(self, tile: usize, first: usize) -> Soon<'a> {
        match self.tiles.iter().nth(tile) {
            Some(tile) if first == self.many => {
                let bytes = chunk_of(&P::LAYOUT, tile, self.index);
                let ahead = self.tiles.reading.ahead(A::AHEAD);
                Soon::after(ahead, self.tiles, &P::LAYOUT, self.index, bytes)
            }
            _ => Soon::NONE,
        }
    }
}

/// See [`super::Isa::exact`].
#[inline(always)]
pub(super) fn exact<A: Arch, P: Packed>(
    arch: A,
    tiles: Tiles<'_>,
    x: &[f32],
    cols: usize,
    scratch: &mut Scratch,
) {
    let batch = x.len() / cols;
    let Scratch { panels, floats, out, .. } = scratch;
    let out = out.as_chunks_mut().0;
    for index in 0..tiles.chunks(&P::LAYOUT) {
        for (pair, out) in tiles.groups(2).zip(out.chunks_mut(2 * batch)) {
            let mut elements = 0;
            for (tile, floats) in pair.iter().zip(floats.iter_mut()) {
                let mut panel = Filled::<P, P::Scheme>::new(&mut panels[0]);
                elements = BLOCK * unpack::<A, P>(arch, tile, index, &mut panel);
                dequantize::<A, P::Scheme>(arch, &panels[0], elements, floats);
            }
            multiply_floats(arch, floats, elements, &x[index * CHUNK..], [batch, cols], out);
        }
    }
}

/// See [`super::Isa::plain`].
#[inline(always)]
pub(super) fn plain<A: Arch, P: Plain>(
    arch: A,
    tiles: Tiles<'_>,
    x: &[f32],
    cols: usize,
    scratch: &mut Scratch,
) {
    let batch = x.len() / cols;
    let Scratch { floats, out, .. } = scratch;
    let out = out.as_chunks_mut().0;
    for half in 0..tiles.chunks(&P::LAYOUT) {
        for (pair, out) in tiles.groups(2).zip(out.chunks_mut(2 * batch)) {
            let mut elements = 0;
            for (tile, floats) in pair.iter().zip(floats.iter_mut()) {
                let chunk = both_chunks(&P::LAYOUT, tile, half / 2);
                elements = convert_half::<A, P>(arch, tiles.reading, chunk, half % 2, floats);
            }
            if elements > 0 {
                multiply_floats(arch, floats, elements, &x[half * CHUNK..], [batch, cols], out);
            }
        }
    }
}

/// The numbers of the first or second of two chunks; returns how many there are of each row.
#[inline(always)]
fn convert_half<A: Arch, P: Plain>(
    arch: A,
    reading: Reading,
    chunks: &[u8],
    half: usize,
    floats: &mut Floats,
) -> usize {
    let line = TILE * P::LAYOUT.ty.block_bytes();
    let elements = chunks.len() / line;
    let pairs = elements.saturating_sub(CHUNK);
    let (both, alone) = chunks.split_at(2 * pairs * line);
    for (floats, both) in floats.iter_mut().zip(both.chunks_exact(2 * line)) {
        if half == 0 && reading == Reading::InOrder {
            arch.prefetch(both, AHEAD_PLAIN, Cache::Second);
        }
        arch.store_row(P::line(arch, &both[half * line..][..line]), floats);
    }
    if half == 1 {
        return pairs;
    }
    for (floats, line) in floats[pairs..].iter_mut().zip(alone.chunks_exact(line)) {
        arch.store_row(P::line(arch, line), floats);
    }
    elements - pairs
}

/// [`plain`] of `N` rows: numbers are multiplied as they are read.
#[inline(always)]
pub(super) fn few_plain<A: Arch, P: Plain, const N: usize>(
    arch: A,
    tiles: Tiles<'_>,
    x: &[f32],
    cols: usize,
    scratch: &mut Scratch,
) {
    let out = scratch.out.as_chunks_mut().0.as_chunks_mut().0;
    match (tiles.reading, A::REGISTERS) {
        // Side by side, as many as have room for their sums in registers.
        (Reading::SideBySide, 1) if N == 1 => plain_groups::<A, P, 4, N>(arch, tiles, x, cols, out),
        (Reading::SideBySide, _) if N == 1 => plain_groups::<A, P, 2, N>(arch, tiles, x, cols, out),
        _ => plain_groups::<A, P, 1, N>(arch, tiles, x, cols, out),
    }
}

/// `T` tiles at a time, those that are left one by one.
#[inline(always)]
fn plain_groups<A: Arch, P: Plain, const T: usize, const N: usize>(
    arch: A,
    tiles: Tiles<'_>,
    x: &[f32],
    cols: usize,
    out: &mut [[Row16; N]],
) {
    let (groups, rest) = out.as_chunks_mut::<T>();
    let (whole, left) = tiles.bytes.split_at(groups.len() * T * tiles.tile_bytes);
    for (tiles, out) in (Tiles { bytes: whole, ..tiles }).groups(T).zip(groups) {
        for index in 0..tiles.chunks(&P::LAYOUT).div_ceil(2) {
            plain_tiles::<A, P, T, N>(arch, tiles, index, x, cols, out);
        }
    }
    for (tile, out) in (Tiles { bytes: left, ..tiles }).groups(1).zip(rest.as_chunks_mut().0) {
        for index in 0..tile.chunks(&P::LAYOUT).div_ceil(2) {
            plain_tiles::<A, P, 1, N>(arch, tile, index, x, cols, out);
        }
    }
}

/// Adds the two chunks number `index` of `T` tiles times `N` rows to the outputs: tile, row. Each chunk has
/// sums of its own.
#[inline(always)]
fn plain_tiles<A: Arch, P: Plain, const T: usize, const N: usize>(
    arch: A,
    tiles: Tiles<'_>,
    index: usize,
    x: &[f32],
    cols: usize,
    out: &mut [[Row16; N]; T],
) {
    let line = TILE * P::LAYOUT.ty.block_bytes();
    let mut chunks: [&[u8]; T] = [&[]; T];
    for (chunk, tile) in chunks.iter_mut().zip(tiles.iter()) {
        *chunk = both_chunks(&P::LAYOUT, tile, index);
    }
    let elements = chunks[0].len() / line;
    let pairs = elements.saturating_sub(CHUNK);
    let mut halves: [[&[f32]; 2]; N] = [[&[]; 2]; N];
    for (n, halves) in halves.iter_mut().enumerate() {
        let x = &x[n * cols + 2 * CHUNK * index..][..elements];
        *halves = [&x[..elements - pairs], &x[elements - pairs..]];
    }
    // Of whole chunks the compiler is told the length, and leaves out what checks it: the more instructions there are
    // for a line of memory, the fewer lines a processor looks ahead to. (With more sums, or sums of more registers, that was slower.)
    let mut sums = if A::REGISTERS * N == 1 && pairs == CHUNK {
        let chunks = chunks.map(|chunk| &chunk[..2 * CHUNK * line]);
        let x = halves.map(|[first, second]| [&first[..CHUNK], &second[..CHUNK]]);
        sums_of_pairs::<A, P, T, N>(arch, tiles.reading, chunks, x, CHUNK)
    } else {
        sums_of_pairs::<A, P, T, N>(arch, tiles.reading, chunks, halves, pairs)
    };
    for k in pairs..elements - pairs {
        for t in 0..T {
            let w = P::line(arch, &chunks[t][(pairs + k) * line..][..line]);
            for n in 0..N {
                sums[t][0][n] = arch.fma(arch.splat(halves[n][0][k]), w, sums[t][0][n]);
            }
        }
    }
    for t in 0..T {
        for n in 0..N {
            let mut sum = arch.plus(arch.row(&out[t][n]), sums[t][0][n]);
            if pairs > 0 {
                sum = arch.plus(sum, sums[t][1][n]);
            }
            arch.store_row(sum, &mut out[t][n]);
        }
    }
}

/// The sums of the first `pairs` numbers of two chunks of each of `T` tiles, times those of `N` rows: tile, chunk, row.
#[inline(always)]
fn sums_of_pairs<A: Arch, P: Plain, const T: usize, const N: usize>(
    arch: A,
    reading: Reading,
    chunks: [&[u8]; T],
    x: [[&[f32]; 2]; N],
    pairs: usize,
) -> [[[A::Floats; N]; 2]; T] {
    let line = TILE * P::LAYOUT.ty.block_bytes();
    let mut sums = [[[arch.splat(0.0); N]; 2]; T];
    for k in 0..pairs {
        for t in 0..T {
            let both = &chunks[t][2 * k * line..][..2 * line];
            if reading == Reading::SideBySide {
                arch.prefetch(both, AHEAD_PLAIN, Cache::First);
            }
            for half in 0..2 {
                let w = P::line(arch, &both[half * line..][..line]);
                for n in 0..N {
                    sums[t][half][n] = arch.fma(arch.splat(x[n][half][k]), w, sums[t][half][n]);
                }
            }
        }
    }
    sums
}

/// See [`super::Isa::table`].
#[inline(always)]
pub(super) fn table<A: Arch, T: Table>(
    arch: A,
    tiles: Tiles<'_>,
    x: &[f32],
    cols: usize,
    scratch: &mut Scratch,
) {
    let (batch, layout) = (x.len() / cols, T::LAYOUT);
    let Scratch { floats, out, .. } = scratch;
    let out = out.as_chunks_mut().0;
    let (mut row, mut numbers) = ([0; 2 * CHUNK], [0.0; CHUNK]);
    for index in 0..tiles.chunks(&layout) {
        for (pair, out) in tiles.groups(2).zip(out.chunks_mut(2 * batch)) {
            let mut elements = 0;
            for (tile, floats) in pair.iter().zip(floats.iter_mut()) {
                let chunk = chunk_of(&layout, tile, index);
                let row = &mut row[..chunk.len() / TILE];
                elements = row.len() / layout.ty.block_bytes() * layout.ty.block_elements();
                for lane in 0..TILE {
                    layout.unpack_row(chunk, lane, row);
                    let blocks = row.chunks_exact(layout.ty.block_bytes());
                    let parts = numbers.chunks_exact_mut(layout.ty.block_elements());
                    blocks.zip(parts).for_each(|(block, part)| T::dequantize(block, part));
                    for (floats, number) in floats.iter_mut().zip(&numbers[..elements]) {
                        floats[lane] = *number;
                    }
                }
            }
            multiply_floats(arch, floats, elements, &x[index * CHUNK..], [batch, cols], out);
        }
    }
}

/// The part of a tile that holds the two chunks number `index`, of numbers without blocks.
#[inline(always)]
pub(super) fn both_chunks<'a>(layout: &Layout, tile: &'a [u8], index: usize) -> &'a [u8] {
    let bytes = 2 * TILE * layout.chunk_bytes();
    &tile[index * bytes..tile.len().min((index + 1) * bytes)]
}

/// The part of a tile that holds chunk `index`.
#[inline(always)]
pub(super) fn chunk_of<'a>(layout: &Layout, tile: &'a [u8], index: usize) -> &'a [u8] {
    let bytes = TILE * layout.chunk_bytes();
    &tile[index * bytes..tile.len().min((index + 1) * bytes)]
}

/// Adds the product of `elements` elements of one or two tiles with all rows to their outputs: tile, row.
#[inline(always)]
fn multiply_floats<A: Arch>(
    arch: A,
    floats: &[Floats; 2],
    elements: usize,
    x: &[f32],
    [batch, cols]: [usize; 2],
    out: &mut [Row16],
) {
    let mut first = 0;
    if A::PAIRS && out.len() == 2 * batch {
        let (out0, out1) = out.split_at_mut(batch);
        let pair = [&floats[0][..elements], &floats[1][..elements]];
        let groups = out0.as_chunks_mut().0.iter_mut().zip(out1.as_chunks_mut().0);
        for (out0, out1) in groups {
            arch.multiply_pair(pair, &x[first * cols..], cols, [out0, out1]);
            first += PAIR_ROWS;
        }
    }
    for (floats, out) in floats.iter().zip(out.chunks_exact_mut(batch)) {
        // Behind the last row, less than a whole row is left.
        let (floats, mut x) = (&floats[..elements], x.get(first * cols..).unwrap_or_default());
        let mut rest = &mut out[first..];
        if A::FLOAT_ROWS == 8 {
            (x, rest) = groups_of_floats::<A, 8>(arch, floats, x, cols, rest);
        }
        if A::FLOAT_ROWS == 6 {
            (x, rest) = groups_of_floats::<A, 6>(arch, floats, x, cols, rest);
        }
        if A::FLOAT_ROWS > 4 {
            (x, rest) = groups_of_floats::<A, 4>(arch, floats, x, cols, rest);
        }
        (x, rest) = groups_of_floats::<A, 2>(arch, floats, x, cols, rest);
        groups_of_floats::<A, 1>(arch, floats, x, cols, rest);
    }
}

#[inline(always)]
fn groups_of_floats<'x, 'o, A: Arch, const N: usize>(
    arch: A,
    floats: &[Row16],
    mut x: &'x [f32],
    cols: usize,
    out: &'o mut [Row16],
) -> (&'x [f32], &'o mut [Row16]) {
    let (groups, rest) = out.as_chunks_mut::<N>();
    for out in groups {
        arch.multiply_floats(floats, x, cols, out);
        // Behind the last row, less than a whole row is left.
        x = x.get(N * cols..).unwrap_or_default();
    }
    (x, rest)
}

/// The numbers of a panel, rounded as the format's definition rounds them.
#[inline(always)]
fn dequantize<L: Lanes, S: Scheme>(lanes: L, panel: &Panel, elements: usize, floats: &mut Floats) {
    let zero = lanes.splat(0.0 - f32::from(S::ZERO));
    for (block, floats) in floats[..elements].as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
        for (i, floats) in floats.iter_mut().enumerate() {
            let half = if S::HALVES { i / 16 } else { 0 };
            let four = lanes.line(&panel.q[block][i / 4]);
            let level = lanes.floats(lanes.byte(four, i % 4));
            let scaled = lanes.times(lanes.row(&panel.scale[block][half]), lanes.plus(level, zero));
            lanes.store_row(
                match S::MINIMUM {
                    true => lanes.plus(scaled, lanes.row(&panel.min[block][half])),
                    false => scaled,
                },
                floats,
            );
        }
    }
}
