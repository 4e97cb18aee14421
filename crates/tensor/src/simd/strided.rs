//! Reading a view with any strides in its logical order.

use std::marker::PhantomData;

use ndarray::ArrayViewD;

/// A view as a sequence of its elements in logical (row-major) order, whatever its strides.
///
/// Axes that lie behind one another in memory are joined, so that a contiguous view has one axis
/// and a row broadcast over a matrix has two.
pub(crate) struct Strided<'a, T> {
    start: *const T,
    /// Length and stride (in elements) of each axis, outermost first; no length is 1.
    axes: Vec<(usize, isize)>,
    len: usize,
    view: PhantomData<&'a [T]>,
}

// SAFETY: a `Strided` only reads through the shared borrow it was made from.
unsafe impl<T: Sync> Send for Strided<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Strided<'_, T> {}

impl<'a, T: Copy> Strided<'a, T> {
    pub(crate) fn new(view: &ArrayViewD<'a, T>) -> Self {
        let mut axes: Vec<(usize, isize)> = Vec::with_capacity(view.ndim());
        for (&length, &stride) in view.shape().iter().zip(view.strides()) {
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
        let offset = match self.axes.last() {
            None => 0,
            Some(&(row, stride)) => {
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

    /// Copies elements `start..start + out.len()`.
    pub(crate) fn read(&self, start: usize, out: &mut [T]) {
        assert!(start <= self.len && out.len() <= self.len - start);
        if out.is_empty() {
            return;
        }
        let (row, stride) = self.axes.last().copied().unwrap_or((1, 0));
        let mut column = start % row;
        let mut done = 0;
        let mut outer = start / row;
        while done < out.len() {
            let n = (row - column).min(out.len() - done);
            let offset = self.row_offset(outer) + column as isize * stride;
            // SAFETY: `outer` and `column..column + n` are logical indices inside the view (the
            // range was checked above), so each address read is that of one of its elements.
            unsafe {
                let from = self.start.offset(offset);
                let part = &mut out[done..done + n];
                match stride {
                    1 => part.copy_from_slice(std::slice::from_raw_parts(from, n)),
                    0 => part.fill(*from),
                    _ => {
                        for (j, slot) in part.iter_mut().enumerate() {
                            *slot = *from.offset(j as isize * stride);
                        }
                    }
                }
            }
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
}
