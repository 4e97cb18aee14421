//! What an instruction set provides, and the products made of it.
//!
//! The loops here are written once and compiled for each instruction set by being inlined into a
//! function of that set.

use super::super::panel::{BLOCK, Chunk, Lanes, Packed, Panel, Row16, Scheme};
use super::super::plain::Plain;
use super::super::quantized_rows::{QuantizedRows, RowChunk};
use super::super::tile::{CHUNK, Layout, TILE};
use super::{Floats, Scratch, Tiles};

/// The two inner loops of an instruction set. Its value proves that the processor has it.
pub(super) trait Arch: Lanes {
    /// How many activation rows are multiplied at once at most: 2, 4 or 8.
    const ROWS: usize;

    /// Adds the first `blocks` blocks of a panel times `N` rows to `N` times 16 outputs, as
    /// [`Scheme`] defines.
    fn multiply<S: Scheme, const N: usize>(
        self,
        panel: &Panel,
        blocks: usize,
        x: &[RowChunk; N],
        out: &mut [Row16; N],
    );

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
    for index in 0..tiles.chunks(&P::LAYOUT) {
        let mut blocks = 0;
        for (panel, tile) in panels.iter_mut().zip(tiles.iter()) {
            let chunk = Chunk::new(&P::LAYOUT, chunk_of(&P::LAYOUT, tile, index));
            P::unpack(arch, &chunk, panel);
            blocks = chunk.blocks * P::LAYOUT.ty.block_elements() / BLOCK;
        }
        let mut first = 0;
        let mut rest = x.chunk(index);
        if A::ROWS >= 8 {
            (first, rest) = all::<A, P, 8>(arch, panels, blocks, rest, first, batch, out);
        }
        if A::ROWS >= 4 {
            (first, rest) = all::<A, P, 4>(arch, panels, blocks, rest, first, batch, out);
        }
        (first, rest) = all::<A, P, 2>(arch, panels, blocks, rest, first, batch, out);
        all::<A, P, 1>(arch, panels, blocks, rest, first, batch, out);
    }
}

/// All whole groups of `N` rows; returns how many rows are done and the rest.
#[inline(always)]
fn all<'x, A: Arch, P: Packed, const N: usize>(
    arch: A,
    panels: &[Panel],
    blocks: usize,
    x: &'x [RowChunk],
    mut first: usize,
    batch: usize,
    out: &mut [Row16],
) -> (usize, &'x [RowChunk]) {
    let (groups, rest) = x.as_chunks::<N>();
    for group in groups {
        // One group of rows meets all tiles while it is in the first-level cache.
        for (panel, out) in panels.iter().zip(out.chunks_exact_mut(batch)) {
            let out = out[first..].first_chunk_mut::<N>().expect("a group is inside the batch");
            arch.multiply::<P::Scheme, N>(panel, blocks, group, out);
        }
        first += N;
    }
    (first, rest)
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
    let Scratch { panels, floats, out } = scratch;
    for index in 0..tiles.chunks(&P::LAYOUT) {
        for (tile, out) in tiles.iter().zip(out.chunks_exact_mut(batch)) {
            let chunk = Chunk::new(&P::LAYOUT, chunk_of(&P::LAYOUT, tile, index));
            P::unpack(arch, &chunk, &mut panels[0]);
            let elements = chunk.blocks * P::LAYOUT.ty.block_elements();
            dequantize::<P::Scheme>(&panels[0], elements, floats);
            all_floats(arch, &floats[..elements], &x[index * CHUNK..], cols, out);
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
    for index in 0..tiles.chunks(&P::LAYOUT) {
        for (tile, out) in tiles.iter().zip(out.chunks_exact_mut(batch)) {
            let lines = chunk_of(&P::LAYOUT, tile, index);
            let lines = lines.chunks_exact(TILE * P::LAYOUT.ty.block_bytes());
            let elements = lines.len();
            for (floats, line) in floats.iter_mut().zip(lines) {
                *floats = P::line(arch, line);
            }
            all_floats(arch, &floats[..elements], &x[index * CHUNK..], cols, out);
        }
    }
}

/// The part of a tile that holds chunk `index`.
#[inline(always)]
fn chunk_of<'a>(layout: &Layout, tile: &'a [u8], index: usize) -> &'a [u8] {
    let bytes = TILE * layout.chunk_bytes();
    &tile[index * bytes..tile.len().min((index + 1) * bytes)]
}

#[inline(always)]
fn all_floats<A: Arch>(arch: A, floats: &[Row16], x: &[f32], cols: usize, out: &mut [Row16]) {
    let mut x = x;
    let mut rest = out;
    if A::ROWS >= 8 {
        (x, rest) = groups_of_floats::<A, 8>(arch, floats, x, cols, rest);
    }
    if A::ROWS >= 4 {
        (x, rest) = groups_of_floats::<A, 4>(arch, floats, x, cols, rest);
    }
    (x, rest) = groups_of_floats::<A, 2>(arch, floats, x, cols, rest);
    groups_of_floats::<A, 1>(arch, floats, x, cols, rest);
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
fn dequantize<S: Scheme>(panel: &Panel, elements: usize, floats: &mut Floats) {
    for (block, floats) in floats[..elements].as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
        for (i, floats) in floats.iter_mut().enumerate() {
            let half = if S::HALVES { i / 16 } else { 0 };
            let (scale, min) = (&panel.scale[block][half], &panel.min[block][half]);
            let line = &panel.q[block][i / 4];
            for row in 0..TILE {
                let byte = (line[row] >> (i % 4 * 8) & 255) as i32;
                floats[row] = match S::MINIMUM {
                    true => scale[row] * byte as f32 + min[row],
                    false => scale[row] * (byte - 128) as f32,
                };
            }
        }
    }
}
