//! Activations rounded to bf16.

use rayon::prelude::*;

use super::kernels::{Isa, Reading};
use super::spread_rows::SpreadRows;
use super::tile::CHUNK;

/// The exponent of the smallest number that counts, 2^-56; what is smaller is 0, of weights and of
/// activations.
///
/// Eight bits then end at 2^-63 at least, and so every product, and every sum of them, is a multiple of
/// 2^-126: no sum is subnormal. The processor's product of bf16 pairs would make such a sum 0.
const SMALLEST_EXPONENT: u32 = 127 - 56;
/// Below this many numbers a pass over rows is done before another thread has woken.
const PARALLEL: usize = 1 << 14;

/// A code of bf16, or 0 where it stands for less than 2^-56.
#[inline(always)]
pub(super) fn without_small(code: u16) -> u16 {
    if u32::from(code & 0x7fff) < SMALLEST_EXPONENT << 7 { 0 } else { code }
}

/// The code of bf16 nearest to `x`, ties to even; 0 for less than 2^-56.
#[inline(always)]
fn round(x: f32) -> u16 {
    without_small(fpbits::bf16_from_f32(x))
}

/// Rows of activations rounded to bf16, in the form that the kernels of an instruction set read.
#[derive(Debug, Default)]
pub(crate) struct Bf16Rows {
    /// As f32, a row each `stride`.
    numbers: Vec<f32>,
    /// In pairs, `[cols / 256, B]`: what a kernel reads together lies together.
    pairs: Vec<PairChunk>,
    /// Of which form the rows are.
    in_pairs: bool,
    batch: usize,
    stride: usize,
}

/// Pairs of 256 numbers.
pub(crate) const PAIRS: usize = CHUNK / 2;

/// Up to 256 numbers of a row, two neighbours in a word, the first in its upper half; where the row ends
/// before, zeros.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct PairChunk(pub(crate) [u32; PAIRS]);

impl Bf16Rows {
    /// Bytes that each of `rows` rows of `cols` elements takes at most.
    pub(crate) fn bytes_per_row(rows: usize, cols: usize) -> usize {
        SpreadRows::stride(rows, cols) * size_of::<f32>()
    }

    /// Rounds `x`, rows of `cols` elements, for products on `isa`. Memory is reused.
    pub(crate) fn fill(&mut self, (isa, reading): (Isa, Reading), x: &[f32], cols: usize) {
        self.batch = x.len() / cols;
        self.stride = SpreadRows::stride(self.batch, cols);
        self.in_pairs = isa.takes_pairs(self.batch, reading);
        match self.in_pairs {
            true => self.fill_pairs(isa, x, cols),
            false => self.fill_numbers(x, cols),
        }
    }

    fn fill_numbers(&mut self, x: &[f32], cols: usize) {
        self.numbers.resize(self.batch * self.stride, 0.0);
        let one = |(numbers, x): (&mut [f32], &[f32])| {
            for (number, x) in numbers.iter_mut().zip(x) {
                *number = fpbits::bf16_to_f32(round(*x));
            }
        };
        let rows = self.numbers.par_chunks_mut(self.stride).zip(x.par_chunks(cols));
        rows.with_min_len(PARALLEL.div_ceil(cols)).for_each(one);
    }

    fn fill_pairs(&mut self, isa: Isa, x: &[f32], cols: usize) {
        self.pairs.resize(cols.div_ceil(CHUNK) * self.batch, PairChunk([0; PAIRS]));
        let one = |(index, chunks): (usize, &mut [PairChunk])| {
            let columns = index * CHUNK..cols.min((index + 1) * CHUNK);
            for (x, chunk) in x.chunks_exact(cols).zip(chunks) {
                isa.round_in_pairs(&x[columns.clone()], chunk);
            }
        };
        match x.len() < PARALLEL {
            true => self.pairs.chunks_mut(self.batch).enumerate().for_each(one),
            false => self.pairs.par_chunks_mut(self.batch).enumerate().for_each(one),
        }
    }

    /// The rows as f32, unless they are pairs, and the numbers from the beginning of one to that of the next.
    pub(crate) fn numbers(&self) -> (&[f32], usize) {
        debug_assert!(!self.in_pairs);
        (&self.numbers, self.stride)
    }

    /// The rows in pairs if they are: chunk after chunk, and in each the rows one after the other.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub(crate) fn pairs(&self) -> Option<&[PairChunk]> {
        self.in_pairs.then_some(&self.pairs)
    }
}

/// Rounds up to 256 numbers. Plain Rust, compiled for each instruction set by inlining.
#[inline(always)]
pub(crate) fn round_in_pairs(x: &[f32], chunk: &mut PairChunk) {
    let (pairs, alone) = x.as_chunks::<2>();
    let (words, rest) = chunk.0.split_at_mut(pairs.len());
    for (word, [first, second]) in words.iter_mut().zip(pairs) {
        *word = u32::from(round(*first)) << 16 | u32::from(round(*second));
    }
    rest.fill(0);
    if let [first] = alone {
        rest[0] = u32::from(round(*first)) << 16;
    }
}
