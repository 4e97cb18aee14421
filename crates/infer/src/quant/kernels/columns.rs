//! Outputs filled by several threads, tiles of columns at a time.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::Range;

use ulp_tensor::tasks;

use super::super::panel::Row16;
use super::super::tile::TILE;
use super::Scratch;

thread_local! {
    /// Work space is kept from product to product.
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::new());
}

/// Multiplications of a thread, in bytes of weights times rows, below which it is not worth waking another.
const WORTH_A_THREAD: usize = 1 << 16;

/// A row-major output `[batch, rows]` to be filled: `compute` makes the outputs of a range of tiles of 16
/// columns in the scratch.
pub(crate) struct Fill<'a, F> {
    columns: Columns<'a>,
    /// Tiles that are computed together.
    group: usize,
    /// Bytes of weights times rows.
    work: usize,
    compute: F,
}

impl<'a, F: Fn(Range<usize>, &mut Scratch)> Fill<'a, F> {
    /// An output of `batch` rows, `group` tiles at a time.
    pub(crate) fn new(
        out: &'a mut [f32],
        batch: usize,
        group: usize,
        work: usize,
        compute: F,
    ) -> Self {
        Fill { columns: Columns::new(out, batch), group, work, compute }
    }

    fn groups(&self) -> usize {
        self.columns.tiles().div_ceil(self.group)
    }

    /// Fills group `index` of the tiles.
    ///
    /// # Safety
    ///
    /// No other thread fills the same group.
    unsafe fn fill(&self, index: usize) {
        let tiles = index * self.group..self.columns.tiles().min((index + 1) * self.group);
        SCRATCH.with_borrow_mut(|scratch| {
            (self.compute)(tiles.clone(), scratch);
            let outputs = &scratch.outputs()[..tiles.len() * self.columns.batch];
            // SAFETY: groups share no tile, and the caller keeps others from this one.
            unsafe { self.columns.write(tiles, outputs) }
        });
    }
}

/// Fills the outputs in parallel, as one piece of work: at the end of each such piece threads wait for one
/// another. The outputs do not depend on which thread fills what.
pub(crate) fn fill_columns<F: Fn(Range<usize>, &mut Scratch) + Sync>(fills: &[Fill<'_, F>]) {
    let groups = fills.iter().map(Fill::groups).sum();
    let work: usize = fills.iter().map(|fill| fill.work).sum();
    tasks::for_each(groups, work / WORTH_A_THREAD, |mut index| {
        for fill in fills {
            if index < fill.groups() {
                // SAFETY: every index is visited once.
                unsafe { fill.fill(index) };
                return;
            }
            index -= fill.groups();
        }
    });
}

/// A row-major `[batch, rows]` output that threads fill by tiles of 16 columns.
struct Columns<'a> {
    start: *mut f32,
    batch: usize,
    rows: usize,
    owner: PhantomData<&'a mut [f32]>,
}

// SAFETY: the pointer is used by `write` alone, whose caller promises that no two threads write
// the same tile; tiles share no element.
unsafe impl Sync for Columns<'_> {}

impl<'a> Columns<'a> {
    /// Wraps an output of `batch` rows.
    fn new(out: &'a mut [f32], batch: usize) -> Self {
        let rows = out.len() / batch;
        assert_eq!(out.len(), batch * rows, "an output of {batch} rows");
        Columns { start: out.as_mut_ptr(), batch, rows, owner: PhantomData }
    }

    /// Tiles of 16 columns, the last of which may be in part beyond them.
    fn tiles(&self) -> usize {
        self.rows.div_ceil(TILE)
    }

    /// Writes the outputs of some tiles, tile by tile, row by row; lanes beyond the last row are left
    /// out.
    ///
    /// # Safety
    ///
    /// While one call for a tile runs, no other one for the same tile does.
    unsafe fn write(&self, tiles: Range<usize>, outputs: &[Row16]) {
        assert!(tiles.end <= self.tiles() && outputs.len() == tiles.len() * self.batch);
        let first = tiles.start * TILE;
        let width = self.rows.min(tiles.end * TILE) - first;
        // Rows lie far apart, so all that goes into one is written together.
        for b in 0..self.batch {
            // SAFETY: b < batch and first + width <= rows, so the elements lie inside the output that
            // `new` borrowed for 'a; the caller keeps others away from them.
            let row = unsafe {
                std::slice::from_raw_parts_mut(self.start.add(b * self.rows + first), width)
            };
            let mut lanes = outputs[b..].iter().step_by(self.batch);
            let (whole, rest) = row.as_chunks_mut::<TILE>();
            for (row, lanes) in whole.iter_mut().zip(lanes.by_ref()) {
                *row = *lanes;
            }
            for (x, &lane) in rest.iter_mut().zip(lanes.next().into_iter().flatten()) {
                *x = lane;
            }
        }
    }
}
