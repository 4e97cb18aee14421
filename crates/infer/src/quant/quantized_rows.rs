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
/// Where 8 bits are too few, the rest `x - d q` is rounded the same way, as a row of its own, and the
/// two products are added.
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
        self.fill_chunks(x, cols, 1, |_, x, chunks| {
            for (x, chunk) in x.zip(chunks) {
                isa.quantize_chunk(x, None, chunk);
            }
        });
    }

    /// The rows of `coarse`, which is `x` rounded; then as many that are what is left of `x` when those are
    /// taken off, rounded.
    pub(crate) fn fill_fine(&mut self, isa: Isa, x: &[f32], cols: usize, coarse: &QuantizedRows) {
        self.fill_chunks(x, cols, 2, |index, x, chunks| {
            let coarse = coarse.chunk(index);
            let (first, rest) = chunks.split_at_mut(coarse.len());
            first.clone_from_slice(coarse);
            for ((x, coarse), rest) in x.zip(coarse).zip(rest) {
                isa.quantize_chunk(x, Some(coarse), rest);
            }
        });
    }

    /// Calls `fill` with the number of each chunk, the elements of its rows, and the places of what is made of
    /// them, `of_each` for each row.
    fn fill_chunks<'x>(
        &mut self,
        x: &'x [f32],
        cols: usize,
        of_each: usize,
        fill: impl Fn(usize, &mut dyn Iterator<Item = &'x [f32]>, &mut [RowChunk]) + Sync,
    ) {
        debug_assert!(cols.is_multiple_of(BLOCK) && x.len().is_multiple_of(cols));
        self.batch = of_each * (x.len() / cols);
        self.chunks.resize(cols.div_ceil(CHUNK) * self.batch, RowChunk::ZERO);
        if self.batch == 0 {
            return;
        }
        let one = |(index, chunks): (usize, &mut [RowChunk])| {
            let columns = index * CHUNK..cols.min((index + 1) * CHUNK);
            fill(index, &mut x.chunks_exact(cols).map(|row| &row[columns.clone()]), chunks);
        };
        // Chunks are independent, so cutting them by any number of threads gives the same bits.
        match x.len() < PARALLEL {
            true => self.chunks.chunks_mut(self.batch).enumerate().for_each(one),
            false => self.chunks.par_chunks_mut(self.batch).enumerate().for_each(one),
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
    let mut halves = [[0; 2]; BLOCKS];
    for (block, halves) in halves.iter_mut().enumerate() {
        let mut x = blocks.get(block).copied().unwrap_or([0.0; BLOCK]);
        if let Some(coarse) = coarse {
            let scale = -coarse.scale[block];
            for (x, q) in x.iter_mut().zip(coarse.q[block]) {
                *x = scale.mul_add(f32::from(q), *x);
            }
        }
        (chunk.scale[block], chunk.q[block], *halves) = quantize_block(&x);
    }
    // All blocks side by side, as vectors do it.
    for (block, [first, second]) in halves.into_iter().enumerate() {
        let scale = chunk.scale[block];
        chunk.bias[block] = -128 * (first + second);
        chunk.sum[block] = scale * (first + second) as f32;
        chunk.half_bias[block] = [-128 * first, -128 * second];
        chunk.half_sum[block] = [scale * first as f32, scale * second as f32];
    }
}

/// Scale, integers, and the sums of the integers of each half.
#[inline(always)]
fn quantize_block(x: &[f32; BLOCK]) -> (f32, [i8; BLOCK], [i32; 2]) {
    let absmax = largest_magnitude(x);
    if !absmax.is_finite() {
        return (f32::NAN, [0; BLOCK], [0; 2]);
    }
    let (inverse, scale) = match absmax < SMALLEST {
        true => (0.0, 0.0),
        false => (127.0 / absmax, absmax / 127.0),
    };
    let (mut q, mut bytes) = ([0; BLOCK], [0; BLOCK]);
    for i in 0..BLOCK {
        // At most 127 (1 + 2^-23)^2 in magnitude. A cast would be one instruction a number, since it has to
        // care for what does not fit; a sum of this size has no bits behind the point, and is rounded to even.
        q[i] = (x[i] * inverse + ROUNDS).to_bits() as i32 - ROUNDS.to_bits() as i32;
    }
    for i in 0..BLOCK {
        bytes[i] = q[i] as i8;
    }
    (scale, bytes, [sum(q.first_chunk()), sum(q.last_chunk())])
}

// Below, a loop of constant length for each step: of one loop over all steps, or of a fold, the compiler makes
// jumps from number to number.

/// The largest magnitude; a NaN if there is one. As integers, magnitudes order like the numbers, and a NaN is
/// larger than all of them.
#[inline(always)]
fn largest_magnitude(x: &[f32; BLOCK]) -> f32 {
    let magnitude = |x: f32| x.to_bits() & 0x7fff_ffff;
    let (mut sixteen, mut eight, mut four) = ([0; 16], [0; 8], [0; 4]);
    for i in 0..16 {
        sixteen[i] = magnitude(x[i]).max(magnitude(x[i + 16]));
    }
    for i in 0..8 {
        eight[i] = sixteen[i].max(sixteen[i + 8]);
    }
    for i in 0..4 {
        four[i] = eight[i].max(eight[i + 4]);
    }
    f32::from_bits(four[0].max(four[2]).max(four[1].max(four[3])))
}

/// The sum of half a block.
#[inline(always)]
fn sum(half: Option<&[i32; BLOCK / 2]>) -> i32 {
    let lanes = half.expect("a block has two halves");
    let (mut eight, mut four) = ([0; 8], [0; 4]);
    for i in 0..8 {
        eight[i] = lanes[i] + lanes[i + 8];
    }
    for i in 0..4 {
        four[i] = eight[i] + eight[i + 4];
    }
    (four[0] + four[2]) + (four[1] + four[3])
}
