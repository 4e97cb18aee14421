//! Activations rounded to 8-bit integers, block by block.

use rayon::prelude::*;

use super::kernels::Isa;
use super::panel::{BLOCK, BLOCKS};
use super::tile::CHUNK;

/// Below this a block counts as zero: the reciprocal of its scale would overflow. 2^-100 is far
/// below anything that a product with 16-bit scales could show.
const SMALLEST: f32 = f32::from_bits((127 - 100) << 23);
/// 3 · 2^22: from 2^23 to 2^24 an f32 is a whole number, and its last bits count.
const ROUNDS: f32 = 12_582_912.0;
/// Below this many numbers a pass over rows is done before another thread has woken.
const PARALLEL: usize = 1 << 14;

/// Rows of activations in blocks of 32 integers with an f32 scale.
///
/// ```text
/// d    = max |x| / 127
/// q[i] = x[i] * (127 / max |x|), rounded to nearest, ties to even
/// ```
///
/// The integers lie within -127 and 127; -128 never occurs, which the kernels rely on. A block
/// with an infinity or a NaN has the scale NaN, so that the outputs it takes part in are NaN. A
/// block whose largest magnitude is below 2^-100 is zero.
///
/// The scale is f32 and blocks are 32 for every weight format. (llama.cpp rounds the scale to f16
/// beside its blocks of 32, and takes blocks of 256 beside its K formats.)
///
/// Where 8 bits are too few, the rest `x - d q` is rounded the same way, and products are added in
/// that order: rounded once, then the rest.
///
/// What a kernel reads together lies together: chunk after chunk of 256 columns, and in each the
/// rows one after the other.
#[derive(Debug, Default)]
pub(crate) struct QuantizedRows {
    batch: usize,
    /// `[cols / 256, B]`
    chunks: Vec<RowChunk>,
}

/// Up to 256 elements of a row; where the row ends before, zeros.
#[derive(Clone, Debug, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct RowChunk {
    /// The integers.
    pub(crate) q: [[i8; BLOCK]; BLOCKS],
    /// d
    pub(crate) scale: [f32; BLOCKS],
    /// -128 times the sum of a block's integers: what weights stored with 128 added need.
    pub(crate) bias: [i32; BLOCKS],
    /// d times the sum of a block's integers.
    pub(crate) sum: [f32; BLOCKS],
    /// -128 times the sums of the halves of blocks.
    pub(crate) half_bias: [[i32; 2]; BLOCKS],
    /// d times the sums of the halves of blocks.
    pub(crate) half_sum: [[f32; 2]; BLOCKS],
}

impl RowChunk {
    /// Group `group` of block `block`: four integers, the first in the lowest byte.
    #[inline(always)]
    pub(crate) fn four(&self, block: usize, group: usize) -> i32 {
        let [a, b, c, d] = self.q[block].as_chunks::<4>().0[group];
        i32::from_le_bytes([a as u8, b as u8, c as u8, d as u8])
    }

    const ZERO: RowChunk = RowChunk {
        q: [[0; BLOCK]; BLOCKS],
        scale: [0.0; BLOCKS],
        bias: [0; BLOCKS],
        sum: [0.0; BLOCKS],
        half_bias: [[0; 2]; BLOCKS],
        half_sum: [[0.0; 2]; BLOCKS],
    };
}

impl QuantizedRows {
    /// Bytes that a row of `cols` elements takes.
    pub(crate) fn bytes_per_row(cols: usize) -> usize {
        cols.div_ceil(CHUNK) * size_of::<RowChunk>()
    }

    /// Rounds `x`, rows of `cols` elements, which are whole blocks. Memory is reused.
    pub(crate) fn fill(&mut self, isa: Isa, x: &[f32], cols: usize) {
        self.fill_chunks(x, cols, |_, x, chunk| isa.quantize_chunk(x, None, chunk));
    }

    /// Rounds what is left of `x` when `coarse`, its rounded form, is taken off.
    pub(crate) fn fill_rest(&mut self, isa: Isa, x: &[f32], cols: usize, coarse: &QuantizedRows) {
        self.fill_chunks(x, cols, |index, x, chunk| {
            isa.quantize_chunk(x, Some(&coarse.chunks[index]), chunk);
        });
    }

    /// Calls `fill` with the number, the elements and the place of every chunk.
    fn fill_chunks(
        &mut self,
        x: &[f32],
        cols: usize,
        fill: impl Fn(usize, &[f32], &mut RowChunk) + Sync,
    ) {
        debug_assert!(cols.is_multiple_of(BLOCK) && x.len().is_multiple_of(cols));
        let batch = x.len() / cols;
        self.batch = batch;
        self.chunks.resize(cols.div_ceil(CHUNK) * batch, RowChunk::ZERO);
        if batch == 0 {
            return;
        }
        let one = |(index, rows): (usize, &mut [RowChunk])| {
            let columns = index * CHUNK..cols.min((index + 1) * CHUNK);
            for (b, (row, chunk)) in x.chunks_exact(cols).zip(rows).enumerate() {
                fill(index * batch + b, &row[columns.clone()], chunk);
            }
        };
        // Chunks are independent, so cutting them by any number of threads gives the same bits.
        match x.len() < PARALLEL {
            true => self.chunks.chunks_mut(batch).enumerate().for_each(one),
            false => self.chunks.par_chunks_mut(batch).enumerate().for_each(one),
        }
    }

    /// Number of rows.
    pub(crate) fn batch(&self) -> usize {
        self.batch
    }

    /// Columns `256 index ..` of all rows.
    #[inline(always)]
    pub(crate) fn chunk(&self, index: usize) -> &[RowChunk] {
        &self.chunks[index * self.batch..][..self.batch]
    }
}

/// Rounds up to 256 elements, or what is left of them when `coarse` is taken off. Plain Rust,
/// compiled for each instruction set by inlining.
#[inline(always)]
pub(crate) fn quantize_chunk(x: &[f32], coarse: Option<&RowChunk>, chunk: &mut RowChunk) {
    let blocks = x.as_chunks::<BLOCK>().0;
    for block in 0..BLOCKS {
        let mut x = blocks.get(block).copied().unwrap_or([0.0; BLOCK]);
        if let Some(coarse) = coarse {
            for (x, q) in x.iter_mut().zip(coarse.q[block]) {
                *x = (-coarse.scale[block]).mul_add(f32::from(q), *x);
            }
        }
        quantize_block(&x, chunk, block);
    }
}

#[inline(always)]
fn quantize_block(x: &[f32; BLOCK], chunk: &mut RowChunk, block: usize) {
    // As integers, magnitudes order like the numbers, and a NaN is larger than all of them.
    let absmax = x.iter().fold(0, |max, x| (x.to_bits() & 0x7fff_ffff).max(max));
    let absmax = f32::from_bits(absmax);
    let (inverse, scale) = if !absmax.is_finite() {
        (0.0, f32::NAN)
    } else if absmax < SMALLEST {
        (0.0, 0.0)
    } else {
        (127.0 / absmax, absmax / 127.0)
    };
    let mut q = [0i32; BLOCK];
    if absmax.is_finite() {
        for (q, x) in q.iter_mut().zip(x) {
            // At most 127 (1 + 2^-23)^2 in magnitude. A cast would be one instruction a number, since it
            // has to care for what does not fit; a sum of this size has no bits behind the point, and
            // is rounded to even.
            *q = (x * inverse + ROUNDS).to_bits() as i32 - ROUNDS.to_bits() as i32;
        }
    }
    for (out, q) in chunk.q[block].iter_mut().zip(q) {
        *out = q as i8;
    }
    let halves = [sum(q.first_chunk()), sum(q.last_chunk())];
    chunk.scale[block] = scale;
    chunk.bias[block] = -128 * (halves[0] + halves[1]);
    chunk.sum[block] = scale * (halves[0] + halves[1]) as f32;
    chunk.half_bias[block] = halves.map(|half| -128 * half);
    chunk.half_sum[block] = halves.map(|half| scale * half as f32);
}

/// The sum of half a block: by halves, as vectors add. (Left to itself, the compiler takes every number
/// out of its vector.)
#[inline(always)]
fn sum(half: Option<&[i32; BLOCK / 2]>) -> i32 {
    let mut lanes = *half.expect("a block has two halves");
    for width in [8, 4, 2, 1] {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
    }
    lanes[0]
}
