//! How the output is shared out.

use std::ops::Range;

use super::matrix::Matrix;
use super::tile::Tile;

/// The rows of the output that a task makes, at most.
pub(super) const ROWS: usize = 192;

/// The bytes of `a` that a task works on, all along K, at most.
const A_BYTES: usize = 4 << 20;

/// So many blocks a thread level out what threads do not share evenly.
const BLOCKS: usize = 4;

/// The fewest tiles of a block across each axis, if there are so many.
const FEWEST: usize = 4;

/// How an output of `m` by `n` is cut into blocks that one thread makes at a time, as even as whole
/// tiles allow.
pub(super) struct Plan {
    rows: Cut,
    columns: Cut,
}

impl Plan {
    pub(super) fn new<T>(tile: &Tile<T>, [m, n, k]: [usize; 3], threads: usize) -> Self {
        let most = (A_BYTES / (k * size_of::<T>())).clamp(FEWEST * tile.rows, ROWS) / tile.rows;
        let (mut rows, mut columns) = (Cut::new(m, tile.rows), Cut::new(n, tile.columns));
        let tasks = if threads > 1 { BLOCKS * threads } else { 1 };
        let least = rows.tiles().div_ceil(most);
        rows.parts = least.max(tasks.min(rows.tiles() / FEWEST));
        columns.parts = tasks.div_ceil(rows.parts).min(columns.tiles() / FEWEST).max(1);
        // As many for each thread.
        if columns.parts == 1 && rows.parts > threads {
            rows.parts = rows.parts.next_multiple_of(threads).min(rows.tiles());
        }
        Plan { rows, columns }
    }

    /// Blocks of all rows of `a`.
    pub(super) fn across<T>(tile: &Tile<T>, a: &Matrix<'_, T>, n: usize, threads: usize) -> Self {
        let (rows, mut columns) = (Cut::new(a.rows, tile.rows), Cut::new(n, tile.columns));
        let tasks = if threads > 1 { BLOCKS * threads } else { 1 };
        // Rows that lie side by side need no packing; others are packed in each block.
        let fewest = if a.column_stride == 1 { 2 } else { 2 * FEWEST };
        columns.parts = tasks.min(columns.tiles() / fewest).max(1);
        Plan { rows, columns }
    }

    pub(super) fn blocks(&self) -> usize {
        self.rows.parts * self.columns.parts
    }

    /// The rows and columns of a block.
    pub(super) fn block(&self, index: usize) -> (Range<usize>, Range<usize>) {
        (self.rows.part(index / self.columns.parts), self.columns.part(index % self.columns.parts))
    }
}

/// One axis, cut between tiles.
struct Cut {
    length: usize,
    tile: usize,
    parts: usize,
}

impl Cut {
    fn new(length: usize, tile: usize) -> Self {
        Cut { length, tile, parts: 1 }
    }

    fn tiles(&self) -> usize {
        self.length.div_ceil(self.tile)
    }

    fn part(&self, index: usize) -> Range<usize> {
        let edge = |index: usize| (index * self.tiles() / self.parts * self.tile).min(self.length);
        edge(index)..edge(index + 1)
    }
}
