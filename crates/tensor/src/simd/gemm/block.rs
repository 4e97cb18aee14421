//! A block of the output by one thread, which packs what it needs itself.
//!
//! Each panel of `b` is packed when its turn comes, into a buffer that never leaves the first caches,
//! and while the tiles of one panel are made the elements of the next one are fetched. What a thread
//! packs no other reads: lines that another core has written take the longest to come.

use super::KC;
use super::matrix::{Matrix, Target};
use super::pack::{Scratch, pack};
use super::panels::{PartialSums, RowTiles, TileOutput, panel_order};
use super::tile::{Ahead, Element, Operand, Tile};
use crate::simd::transpose::fetch;

/// `target (+)= a · b`. With `in_place`, whole panels of `b` are read where they lie.
pub(super) fn multiply<T: Element>(
    tile: &Tile<T>,
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    target: Target<T>,
    accumulate: bool,
    in_place: bool,
) {
    let Tile { rows: mr, columns: nr, .. } = *tile;
    let (m, n, k) = (a.rows, b.columns, a.columns);
    let [mut of_a, mut of_b, mut of_sums] = <[Scratch; 3]>::default();
    let rows = RowTiles::new(a, mr, n.div_ceil(nr), &mut of_a);
    let packed = of_b.slice::<T>(nr * KC.min(k));
    let tiles = m.div_ceil(mr);
    let sums = PartialSums::new(tile, tiles, k, &mut of_sums);
    let mut steps = panel_order(n, k, nr).peekable();
    let part = |j: usize, k0: usize| b.part(k0, KC.min(k - k0), j, nr.min(n - j));
    while let Some((j, k0)) = steps.next() {
        let source = part(j, k0);
        let next = steps.peek().map(|&(j, k0)| part(j, k0));
        let (kc, width) = (source.rows, source.columns);
        let b = if in_place && width == nr {
            Operand { start: source.start, across: 1, step: b.row_stride }
        } else {
            pack(source.t(), nr, packed);
            Operand { start: packed.as_ptr(), across: 1, step: nr as isize }
        };
        for number in 0..tiles {
            if let Some(next) = next {
                fetch_part(next, number, tiles);
            }
            let i = number * mr;
            let output = TileOutput {
                rows: mr.min(m - i),
                width,
                target: target.at(i, j),
                sums: sums.of(j, number),
                first: k0 == 0,
                last: k0 + kc == k,
            };
            let ahead = Ahead { start: b.start, step: 0 };
            // SAFETY: a and b hold the rows and columns of a tile for each of kc steps (packed
            // ones are padded); these rows and columns of the target are this task's, inside
            // the output.
            unsafe { output.add(tile, kc, [rows.tile(i, k0), b], accumulate, ahead) };
        }
    }
}

/// Fetches one of `parts` parts of a matrix into the second cache.
#[inline(always)]
fn fetch_part<T: Element>(x: Matrix<'_, T>, part: usize, parts: usize) {
    let x = if x.column_stride == 1 { x } else { x.t() };
    let (start, end) = (part * x.rows / parts, (part + 1) * x.rows / parts);
    let line = 64 / size_of::<T>();
    for row in start..end {
        for column in (0..x.columns).step_by(line) {
            fetch(x.address(row, column));
        }
    }
}
