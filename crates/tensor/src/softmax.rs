//! Softmax and its logarithm.

use ndarray::{ArrayBase, ArrayD, ArrayViewD, ArrayViewMutD, IxDyn, RawData};

use crate::destination::{fits, fresh, given};
use crate::map::copy;
use crate::max::SliceMax;
use crate::rows::{map_rows, map_rows_into, row, rows_in_chunk, write_few_rows};
use crate::simd::gemm::Scratch;
use crate::simd::out::{Map1, Memory, Out, collect, shaped};
use crate::simd::strided::Strided;
use crate::simd::{Kernel, fetch, run};
use crate::sum::{BLOCK, LANES, add_to_lanes, fold, tree};
use crate::{Float, dot, max_slice, sum_slice};

/// softmax(x)\[i\] = e^(x\[i\] - m) / Σ e^(x\[j\] - m), m the maximum, along `axis`.
///
/// A row whose entries are all negative infinity has no softmax: NaN.
///
/// # Panics
///
/// If the axis is out of range.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{ndarray::array, softmax};
///
/// let x = array![[0.0, 0.0], [1000.0, 0.0]].into_dyn();
/// assert_eq!(softmax(x.view(), 1), array![[0.5, 0.5], [1.0, 0.0]].into_dyn());
/// ```
#[track_caller]
pub fn softmax<T: Float>(x: ArrayViewD<'_, T>, axis: usize) -> ArrayD<T> {
    along(axis, [x], |[x]| fresh(x.shape(), |memory| write_softmax(&x, memory)))
}

/// [`softmax`] into `out`.
///
/// # Panics
///
/// If the axis is out of range or `out` has another shape than `x`.
#[track_caller]
pub fn softmax_into<T: Float>(x: ArrayViewD<'_, T>, axis: usize, out: ArrayViewMutD<'_, T>) {
    fits(x.shape(), out.shape());
    let (x, out) = (axis_last(x, axis), axis_last(out, axis));
    given(x.shape(), out, |memory| write_softmax(&x, memory));
}

/// Softmax along the last axis. The exponentials stay in the first cache until their sum is known.
fn write_softmax<'m, T: Float>(x: &ArrayViewD<'_, T>, memory: Memory<'m, T>) -> &'m mut [T] {
    let n = x.shape().last().copied().unwrap_or(1);
    let few = |rows: &[T], out: &mut Out<T>| {
        let mut scratch = Scratch::default();
        let e = scratch.slice(n);
        for row in rows.chunks_exact(n) {
            let max = max_slice(row);
            // While this row is made memory would be idle.
            let next = row.as_ptr_range().end;
            let blocks = row.chunks(BLOCK).zip(e.chunks_mut(BLOCK)).enumerate();
            let total = tree(blocks.map(|(block, (x, e))| {
                run(ExpOf { x, max, e, next: next.wrapping_add(block * BLOCK) })
            }));
            out.map1(Over(total), e);
        }
    };
    write_few_rows(x, few, memory)
}

/// x / total.
#[derive(Clone, Copy)]
struct Over<T>(T);

impl<T: Float> Map1<T> for Over<T> {
    const MEMORY_BOUND: bool = true;
    #[inline(always)]
    fn at(self, x: T) -> T {
        x / self.0
    }
}

/// `e` = e^(x - max) for one block; its value is their sum. As many elements are asked for from `next` on, which
/// need not be readable.
struct ExpOf<'a, T> {
    x: &'a [T],
    max: T,
    e: &'a mut [T],
    next: *const T,
}

impl<T: Float> Kernel for ExpOf<'_, T> {
    type Output = T;
    #[inline(always)]
    fn run(self) -> T {
        let mut lanes = [T::ZERO; LANES];
        let pieces = self.x.chunks(PIECE).zip(self.e.chunks_mut(PIECE));
        for (piece, (x, e)) in pieces.enumerate() {
            for line in (0..x.len()).step_by(64 / size_of::<T>()) {
                fetch(self.next.wrapping_add(piece * PIECE + line));
            }
            for (e, &x) in e.iter_mut().zip(x) {
                *e = (x - self.max).exp();
            }
            add_to_lanes(&mut lanes, e);
        }
        fold(lanes)
    }
}

/// e^(x - max x) in place, for a row of at most one block; its value is their sum.
struct ExpRow<'a, T>(&'a mut [T]);

impl<T: Float> Kernel for ExpRow<'_, T> {
    type Output = T;
    #[inline(always)]
    fn run(self) -> T {
        let max = SliceMax(self.0).run();
        ExpShifted { x: self.0, max }.run()
    }
}

/// log softmax(x)\[i\] = x\[i\] - m - log Σ e^(x\[j\] - m), along `axis`.
///
/// # Panics
///
/// If the axis is out of range.
#[track_caller]
pub fn log_softmax<T: Float>(x: ArrayViewD<'_, T>, axis: usize) -> ArrayD<T> {
    along(axis, [x], |[x]| map_rows(x, |_, row| log_softmax_in_place(row)))
}

/// [`log_softmax`] into `out`.
///
/// # Panics
///
/// If the axis is out of range or `out` has another shape than `x`.
#[track_caller]
pub fn log_softmax_into<T: Float>(x: ArrayViewD<'_, T>, axis: usize, out: ArrayViewMutD<'_, T>) {
    fits(x.shape(), out.shape());
    let (x, out) = (axis_last(x, axis), axis_last(out, axis));
    map_rows_into(x, |_, row| log_softmax_in_place(row), out);
}

/// The gradient of [`softmax`]: `y (dy - Σ y dy)`, where `y` is its value.
///
/// # Panics
///
/// If the shapes differ or the axis is out of range.
#[track_caller]
pub fn softmax_vjp<T: Float>(
    y: ArrayViewD<'_, T>,
    dy: ArrayViewD<'_, T>,
    axis: usize,
) -> ArrayD<T> {
    same_shape(&y, &dy);
    along(axis, [y, dy], |[y, dy]| {
        map_row_pairs(y, dy, |y, dx| {
            let mean = dot(y, dx);
            run(SoftmaxVjpRow { y, dx, mean });
        })
    })
}

/// The gradient of [`log_softmax`]: `dy - e^y Σ dy`, where `y` is its value.
///
/// # Panics
///
/// If the shapes differ or the axis is out of range.
#[track_caller]
pub fn log_softmax_vjp<T: Float>(
    y: ArrayViewD<'_, T>,
    dy: ArrayViewD<'_, T>,
    axis: usize,
) -> ArrayD<T> {
    same_shape(&y, &dy);
    along(axis, [y, dy], |[y, dy]| {
        map_row_pairs(y, dy, |y, dx| {
            let total = sum_slice(dx);
            run(LogSoftmaxVjpRow { y, dx, total });
        })
    })
}

/// Softmax of one row, in place.
///
/// # Examples
///
/// ```
/// let mut x = [1.0f32, 1.0];
/// ulp_tensor::softmax_in_place(&mut x);
/// assert_eq!(x, [0.5, 0.5]);
/// ```
pub fn softmax_in_place<T: Float>(x: &mut [T]) {
    scaled_softmax_in_place(x, T::ONE);
}

/// softmax(scale · x), in place.
pub(crate) fn scaled_softmax_in_place<T: Float>(x: &mut [T], scale: T) {
    if x.len() <= BLOCK {
        return run(SoftmaxRow { x, scale });
    }
    run(Scale { x, scale });
    let max = max_slice(x);
    let total = exponentials(x, max);
    run(DivideBy { x, total });
}

/// e^(x - max) in place; its value is their sum, by the fixed tree.
pub(crate) fn exponentials<T: Float>(x: &mut [T], max: T) -> T {
    tree(x.chunks_mut(BLOCK).map(|x| run(ExpShifted { x, max })))
}

/// The logarithm of the softmax of one row, in place.
pub fn log_softmax_in_place<T: Float>(x: &mut [T]) {
    let max = max_slice(x);
    let shift = log_sum_exp_shifted(x, max);
    run(Shift { x, max, shift });
}

/// log Σ e^(x[i] - max), by the fixed tree.
pub(crate) fn log_sum_exp_shifted<T: Float>(x: &[T], max: T) -> T {
    tree(x.chunks(BLOCK).map(|x| run(ExpSum { x, max }))).log()
}

/// Softmax of scale · x in place, for a row of at most one block.
struct SoftmaxRow<'a, T> {
    x: &'a mut [T],
    scale: T,
}

impl<T: Float> Kernel for SoftmaxRow<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let SoftmaxRow { x, scale } = self;
        Scale { x, scale }.run();
        let total = ExpRow(x).run();
        DivideBy { x, total }.run();
    }
}

struct Scale<'a, T> {
    x: &'a mut [T],
    scale: T,
}

impl<T: Float> Kernel for Scale<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        if self.scale != T::ONE {
            for x in self.x.iter_mut() {
                *x *= self.scale;
            }
        }
    }
}

/// e^(x - max) in place, for one block; its value is their sum.
struct ExpShifted<'a, T> {
    x: &'a mut [T],
    max: T,
}

impl<T: Float> Kernel for ExpShifted<'_, T> {
    type Output = T;
    #[inline(always)]
    fn run(self) -> T {
        let mut lanes = [T::ZERO; LANES];
        // Piece by piece, so that the sum finds the exponentials in registers or the first cache.
        for x in self.x.chunks_mut(PIECE) {
            for x in x.iter_mut() {
                *x = (*x - self.max).exp();
            }
            add_to_lanes(&mut lanes, x);
        }
        fold(lanes)
    }
}

/// Σ e^(x - max) of one block.
struct ExpSum<'a, T> {
    x: &'a [T],
    max: T,
}

impl<T: Float> Kernel for ExpSum<'_, T> {
    type Output = T;
    #[inline(always)]
    fn run(self) -> T {
        let mut lanes = [T::ZERO; LANES];
        let mut piece = [T::ZERO; PIECE];
        for x in self.x.chunks(PIECE) {
            let piece = &mut piece[..x.len()];
            for (e, &x) in piece.iter_mut().zip(x) {
                *e = (x - self.max).exp();
            }
            add_to_lanes(&mut lanes, piece);
        }
        fold(lanes)
    }
}

/// A multiple of the lanes.
const PIECE: usize = 256;

/// x / total, in place.
struct DivideBy<'a, T> {
    x: &'a mut [T],
    total: T,
}

impl<T: Float> Kernel for DivideBy<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for x in self.x.iter_mut() {
            *x /= self.total;
        }
    }
}

struct Shift<'a, T> {
    x: &'a mut [T],
    max: T,
    shift: T,
}

impl<T: Float> Kernel for Shift<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for x in self.x.iter_mut() {
            *x = (*x - self.max) - self.shift;
        }
    }
}

pub(crate) struct SoftmaxVjpRow<'a, T> {
    pub(crate) y: &'a [T],
    pub(crate) dx: &'a mut [T],
    pub(crate) mean: T,
}

impl<T: Float> Kernel for SoftmaxVjpRow<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (dx, &y) in self.dx.iter_mut().zip(self.y) {
            *dx = y * (*dx - self.mean);
        }
    }
}

struct LogSoftmaxVjpRow<'a, T> {
    y: &'a [T],
    dx: &'a mut [T],
    total: T,
}

impl<T: Float> Kernel for LogSoftmaxVjpRow<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (dx, &y) in self.dx.iter_mut().zip(self.y) {
            *dx -= y.exp() * self.total;
        }
    }
}

#[track_caller]
fn same_shape<T>(y: &ArrayViewD<'_, T>, dy: &ArrayViewD<'_, T>) {
    assert!(y.shape() == dy.shape(), "y {:?} and dy {:?} differ", y.shape(), dy.shape());
}

/// Copies `dy` and applies `f(y row, dx row)` to each pair of rows.
fn map_row_pairs<T: Float>(
    y: ArrayViewD<'_, T>,
    dy: ArrayViewD<'_, T>,
    f: impl Fn(&[T], &mut [T]) + Sync,
) -> ArrayD<T> {
    let n = y.shape().last().copied().unwrap_or(1);
    let (ys, dys) = (Strided::new(&y), Strided::new(&dy));
    let data = collect(y.len(), rows_in_chunk(n) * n, |start, out: &mut Out<T>| {
        let (mut y_buffer, mut dy_buffer) = (Vec::new(), Vec::new());
        for index in start / n..(start + out.len()) / n {
            let dx = out.copy(row(&dys, index, n, &mut dy_buffer));
            f(row(&ys, index, n, &mut y_buffer), dx);
        }
    });
    shaped(y.shape(), data)
}

/// Runs `f` on the views with `axis` moved last, and moves it back.
#[track_caller]
fn along<T: Float, const N: usize>(
    axis: usize,
    views: [ArrayViewD<'_, T>; N],
    f: impl FnOnce([ArrayViewD<'_, T>; N]) -> ArrayD<T>,
) -> ArrayD<T> {
    let ndim = views[0].ndim();
    let last = axis + 1 == ndim;
    let mut result = f(views.map(|view| axis_last(view, axis)));
    if last {
        return result;
    }
    result.swap_axes(axis, ndim - 1);
    copy(result.view())
}

/// The view with `axis` and its last axis exchanged.
#[track_caller]
fn axis_last<S: RawData>(mut view: ArrayBase<S, IxDyn>, axis: usize) -> ArrayBase<S, IxDyn> {
    assert!(axis < view.ndim(), "axis {axis} of an array of shape {:?}", view.shape());
    let last = view.ndim() - 1;
    view.swap_axes(axis, last);
    view
}
