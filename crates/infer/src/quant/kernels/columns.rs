//! An output filled by several threads, tiles of columns at a time.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::Range;

use rayon::prelude::*;

use super::super::panel::Row16;
use super::super::tile::TILE;
use super::Scratch;

thread_local! {
    /// Work space is kept from product to product.
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::new());
}

/// How the tiles of a product are shared out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Split {
    /// Tiles that are computed together.
    pub(crate) group: usize,
    /// Groups below which a thread gives nothing away.
    pub(crate) least: usize,
}

/// Fills a row-major output `[batch, rows]`: `compute` makes the outputs of a range of tiles of 16
/// columns in the scratch, which is ready for them. Ranges are computed in parallel; the output does
/// not depend on how.
pub(crate) fn fill_columns(
    out: &mut [f32],
    batch: usize,
    split: Split,
    compute: impl Fn(Range<usize>, &mut Scratch) + Sync,
) {
    let columns = Columns::new(out, batch);
    let tiles = columns.rows.div_ceil(TILE);
    let groups = tiles.div_ceil(split.group);
    let one = |group: usize| {
        let tiles = group * split.group..tiles.min((group + 1) * split.group);
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.start(tiles.len(), batch);
            compute(tiles.clone(), scratch);
            // SAFETY: every group is visited once, and groups share no tile.
            unsafe { columns.write(tiles, scratch.outputs()) }
        });
    };
    if groups <= split.least {
        (0..groups).for_each(one);
    } else {
        (0..groups).into_par_iter().with_min_len(split.least).for_each(one);
    }
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

    /// Writes the outputs of some tiles, tile by tile, row by row; lanes beyond the last row are left
    /// out.
    ///
    /// # Safety
    ///
    /// While one call for a tile runs, no other one for the same tile does.
    unsafe fn write(&self, tiles: Range<usize>, outputs: &[Row16]) {
        assert!(tiles.end <= self.rows.div_ceil(TILE) && outputs.len() == tiles.len() * self.batch);
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
