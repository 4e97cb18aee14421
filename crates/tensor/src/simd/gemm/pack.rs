//! Operands copied into the order in which a tile reads them.

use std::cell::Cell;

use super::Matrix;
use crate::simd::{Kernel, run};

/// A cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

thread_local! {
    static SPARE: Cell<Vec<Vec<Line>>> = const { Cell::new(Vec::new()) };
}

/// A buffer that goes back to its thread when dropped: fresh memory costs more than the packing.
pub(super) struct Scratch(Vec<Line>);

impl Scratch {
    pub(super) fn take() -> Self {
        SPARE.with(|spare| {
            let mut buffers = spare.take();
            let buffer = buffers.pop().unwrap_or_default();
            spare.set(buffers);
            Scratch(buffer)
        })
    }

    /// `len` elements of any value, aligned to a cache line.
    pub(super) fn slice<T: super::Element>(&mut self, len: usize) -> &mut [T] {
        let lines = (len * size_of::<T>()).div_ceil(size_of::<Line>());
        if self.0.len() < lines {
            self.0.resize(lines, Line([0; 64]));
        }
        // SAFETY: the buffer is initialised, long enough and aligned; an `Element` is a float, for
        // which any bits are a value.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), len) }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        // While a thread ends its local storage may be gone; then the buffer is freed.
        let _ = SPARE.try_with(|spare| {
            let mut buffers = spare.take();
            buffers.push(buffer);
            spare.set(buffers);
        });
    }
}

/// Copies `source` (at most `width` rows) column after column, each padded to `width`.
pub(super) fn pack<T: super::Element>(source: Matrix<'_, T>, width: usize, out: &mut [T]) {
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
            for (row, out) in out.iter_mut().enumerate() {
                // SAFETY: as `read`, with the stride known to be 1.
                *out = unsafe { *start.offset(column as isize * column_stride).add(row) };
            }
        }
    } else if rows == W && column_stride == 1 {
        // Transposing: eight columns at a time, so that each row is read in runs.
        let (blocks, rest) = out.as_chunks_mut::<8>();
        let whole = blocks.len() * 8;
        for (block, out) in blocks.iter_mut().enumerate() {
            for row in 0..W {
                // SAFETY: as `read`, with the stride known to be 1; eight columns are left.
                let run: [T; 8] = unsafe {
                    *start.offset(row as isize * row_stride).add(block * 8).cast::<[T; 8]>()
                };
                for (out, x) in out.iter_mut().zip(run) {
                    out[row] = x;
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
