//! Reading a view with any strides in its logical order.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

use ndarray::ArrayViewD;
use smallvec::SmallVec;

use super::transpose::transpose;

/// A view as a sequence of its elements in logical (row-major) order, whatever its strides.
///
/// Axes that lie behind one another in memory are joined, so that a contiguous view has one axis
/// and a row broadcast over a matrix has two.
pub(crate) struct Strided<'a, T> {
    start: *const T,
    /// Length and stride (in elements) of each axis, outermost first; no length is 1.
    axes: SmallVec<[(usize, isize); 4]>,
    len: usize,
    view: PhantomData<&'a [T]>,
}

// SAFETY: a `Strided` only reads through the shared borrow it was made from.
unsafe impl<T: Sync> Send for Strided<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Strided<'_, T> {}

impl<'a, T: Copy + 'static> Strided<'a, T> {
    pub(crate) fn new(view: &ArrayViewD<'a, T>) -> Self {
        Strided::in_order(view, 0..view.ndim())
    }

    /// The view with its axes in another order; `order` names each of them once.
    pub(crate) fn in_order(
        view: &ArrayViewD<'a, T>,
        order: impl IntoIterator<Item = usize>,
    ) -> Self {
        let mut axes = SmallVec::<[(usize, isize); 4]>::new();
        for axis in order {
            let (length, stride) = (view.shape()[axis], view.strides()[axis]);
            if length == 1 {
                continue;
            }
            match axes.last_mut() {
                Some(outer) if outer.1 == stride * length as isize => {
                    *outer = (outer.0 * length, stride);
                }
                _ => axes.push((length, stride)),
            }
        }
        Strided { start: view.as_ptr(), axes, len: view.len(), view: PhantomData }
    }

    /// The number of elements.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Elements `start..start + len`: where they lie if they lie side by side, else copied into
    /// `buffer` (at least `len` long).
    pub(crate) fn get<'b>(&self, start: usize, len: usize, buffer: &'b mut [T]) -> &'b [T]
    where
        'a: 'b,
    {
        match self.contiguous(start, len) {
            Some(slice) => slice,
            None => {
                self.read(start, &mut buffer[..len]);
                &buffer[..len]
            }
        }
    }

    /// Elements `start..start + len`, if they lie side by side in memory.
    pub(crate) fn contiguous(&self, start: usize, len: usize) -> Option<&'a [T]> {
        assert!(start <= self.len && len <= self.len - start);
        if len == 0 {
            return Some(&[]);
        }
        let offset = match *self.axes {
            [] => 0,
            [(_, 1)] => start as isize,
            [.., (row, stride)] => {
                let column = start % row;
                if (stride != 1 && len > 1) || column + len > row {
                    return None;
                }
                self.row_offset(start / row) + column as isize * stride
            }
        };
        // SAFETY: the view borrowed for 'a holds each logical element at `start` plus the sum of
        // index times stride; the range was checked against the length and lies within one
        // innermost row of stride 1, so its `len` elements follow one another.
        Some(unsafe { std::slice::from_raw_parts(self.start.offset(offset), len) })
    }

    /// The innermost rows that should be read together: several where neighbours along the axis
    /// before lie closer in memory than those along a row, as in a transposed matrix.
    pub(crate) fn tile_rows(&self) -> usize {
        match *self.axes {
            [.., (rows, next), (row, stride)]
                if next.unsigned_abs() < stride.unsigned_abs() && next != 0 =>
            {
                // Not more than fits into the second cache.
                (MOST / row).clamp(1, rows).min(MOST_ROWS)
            }
            _ => 1,
        }
    }

    /// The elements of such rows; 1 where there is nothing to be gained.
    pub(crate) fn tile(&self) -> usize {
        match self.tile_rows() {
            1 => 1,
            rows => rows * self.axes.last().map_or(1, |&(row, _)| row),
        }
    }

    /// The length of the innermost rows that lie side by side, if they do.
    pub(crate) fn dense_row(&self) -> Option<usize> {
        self.axes.last().filter(|&&(_, stride)| stride == 1).map(|&(row, _)| row)
    }

    /// Calls `f` with elements `start..start + len` in ascending order, copied a few at a time.
    #[inline(always)]
    pub(crate) fn for_strips(&self, start: usize, len: usize, mut f: impl FnMut(&[T])) {
        let mut buffer = [const { MaybeUninit::uninit() }; STRIP];
        for at in (0..len).step_by(STRIP) {
            let strip = &mut buffer[..STRIP.min(len - at)];
            self.read_uninit(start + at, strip);
            // SAFETY: `MaybeUninit<T>` has the layout of `T`, and each element has just been written.
            f(unsafe { &*(std::ptr::from_ref(strip) as *const [T]) });
        }
    }

    /// Copies elements `start..start + out.len()`.
    pub(crate) fn read(&self, start: usize, out: &mut [T]) {
        // SAFETY: `read_uninit` writes nothing but initialised elements.
        let out = unsafe { &mut *(std::ptr::from_mut(out) as *mut [MaybeUninit<T>]) };
        self.read_uninit(start, out);
    }

    /// Copies elements `start..start + out.len()`: all of `out` is initialised by it.
    pub(crate) fn read_uninit(&self, start: usize, out: &mut [MaybeUninit<T>]) {
        assert!(start <= self.len && out.len() <= self.len - start);
        if out.is_empty() {
            return;
        }
        let (row, stride) = self.axes.last().copied().unwrap_or((1, 0));
        let tile_rows = self.tile_rows();
        let mut column = start % row;
        let mut done = 0;
        let mut outer = start / row;
        while done < out.len() {
            if tile_rows > 1 && column == 0 {
                let (rows, next) = self.axes[self.axes.len() - 2];
                // As many whole rows as are left, here and until the axis before is done.
                let whole = ((out.len() - done) / row).min(rows - outer % rows);
                if whole > 1 {
                    let out = &mut out[done..done + whole * row];
                    // SAFETY: rows `outer..outer + whole` have all the same indices but one, and
                    // lie inside the view (the range was checked above).
                    unsafe {
                        let from = self.start.offset(self.row_offset(outer));
                        transpose(from, [next, stride], row, out);
                    }
                    done += whole * row;
                    outer += whole;
                    continue;
                }
            }
            let n = (row - column).min(out.len() - done);
            let offset = self.row_offset(outer) + column as isize * stride;
            // SAFETY: `outer` and `column..column + n` are logical indices inside the view (the
            // range was checked above), so each address read is that of one of its elements.
            unsafe { copy_row(self.start.offset(offset), stride, &mut out[done..done + n]) };
            done += n;
            outer += 1;
            column = 0;
        }
    }

    /// Where row `outer` of the innermost axis begins.
    fn row_offset(&self, mut outer: usize) -> isize {
        let mut offset = 0;
        let rows = self.axes.len().saturating_sub(1);
        for &(length, stride) in self.axes[..rows].iter().rev() {
            offset += (outer % length) as isize * stride;
            outer /= length;
        }
        offset
    }
}

/// The most elements of a tile of rows.
const MOST: usize = 1 << 16;

/// The elements of a strip: while they are used, which may wait for each of them, the processor reads the
/// next ones.
const STRIP: usize = 1024;

/// The most rows of a tile: two cache lines of each column.
const MOST_ROWS: usize = 32;

/// Copies every `stride`-th element.
///
/// # Safety
///
/// Those elements must be readable.
unsafe fn copy_row<T: Copy>(from: *const T, stride: isize, out: &mut [MaybeUninit<T>]) {
    // A loop for each stride that is common: with a constant the compiler reads whole registers.
    macro_rules! every {
        ($stride:expr) => {
            let stride: isize = $stride;
            for (j, slot) in out.iter_mut().enumerate() {
                // SAFETY: passed on to the caller.
                slot.write(unsafe { *from.offset(j as isize * stride) });
            }
        };
    }
    match stride {
        1 => {
            every!(1);
        }
        // SAFETY: passed on to the caller; there is an element.
        0 => out.fill(MaybeUninit::new(unsafe { *from })),
        2 => {
            every!(2);
        }
        -1 => {
            every!(-1);
        }
        stride => {
            every!(stride);
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, ArrayD, IxDyn, s};

    use super::*;

    fn check(view: ArrayViewD<'_, f32>) {
        let all: Vec<f32> = view.iter().copied().collect();
        let strided = Strided::new(&view);
        assert_eq!(strided.len(), all.len());
        let mut buffer = vec![0.0; all.len()];
        for start in 0..=all.len() {
            for len in 0..=all.len() - start {
                assert_eq!(strided.get(start, len, &mut buffer), &all[start..start + len]);
                strided.read(start, &mut buffer[..len]);
                assert_eq!(&buffer[..len], &all[start..start + len]);
            }
        }
    }

    #[test]
    fn the_logical_order_is_kept_for_any_strides() {
        let x =
            Array::from_iter((0..60).map(|i| i as f32)).into_shape_with_order((3, 4, 5)).unwrap();
        check(x.view().into_dyn());
        check(x.view().permuted_axes([2, 0, 1]).into_dyn());
        check(x.slice(s![..;-1, 1..3, ..;2]).into_dyn());
        check(x.slice(s![.., ..;-1, ..;-1]).into_dyn());
        check(x.slice(s![1, .., 2..3]).into_dyn());
        check(x.slice(s![.., 0..0, ..]).into_dyn());
        let row = Array::from_iter((0..5).map(|i| i as f32));
        check(row.broadcast((3, 4, 5)).unwrap().into_dyn());
        let column = row.view().insert_axis(ndarray::Axis(1));
        check(column.broadcast((2, 5, 3)).unwrap().into_dyn());
        check(ArrayD::from_elem(IxDyn(&[]), 7.0).view());
    }

    #[test]
    fn rows_across_memory_are_read_in_tiles() {
        let x = Array::from_iter((0..3 * 37 * 19).map(|i| i as f32));
        let x = x.into_shape_with_order((3, 37, 19)).unwrap();
        let views = [
            x.view().permuted_axes([0, 2, 1]),
            x.view().permuted_axes([2, 1, 0]),
            x.slice(s![.., ..;-2, 1..;2]).permuted_axes([0, 2, 1]),
            x.slice(s![..2, 3.., ..;-1]).permuted_axes([0, 2, 1]),
        ];
        for view in views {
            let strided = Strided::new(&view.into_dyn());
            assert!(strided.tile() > 1);
            let all: Vec<f32> = view.iter().copied().collect();
            let mut read = vec![0.0; all.len()];
            for start in [0, 1, 36, 37, 74, 300] {
                let part = &mut read[start..];
                strided.read(start, part);
                assert_eq!(part, &all[start..]);
            }
        }
    }
}
