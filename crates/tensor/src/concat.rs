//! Arrays joined along an axis.

use ndarray::{ArrayD, ArrayViewD};

use crate::Float;
use crate::rows::rows_in_chunk;
use crate::simd::out::{Out, collect, shaped};
use crate::simd::strided::Strided;

/// The arrays one after another along `axis`. Its adjoint is slicing.
///
/// # Panics
///
/// If there are none, or they differ in another axis.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{concat, ndarray::array};
///
/// let (x, y) = (array![[1.0], [2.0]].into_dyn(), array![[3.0, 4.0], [5.0, 6.0]].into_dyn());
/// assert_eq!(concat(&[x.view(), y.view()], 1), array![[1.0, 3.0, 4.0], [2.0, 5.0, 6.0]].into_dyn());
/// ```
#[track_caller]
pub fn concat<T: Float>(arrays: &[ArrayViewD<'_, T>], axis: usize) -> ArrayD<T> {
    let fits = arrays.first().is_some_and(|first| {
        axis < first.ndim()
            && arrays.iter().all(|x| {
                x.ndim() == first.ndim()
                    && (0..x.ndim()).all(|i| i == axis || x.shape()[i] == first.shape()[i])
            })
    });
    let shapes = || arrays.iter().map(|x| x.shape()).collect::<Vec<_>>();
    assert!(fits, "shapes {:?} cannot be joined along axis {axis}", shapes());
    let mut shape = arrays[0].shape().to_vec();
    shape[axis] = arrays.iter().map(|x| x.shape()[axis]).sum();
    // Each array gives a run of elements for each index of the axes before.
    let run = |shape: &[usize]| shape[axis..].iter().product::<usize>();
    let sources: Vec<_> = arrays.iter().map(|x| (Strided::new(x), run(x.shape()))).collect();
    let row = run(&shape);
    let rows = shape[..axis].iter().product::<usize>();
    let data = collect(rows * row, rows_in_chunk(row) * row, |start, out: &mut Out<T>| {
        for index in start / row..(start + out.len()) / row {
            for (source, run) in &sources {
                match source.contiguous(index * run, *run) {
                    Some(x) => out.copy(x),
                    None => out.read(source, index * run, *run),
                };
            }
        }
    });
    shaped(&shape, data)
}
