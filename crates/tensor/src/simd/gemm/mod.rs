//! Products of matrices.
//!
//! The output is cut into tiles of a few rows by two registers, whose sums stay in registers while
//! K runs over one block (Goto and van de Geijn, "Anatomy of High-Performance Matrix
//! Multiplication", ACM TOMS 34, 2008). Operands are packed into panels in the order in which a
//! tile reads them, so any strides cost the same; where packing would not pay, the tile reads them
//! in place.
//!
//! Which tile an element falls into, and on which thread, has no effect on its bits: its products
//! are added along K in ascending order by fused multiply-add, from zero inside each block of
//! [`KC`]; the blocks' sums are added to the output in ascending order.

pub(crate) mod bf16;
mod block;
pub(crate) mod column;
mod matrix;
mod pack;
mod panels;
mod part;
mod plan;
mod small;
mod square;
pub(crate) mod tile;
mod tiled;

pub use self::bf16::Bf16Unit;
pub(crate) use self::matrix::Matrix;
use self::matrix::Target;
pub(crate) use self::pack::{Scratch, pack};
use self::panels::{COLUMNS, Panels};
pub(crate) use self::part::{Part, TILE, even_tiles, tile_product, tile_size};
use self::plan::Plan;
pub(crate) use self::square::turn_any;
pub use self::tile::Element;
use self::tile::Tile;
pub(crate) use self::tiled::Tiled;
use super::out::Memory;
use super::{Isa, share};
use crate::Float;

/// The block along K.
pub(crate) const KC: usize = 256;

/// The bytes of `b` that are packed at a time (they stay in the last cache).
const B_BYTES: usize = 16 << 20;

/// Below this many multiplications one thread is faster than waking others.
pub(crate) const PARALLEL: usize = 1 << 20;

/// `out = a·b`, or `out += a·b` if `accumulate`; row i of `out` begins at `i * stride`.
#[track_caller]
pub(crate) fn gemm<T: Float>(
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    out: &mut [T],
    stride: usize,
    accumulate: bool,
) {
    gemm_on(Isa::best(), a, b, out, stride, accumulate);
}

/// `a·b`, row after row, into memory that nobody has to clear.
#[track_caller]
pub(crate) fn write_product<'m, T: Float>(
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    mut memory: Memory<'m, T>,
) -> &'m mut [T] {
    let (m, n) = (a.rows, b.columns);
    assert!(m.checked_mul(n) == Some(memory.len()), "{m} x {n} into {} elements", memory.len());
    if a.columns == 0 {
        return memory.zeros();
    }
    gemm_at(Isa::best(), a, b, memory.as_mut_ptr(), n, false);
    // SAFETY: `gemm_at` has written each of the m by n elements (the first block along K, which
    // exists, is stored, not added).
    unsafe { memory.written() }
}

/// [`gemm`] on the given instruction set.
#[track_caller]
fn gemm_on<T: Float>(
    isa: Isa,
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    out: &mut [T],
    stride: usize,
    accumulate: bool,
) {
    let (m, n, k) = (a.rows, b.columns, a.columns);
    assert!(k == b.rows, "a is {m} x {k}, b is {} x {n}", b.rows);
    if m == 0 || n == 0 {
        return;
    }
    let needed = (m - 1).checked_mul(stride).and_then(|x| x.checked_add(n));
    assert!(stride >= n && needed.is_some_and(|needed| needed <= out.len()), "out is too short");
    if k == 0 {
        if !accumulate {
            out.chunks_mut(stride).take(m).for_each(|row| row[..n].fill(T::default()));
        }
        return;
    }
    gemm_at(isa, a, b, out.as_mut_ptr(), stride, accumulate);
}

/// [`gemm`] at an address that holds the output; K is not 0.
#[track_caller]
fn gemm_at<T: Float>(
    isa: Isa,
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    out: *mut T,
    stride: usize,
    accumulate: bool,
) {
    let (m, n, k) = (a.rows, b.columns, a.columns);
    assert!(k == b.rows, "a is {m} x {k}, b is {} x {n}", b.rows);
    let target = Target { start: out, row_stride: stride, column_stride: 1 };
    let across = Target { row_stride: 1, column_stride: stride, ..target };
    // One column, or one row. (The transposed product, bᵀ·aᵀ, adds the same products in the same order.)
    if n == 1 && column::multiply(isa, a, b, target, accumulate)
        || m == 1 && column::multiply(isa, b.t(), a.t(), across, accumulate)
    {
        return;
    }
    // SAFETY: the target is writable, and holds what was written before if it is added to. (What is
    // taller than wide is made as its transpose.)
    let done = unsafe {
        if n < m {
            small::multiply(isa, b.t(), a.t(), across, accumulate)
        } else {
            small::multiply(isa, a, b, target, accumulate)
        }
    };
    if done {
        return;
    }
    // A tile is wide in columns: a product with few columns and more rows is made as its transpose, too.
    let tile = T::tile(isa);
    if n < tile.columns && m > n {
        product(tile, b.t(), a.t(), across, accumulate);
    } else {
        product(tile, a, b, target, accumulate);
    }
}

fn product<T: Element>(
    tile: Tile<T>,
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    target: Target<T>,
    accumulate: bool,
) {
    let (m, n, k) = (a.rows, b.columns, a.columns);
    if m == 0 || n == 0 {
        return;
    }
    let threads = rayon::current_num_threads();
    let parallel = threads > 1 && m * n * k > PARALLEL && !share::all_are_busy();
    let threads = if parallel { threads } else { 1 };
    let in_place = reads_in_place(&tile, &b, m);
    if m <= plan::ROWS {
        // All rows are multiplied at once: no panel is needed a second time.
        let plan = Plan::across(&tile, &a, n, threads);
        return share::for_each(plan.blocks(), parallel, |index| {
            let (_, j) = plan.block(index);
            let b = b.part(0, k, j.start, j.len());
            block::multiply(&tile, a, b, target.at(0, j.start), accumulate, in_place);
        });
    }
    let fitting = (B_BYTES / (k * size_of::<T>())).max(COLUMNS) / tile.columns * tile.columns;
    let step = if in_place { n } else { fitting };
    let mut scratch = Scratch::default();
    for j0 in (0..n).step_by(step) {
        let nc = step.min(n - j0);
        let panels = Panels::new(tile, b.part(0, k, j0, nc), in_place, &mut scratch, parallel);
        let plan = Plan::new(&tile, [m, nc, k], threads);
        share::for_each(plan.blocks(), parallel, |index| {
            let (i, j) = plan.block(index);
            let a = a.part(i.start, i.len(), 0, k);
            panels.multiply(a, j.start, j.len(), target.at(i.start, j0 + j.start), accumulate);
        });
    }
}

/// Does a tile read `b` where it lies? Its rows must be side by side, and each element be used by
/// so few tiles that packing would not pay, or all of it lie in the first cache.
fn reads_in_place<T>(tile: &Tile<T>, b: &Matrix<'_, T>, m: usize) -> bool {
    // A packed panel that fills the first cache is read from the second all the same, and so may be rows that are
    // near each other; far apart, they lie in the same few places of it.
    let panel = KC * tile.columns * size_of::<T>();
    let few = if panel >= FIRST_CACHE && b.row_stride <= NEAR { 64 } else { 2 } * tile.rows;
    let small = b.rows * b.columns * size_of::<T>() <= 16 * 1024;
    b.column_stride == 1 && b.row_stride >= 0 && (m <= few || small)
}

/// The bytes of the smallest first cache of today's large processors.
const FIRST_CACHE: usize = 32 << 10;

/// So many elements from one row to the next are near.
const NEAR: isize = 1024;

#[cfg(test)]
mod tests;
