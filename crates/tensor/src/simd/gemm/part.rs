//! One tile of a product, of operands that the caller has arranged.

use super::tile::{Ahead, Element, Operand, Rows};
use crate::simd::Isa;

/// An operand in a slice: element i of step k along K is number `i * across + k * step`.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a, T> {
    pub(crate) elements: &'a [T],
    pub(crate) across: usize,
    pub(crate) step: usize,
}

impl<T> Part<'_, T> {
    /// What is left after `k` steps.
    pub(crate) fn after(self, k: usize) -> Self {
        Part { elements: &self.elements[k * self.step..], ..self }
    }
}

/// The elements of the largest tile.
pub(crate) const TILE: usize = 12 * 32;

/// The most rows of a tile, and its columns.
pub(crate) fn tile_size<T: Element>() -> [usize; 2] {
    let tile = T::tile(Isa::best());
    [tile.rows, tile.columns]
}

/// Rows in tiles of about equal height, at most `most`: the first row and the rows of each.
pub(crate) fn even_tiles(rows: usize, most: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    let height = rows.div_ceil(rows.div_ceil(most).max(1)).max(1);
    (0..rows).step_by(height).map(move |i| (i, height.min(rows - i)))
}

/// `out = a · b` for `rows` rows and a tile's columns over k steps, or `out += a · b` if `accumulate`;
/// row i of `out` begins at `i * stride`. The elements of a step of `b` lie side by side.
///
/// # Panics
///
/// If there are no or too many rows, or something lies outside its slice.
pub(crate) fn tile_product<T: Element>(
    [rows, k]: [usize; 2],
    a: Part<'_, T>,
    b: Part<'_, T>,
    out: &mut [T],
    stride: usize,
    accumulate: bool,
) {
    let tile = T::tile(Isa::best());
    assert!((1..=tile.rows).contains(&rows) && k > 0, "a tile of {rows} rows and {k} steps");
    let inside = (rows - 1) * a.across + (k - 1) * a.step < a.elements.len()
        && (k - 1) * b.step + tile.columns <= b.elements.len()
        && (rows - 1) * stride + tile.columns <= out.len();
    assert!(inside && b.across == 1, "a tile reaches outside");
    let operand = |part: Part<'_, T>| Operand {
        start: part.elements.as_ptr(),
        across: part.across as isize,
        step: part.step as isize,
    };
    let to = Rows { start: out.as_mut_ptr(), row: stride };
    let ahead = Ahead { start: b.elements.as_ptr(), step: 0 };
    // SAFETY: all that is read and written lies inside the slices, as was asserted; `out` is borrowed
    // exclusively; the tile is one of this processor.
    unsafe { tile.run([rows, k], [operand(a), operand(b)], accumulate.then_some(to), to, ahead) };
}
