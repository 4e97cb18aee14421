//! An output made of tiles whose operands the caller has arranged.
//!
//! Nobody has to clear it: it is written from left to right. What can be looked at once for all tiles is, which
//! counts where K is short.

use super::KC;
use super::part::{Part, TILE, even_tiles};
use super::tile::{Ahead, Element, Job, Operand, Rows, Tile};
use crate::Float;
use crate::simd::Isa;
use crate::simd::out::Memory;

/// A matrix in memory that is written a tile's columns at a time.
pub(crate) struct Tiled<'a, 'm, T: Element> {
    tile: Tile<T>,
    /// The rows of a tile; the last has what is left.
    height: usize,
    /// Steps along K.
    k: usize,
    a: &'a [T],
    plus: Option<&'a [T]>,
    rows: usize,
    columns: usize,
    memory: Memory<'m, T>,
    /// The columns that are written.
    written: usize,
    /// A tile of which not all columns are wanted.
    beside: [T; TILE],
}

impl<'a, 'm, T: Float> Tiled<'a, 'm, T> {
    /// Memory for a product of `k` steps whose left operand is `a`: its rows in [`even_tiles`], each packed as
    /// if it had the most rows. To each row of the product the same row of `plus` is added, which has as many
    /// columns as a tile.
    ///
    /// # Panics
    ///
    /// If the memory is not one of so many rows and columns, or has none; if there are no steps, or less of
    /// `a` or `plus` than is needed; or if there is something to add to sums of more than one block along K,
    /// which would be added first.
    #[track_caller]
    pub(crate) fn new(
        memory: Memory<'m, T>,
        [rows, columns, k]: [usize; 3],
        a: &'a [T],
        plus: Option<&'a [T]>,
    ) -> Self {
        let (tile, len) = (T::tile(Isa::best()), memory.len());
        assert!(len > 0 && len == rows * columns, "{rows} x {columns} into {len} elements");
        let mut tiles = even_tiles(rows, tile.rows);
        let (_, height) = tiles.next().expect("a row");
        let packed = (1 + tiles.count()) * tile.rows * k;
        assert!(k > 0 && packed <= a.len(), "{k} steps of {rows} rows in {}", a.len());
        let enough = |plus: &[T]| k <= KC && rows * tile.columns <= plus.len();
        assert!(plus.is_none_or(enough), "terms for {rows} rows of {k} steps");
        let beside = [T::ZERO; TILE];
        Tiled { tile, height, k, a, plus, rows, columns, memory, written: 0, beside }
    }

    /// Writes the next columns, as many of a tile's as there are left: `plus + a · b`.
    ///
    /// # Panics
    ///
    /// If no columns are left, or `b` is too short.
    pub(crate) fn push(&mut self, b: Part<'_, T>) {
        let Tile { rows: most, columns, .. } = self.tile;
        let inside = (self.k - 1) * b.step + columns <= b.elements.len() && b.across == 1;
        assert!(inside && self.written < self.columns, "a tile reaches outside");
        let width = columns.min(self.columns - self.written);
        let beside = Rows { start: self.beside.as_mut_ptr(), row: columns };
        for (index, i) in (0..self.rows).step_by(self.height).enumerate() {
            let rows = self.height.min(self.rows - i);
            let a = self.a[index * most * self.k..].as_ptr();
            // SAFETY: `a`, `b` and `plus` reach as far as a tile reads, as was asserted here and before. These
            // columns of its rows lie inside the memory, which is borrowed exclusively; a tile of which not
            // all are wanted is written beside it.
            unsafe {
                let start = self.memory.as_mut_ptr().add(i * self.columns + self.written);
                let to = Rows { start, row: self.columns };
                if width == columns {
                    self.tile(i, rows, a, b, to);
                } else {
                    self.tile(i, rows, a, b, beside);
                    for r in 0..rows {
                        let from = beside.start.add(r * columns);
                        start.add(r * to.row).copy_from_nonoverlapping(from, width);
                    }
                }
            }
        }
        self.written += width;
    }

    /// # Safety
    ///
    /// `a` and `b` must hold a tile's elements for each step, and `to` be writable for `rows` rows of a tile
    /// and nobody else's.
    #[inline(always)]
    unsafe fn tile(&self, i: usize, rows: usize, a: *const T, b: Part<'_, T>, to: Rows<T>) {
        let Tile { rows: most, columns, .. } = self.tile;
        let plus = self
            .plus
            .map(|plus| Rows { start: plus[i * columns..].as_ptr().cast_mut(), row: columns });
        let kernel = self.tile.kernels[0][rows - 1];
        let mut job = Job {
            k: KC.min(self.k),
            a: Operand { start: a, across: 1, step: most as isize },
            b: Operand { start: b.elements.as_ptr(), across: 1, step: b.step as isize },
            from: plus,
            to,
            ahead: Ahead { start: b.elements.as_ptr(), step: 0 },
        };
        // SAFETY: passed on to the caller; the kernel is one of this processor.
        unsafe { kernel(&job) };
        for k0 in (KC..self.k).step_by(KC) {
            job.k = KC.min(self.k - k0);
            job.a.start = a.wrapping_add(k0 * most);
            job.b.start = b.elements[k0 * b.step..].as_ptr();
            job.from = Some(to);
            // SAFETY: as above; what is added was written by the block before.
            unsafe { kernel(&job) };
        }
    }

    /// The elements, all of them written.
    ///
    /// # Panics
    ///
    /// If columns are missing.
    pub(crate) fn finish(self) -> &'m mut [T] {
        assert!(self.written == self.columns, "columns from {} on are missing", self.written);
        // SAFETY: all columns of all rows are written, and the memory has no more.
        unsafe { self.memory.written() }
    }
}
