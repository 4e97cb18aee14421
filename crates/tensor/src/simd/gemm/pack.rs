//! Operands copied into the order in which a tile reads them.

use std::cell::Cell;

use super::Matrix;
use crate::simd::huge_pages::Buffer;
use crate::simd::transpose::prefetch;
use crate::simd::{Kernel, run};

thread_local! {
    static SPARE: Cell<Vec<Buffer>> = const { Cell::new(Vec::new()) };
}

/// A buffer that goes back to its thread when dropped: fresh memory costs more than the packing.
#[derive(Default)]
pub(crate) struct Scratch(Option<Buffer>);

impl Scratch {
    /// `len` elements of any value, aligned to a page.
    pub(crate) fn slice<T: super::Element>(&mut self, len: usize) -> &mut [T] {
        let bytes = len * size_of::<T>();
        if self.0.as_ref().is_none_or(|buffer| buffer.size() < bytes) {
            self.give_back();
            self.0 = spare(bytes);
        }
        let buffer = self.0.get_or_insert_with(|| Buffer::new(bytes));
        // SAFETY: the buffer is initialised, long enough and aligned; an `Element` is a float, for
        // which any bits are a value.
        unsafe { std::slice::from_raw_parts_mut(buffer.as_mut_ptr().cast(), len) }
    }

    fn give_back(&mut self) {
        let Some(buffer) = self.0.take() else { return };
        // While a thread ends its local storage may be gone; then the buffer is freed.
        let _ = SPARE.try_with(|spare| {
            let mut buffers = spare.take();
            buffers.push(buffer);
            spare.set(buffers);
        });
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// The least of this thread's spare buffers that is long enough. If none is, the longest is freed:
/// a longer one takes its place.
fn spare(bytes: usize) -> Option<Buffer> {
    SPARE.with(|spare| {
        let mut buffers = spare.take();
        buffers.sort_by_key(Buffer::size);
        let fits = buffers.iter().position(|buffer| buffer.size() >= bytes);
        let found = fits.map(|index| buffers.remove(index));
        if found.is_none() {
            buffers.pop();
        }
        spare.set(buffers);
        found
    })
}

/// The columns that are turned at a time: a cache line of f32, two of f64.
const COLUMNS: usize = 16;

/// Copies `source` (at most `width` rows) column after column, each padded to `width`.
pub(crate) fn pack<T: super::Element>(source: Matrix<'_, T>, width: usize, out: &mut [T]) {
    run(Pack { source, width, out });
}

struct Pack<'a, T> {
    source: Matrix<'a, T>,
    width: usize,
    out: &'a mut [T],
}

impl<T: super::Element> Kernel for Pack<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Pack { source, width, out } = self;
        assert!(source.rows <= width && out.len() >= width * source.columns);
        // The width is that of some tile; a constant lets the compiler copy whole registers.
        match width {
            6 => pack_width::<T, 6>(source, out),
            8 => pack_width::<T, 8>(source, out),
            12 => pack_width::<T, 12>(source, out),
            16 => pack_width::<T, 16>(source, out),
            32 => pack_width::<T, 32>(source, out),
            _ => unreachable!("no tile is {width} wide"),
        }
    }
}

#[inline(always)]
fn pack_width<T: super::Element, const W: usize>(source: Matrix<'_, T>, out: &mut [T]) {
    let Matrix { start, rows, columns, row_stride, column_stride, .. } = source;
    let (out, _) = out.as_chunks_mut::<W>();
    let out = &mut out[..columns];
    // SAFETY: it is called with row < rows and column < columns, which are inside the view.
    let read = |row: usize, column: usize| unsafe {
        *start.offset(row as isize * row_stride + column as isize * column_stride)
    };
    if rows == W && row_stride == 1 {
        for (column, out) in out.iter_mut().enumerate() {
            let from = start.wrapping_offset(column as isize * column_stride);
            // The panel beside this one is packed next.
            for line in (0..W).step_by(COLUMNS) {
                prefetch(from.wrapping_add(W + line));
            }
            // SAFETY: as `read`: with a stride of 1 the column's W elements lie side by side.
            *out = unsafe { *from.cast::<[T; W]>() };
        }
    } else if rows == W && column_stride == 1 {
        // Transposing: as many columns at a time as a cache line holds, in squares of four by four.
        let (blocks, rest) = out.as_chunks_mut::<COLUMNS>();
        let (last, whole) = (blocks.len(), blocks.len() * COLUMNS);
        for (block, out) in blocks.iter_mut().enumerate() {
            // SAFETY: as `read`, with the stride known to be 1; a block's columns are left.
            let from = unsafe { start.add(block * COLUMNS) };
            let to = out.as_mut_ptr().cast::<T>();
            // What is packed next, the columns on the right or the rows below, is not foreseen: so many
            // rows lie too far apart.
            let next = if block + 1 < last {
                from.wrapping_add(COLUMNS)
            } else {
                start.wrapping_offset(W as isize * row_stride)
            };
            for row in 0..W {
                prefetch(next.wrapping_offset(row as isize * row_stride));
            }
            for row in (0..W / 4 * 4).step_by(4) {
                for column in (0..COLUMNS).step_by(4) {
                    // SAFETY: the square lies inside the block, and its place inside `out`.
                    unsafe {
                        let from = from.offset(row as isize * row_stride).add(column);
                        T::turn_square(from, row_stride, to.add(column * W + row), W);
                    }
                }
            }
            for row in W / 4 * 4..W {
                for (column, out) in out.iter_mut().enumerate() {
                    out[row] = read(row, block * COLUMNS + column);
                }
            }
        }
        for (column, out) in rest.iter_mut().enumerate() {
            for (row, out) in out.iter_mut().enumerate() {
                *out = read(row, whole + column);
            }
        }
    } else {
        for (column, out) in out.iter_mut().enumerate() {
            for (row, out) in out.iter_mut().enumerate() {
                *out = if row < rows { read(row, column) } else { T::default() };
            }
        }
    }
}
