//! The right operand in panels, and their products with blocks of rows.

use super::KC;
use super::matrix::{Matrix, Target};
use super::pack::{Scratch, pack};
use crate::simd::share;

use super::tile::{Ahead, Element, Operand, Rows, Tile};

/// The columns of the output that a task works on at a time: its rows of these, and what is needed
/// of `a` and of `b` for one block along K, stay in the second cache together.
pub(super) const COLUMNS: usize = 256;

/// The steps along K that are packed at a time, for many panels or rows: so few pages are read that
/// the processor remembers their addresses.
const STRIP: usize = 64;

/// `b` in panels of a tile's columns, all along K.
pub(super) struct Panels<'a, T: 'static> {
    tile: Tile<T>,
    b: Matrix<'a, T>,
    /// The panels from number `whole` on.
    packed: *mut T,
    /// The number of panels that are read in place.
    whole: usize,
}

// SAFETY: `packed` is exclusively this struct's; panels are written by one task each, and read
// only after all are written.
unsafe impl<T: Send + Sync + 'static> Sync for Panels<'_, T> {}

impl<'a, T: Element> Panels<'a, T> {
    /// Packs `b` into `scratch`; what can be read in place, if `in_place`, is left there.
    pub(super) fn new(
        tile: Tile<T>,
        b: Matrix<'a, T>,
        in_place: bool,
        scratch: &'a mut Scratch,
        parallel: bool,
    ) -> Self {
        let whole = if in_place { b.columns / tile.columns } else { 0 };
        let width = (b.columns.div_ceil(tile.columns) - whole) * tile.columns;
        let packed = scratch.slice(width * b.rows).as_mut_ptr();
        let panels = Panels { tile, b, packed, whole };
        panels.pack(parallel);
        panels
    }

    /// The panels that are packed together: long runs of each row are then read at a time.
    const GROUP: usize = 16;

    fn pack(&self, parallel: bool) {
        let Matrix { rows: k, columns: n, .. } = self.b;
        let width = self.tile.columns;
        let panels = n.div_ceil(width);
        let groups = (panels - self.whole).div_ceil(Self::GROUP);
        let part = |index: usize| {
            let k0 = index / groups * STRIP;
            let kc = STRIP.min(k - k0);
            let first = self.whole + index % groups * Self::GROUP;
            for panel in first..(first + Self::GROUP).min(panels) {
                let j = panel * width;
                let source = self.b.part(k0, kc, j, width.min(n - j)).t();
                let start = (panel - self.whole) * width * k + k0 * width;
                // SAFETY: the buffer holds all panels from number `whole` on, and these rows of
                // this one are written by this call only.
                let out =
                    unsafe { std::slice::from_raw_parts_mut(self.packed.add(start), kc * width) };
                pack(source, width, out);
            }
        };
        share::for_each(k.div_ceil(STRIP) * groups, parallel, part);
    }

    /// `target (+)= a · b[.., first..first + columns]`; `first` is a multiple of a tile's columns.
    pub(super) fn multiply(
        &self,
        a: Matrix<'_, T>,
        first: usize,
        columns: usize,
        target: Target<T>,
        accumulate: bool,
    ) {
        let Tile { rows: mr, columns: nr, .. } = self.tile;
        let (rows, k) = (a.rows, a.columns);
        let (mut scratch, mut scratch_of_sums) = (Scratch::default(), Scratch::default());
        let tiles_of_a = RowTiles::new(a, mr, columns.div_ceil(nr), &mut scratch);
        let tiles = rows.div_ceil(mr);
        let sums = PartialSums::new(&self.tile, tiles, k, &mut scratch_of_sums);
        let mut steps = panel_order(columns, k, nr).peekable();
        while let Some((j, k0)) = steps.next() {
            let (next_j, next_k0) = steps.peek().copied().unwrap_or((j, k0));
            let (kc, width) = (KC.min(k - k0), nr.min(columns - j));
            let (b, next_b) =
                (self.panel((first + j) / nr, k0), self.panel((first + next_j) / nr, next_k0));
            for tile in 0..tiles {
                let i = tile * mr;
                let a = tiles_of_a.tile(i, k0);
                let ahead = self.ahead(next_b, kc, [tile, tiles]);
                let output = TileOutput {
                    rows: mr.min(rows - i),
                    width,
                    target: target.at(i, j),
                    sums: sums.of(j, tile),
                    first: k0 == 0,
                    last: k0 + kc == k,
                };
                // SAFETY: a and b hold the rows and columns of a tile for each of kc steps (packed
                // ones are padded); these rows and columns of the target are this task's, inside
                // the output.
                unsafe { output.add(&self.tile, kc, [a, b], accumulate, ahead) };
            }
        }
    }

    /// What tile number `tile` of `tiles`, which takes `kc` steps, fetches of the panel that is next.
    fn ahead(&self, next: Operand<T>, kc: usize, [tile, tiles]: [usize; 2]) -> Ahead<T> {
        let width = self.tile.columns;
        if next.step == width as isize {
            // Its share.
            let share = width.div_ceil(tiles);
            return Ahead {
                start: next.start.wrapping_add(share * tile * kc),
                step: share as isize,
            };
        }
        // The first tiles fetch a cache line of each row.
        let line = 64 / size_of::<T>();
        if tile * line < width {
            Ahead { start: next.start.wrapping_add(tile * line), step: next.step }
        } else {
            Ahead { start: next.start, step: 0 }
        }
    }

    /// Where panel `index` has row `k0`, and the distance between its rows.
    fn panel(&self, index: usize, k0: usize) -> Operand<T> {
        let width = self.tile.columns;
        if index < self.whole {
            let b = self.b.part(k0, self.b.rows - k0, index * width, width);
            Operand { start: b.start, across: 1, step: b.row_stride }
        } else {
            let start = (index - self.whole) * width * self.b.rows + k0 * width;
            Operand { start: self.packed.wrapping_add(start), across: 1, step: width as isize }
        }
    }
}

/// The order in which a block of the output meets panels of `width` columns, each for one block along K:
/// first column, first step. The columns go in groups of [`COLUMNS`], each block after block along K.
pub(super) fn panel_order(
    columns: usize,
    k: usize,
    width: usize,
) -> impl Iterator<Item = (usize, usize)> {
    let groups = (0..columns).step_by(COLUMNS);
    let blocks = groups.flat_map(move |j0| (0..k).step_by(KC).map(move |k0| (j0, k0)));
    blocks.flat_map(move |(j0, k0)| {
        (j0..columns.min(j0 + COLUMNS)).step_by(width).map(move |j| (j, k0))
    })
}

/// Where the sums of a group's tiles wait between the blocks along a long K, tile by tile: rows of the
/// output, which may lie a power of two apart, would drive each other out of the cache.
pub(super) struct PartialSums<T> {
    start: *mut T,
    /// Rows and columns of a tile.
    tile: [usize; 2],
    /// Tiles of a panel; none where K is one block, and all use the same place.
    tiles: usize,
}

impl<T: Element> PartialSums<T> {
    pub(super) fn new(tile: &Tile<T>, tiles: usize, k: usize, scratch: &mut Scratch) -> Self {
        let Tile { rows, columns, .. } = *tile;
        let (tiles, places) = if k <= KC { (0, 1) } else { (tiles, tiles * (COLUMNS / columns)) };
        let start = scratch.slice::<T>(places * rows * columns).as_mut_ptr();
        PartialSums { start, tile: [rows, columns], tiles }
    }

    /// Those of tile `number` of the panel whose first column is `j`.
    pub(super) fn of(&self, j: usize, number: usize) -> Rows<T> {
        let [rows, columns] = self.tile;
        let place = if self.tiles == 0 { 0 } else { j % COLUMNS / columns * self.tiles + number };
        Rows { start: self.start.wrapping_add(place * rows * columns), row: columns }
    }
}

/// One tile of the output, and where its sums wait between the blocks along K.
pub(super) struct TileOutput<T> {
    pub(super) rows: usize,
    pub(super) width: usize,
    pub(super) target: Target<T>,
    pub(super) sums: Rows<T>,
    /// Is this the first, the last block along K?
    pub(super) first: bool,
    pub(super) last: bool,
}

impl<T: Element> TileOutput<T> {
    /// Adds one block along K: from the target (if the first and to be accumulated) or what
    /// waits, to what waits or (if the last) the target.
    ///
    /// # Safety
    ///
    /// As [`Tile::run`], for `width` columns of the target and all of `sums`.
    #[inline(always)]
    pub(super) unsafe fn add(
        &self,
        tile: &Tile<T>,
        kc: usize,
        operands: [Operand<T>; 2],
        accumulate: bool,
        ahead: Ahead<T>,
    ) {
        let &TileOutput { rows, width, target, sums, first, last } = self;
        // A tile goes straight to and from the target where it takes whole rows side by side.
        let whole = width == tile.columns && target.column_stride == 1;
        let output = Rows { start: target.start, row: target.row_stride };
        if first && accumulate && !whole {
            // SAFETY: the caller's promise.
            self.each(|sum, c| unsafe { *sum = *c });
        }
        let from = match (first, accumulate) {
            (true, false) => None,
            (true, true) if whole => Some(output),
            _ => Some(sums),
        };
        let to = if last && whole { output } else { sums };
        // SAFETY: passed on to the caller.
        unsafe { tile.run([rows, kc], operands, from, to, ahead) };
        if last && !whole {
            // SAFETY: the caller's promise.
            self.each(|sum, c| unsafe { *c = *sum });
        }
    }

    /// Calls `f` with the addresses of each sum and its element of the target.
    fn each(&self, f: impl Fn(*mut T, *mut T)) {
        for r in 0..self.rows {
            for s in 0..self.width {
                let sum = self.sums.start.wrapping_add(r * self.sums.row + s);
                f(sum, self.target.at(r, s).start);
            }
        }
    }
}

/// The left operand's rows, in tiles: packed block after block along K, or read where they lie.
pub(super) struct RowTiles<'a, T> {
    a: Matrix<'a, T>,
    height: usize,
    packed: Option<&'a [T]>,
}

impl<'a, T: Element> RowTiles<'a, T> {
    /// `uses` is the number of panels that each row is multiplied by.
    pub(super) fn new(
        a: Matrix<'a, T>,
        height: usize,
        uses: usize,
        scratch: &'a mut Scratch,
    ) -> Self {
        // Packing takes about as long as three more uses of rows or columns that lie side by side.
        let side_by_side = a.column_stride == 1 || a.row_stride == 1;
        let direct = uses <= 2 || side_by_side && uses <= 8;
        if direct {
            return RowTiles { a, height, packed: None };
        }
        let padded = a.rows.next_multiple_of(height);
        let packed = scratch.slice(padded * a.columns);
        for k0 in (0..a.columns).step_by(KC) {
            let kc = KC.min(a.columns - k0);
            let block = &mut packed[padded * k0..][..padded * kc];
            for strip in (0..kc).step_by(STRIP) {
                let steps = STRIP.min(kc - strip);
                for (tile, out) in block.chunks_mut(height * kc).enumerate() {
                    let i = tile * height;
                    let source = a.part(i, height.min(a.rows - i), k0 + strip, steps);
                    pack(source, height, &mut out[strip * height..]);
                }
            }
        }
        RowTiles { a, height, packed: Some(packed) }
    }

    /// The rows from `i` on, for the block along K at `k0`.
    pub(super) fn tile(&self, i: usize, k0: usize) -> Operand<T> {
        let a = &self.a;
        match self.packed {
            Some(packed) => {
                let kc = KC.min(a.columns - k0);
                let start = a.rows.next_multiple_of(self.height) * k0 + i * kc;
                let start = packed[start..].as_ptr();
                Operand { start, across: 1, step: self.height as isize }
            }
            None => Operand {
                start: a.part(i, a.rows - i, k0, a.columns - k0).start,
                across: a.row_stride,
                step: a.column_stride,
            },
        }
    }
}
