//! How the output is shared out.

use super::tile::Tile;

/// The rows of the output that a task makes, at most.
const ROWS: usize = 192;

/// The bytes of `a` that a task works on, all along K, at most.
const A_BYTES: usize = 4 << 20;

/// How an output of `m` by `n` is cut into blocks that one thread makes at a time.
pub(super) struct Plan {
    m: usize,
    n: usize,
    mc: usize,
    nc: usize,
}

impl Plan {
    pub(super) fn new<T>(tile: &Tile<T>, [m, n, k]: [usize; 3], threads: usize) -> Self {
        let most = (A_BYTES / (k * size_of::<T>())).clamp(4 * tile.rows, ROWS);
        let most = most / tile.rows * tile.rows;
        // Four blocks a thread level out what threads do not share evenly.
        let tasks = if threads > 1 { 4 * threads } else { 1 };
        let mc = m.div_ceil(tasks).next_multiple_of(tile.rows).clamp(4 * tile.rows, most);
        let rows = m.div_ceil(mc);
        let columns = tasks.div_ceil(rows);
        let nc = n.div_ceil(columns).next_multiple_of(tile.columns).max(4 * tile.columns);
        Plan { m, n, mc, nc }
    }

    pub(super) fn blocks(&self) -> usize {
        self.m.div_ceil(self.mc) * self.n.div_ceil(self.nc)
    }

    /// First row, rows, first column, columns.
    pub(super) fn block(&self, index: usize) -> (usize, usize, usize, usize) {
        let across = self.n.div_ceil(self.nc);
        let (i, j) = (index / across * self.mc, index % across * self.nc);
        (i, self.mc.min(self.m - i), j, self.nc.min(self.n - j))
    }
}
