//! Activations as they are, in rows that a first-level cache holds side by side.

use rayon::prelude::*;

use super::tile::CHUNK;
use crate::line_buffer::LineBuffer;

/// From so many rows on a copy pays: so many are multiplied together at most.
const MANY: usize = 12;
/// Numbers that a task copies: for fewer no other thread is woken.
const PARALLEL: usize = 1 << 14;

/// Chunks of a row that a first-level cache places side by side (4 KiB; as a rule 8 or 12 times one above the other).
const CACHE: usize = 4;

/// Rows, copied if they would throw each other out of a cache.
///
/// Rows that begin a multiple of [`CACHE`] chunks apart have their chunks all in the same place of a first-level
/// cache, and 12 of them at the same time are too many. Those that begin a chunk further apart take turns.
#[derive(Debug, Default)]
pub(crate) struct SpreadRows {
    numbers: LineBuffer,
}

impl SpreadRows {
    /// Of `rows` rows of `cols` numbers, from the beginning of one to that of the next: `cols` if they stay where
    /// they are.
    pub(crate) fn stride(rows: usize, cols: usize) -> usize {
        match rows >= MANY && cols.is_multiple_of(CACHE * CHUNK) {
            true => cols + CHUNK,
            false => cols,
        }
    }

    /// Copies `x`, rows of `cols` numbers. Memory is reused.
    pub(crate) fn fill(&mut self, x: &[f32], cols: usize) {
        let rows = x.len() / cols;
        let stride = Self::stride(rows, cols);
        let spread = self.numbers.sized(rows * stride);
        let task = PARALLEL.div_ceil(cols);
        let tasks = spread.par_chunks_mut(task * stride).zip(x.par_chunks(task * cols));
        tasks.for_each(|(spread, x)| {
            for (spread, x) in spread.chunks_exact_mut(stride).zip(x.chunks_exact(cols)) {
                spread[..cols].copy_from_slice(x);
            }
        });
    }

    /// The rows, one each [`SpreadRows::stride`].
    pub(crate) fn numbers(&self) -> &[f32] {
        &self.numbers
    }
}
