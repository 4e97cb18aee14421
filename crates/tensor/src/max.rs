//! Maxima.

use std::array::from_fn;
use std::hint::black_box;

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};

use crate::Float;
use crate::reduce::{Fold, reduce, reduce_into, refuse_nothing};
use crate::simd::{Kernel, run};
use crate::sum::LANES;

/// The maximum over `axes`, which are kept with length 1 if `keep`. It is NaN if any term is.
///
/// # Panics
///
/// If an axis is out of range or given twice, or if there are outputs without any term.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{max, ndarray::array};
///
/// let x = array![[1.0, 5.0], [3.0, 4.0]].into_dyn();
/// assert_eq!(max(x.view(), &[1], false), array![5.0, 4.0].into_dyn());
/// ```
#[track_caller]
pub fn max<T: Float>(x: ArrayViewD<'_, T>, axes: &[usize], keep: bool) -> ArrayD<T> {
    refuse_nothing("a maximum", &x, axes);
    reduce(Max, x, axes, keep)
}

/// [`max`] into `out`.
///
/// # Panics
///
/// As [`max`], or if `out` has another shape than the result.
#[track_caller]
pub fn max_into<T: Float>(
    x: ArrayViewD<'_, T>,
    axes: &[usize],
    keep: bool,
    out: ArrayViewMutD<'_, T>,
) {
    refuse_nothing("a maximum", &x, axes);
    reduce_into(Max, x, axes, keep, out);
}

/// [`max`], which is negative infinity where there are no terms.
#[track_caller]
pub(crate) fn max_or_lowest<T: Float>(
    x: ArrayViewD<'_, T>,
    axes: &[usize],
    keep: bool,
) -> ArrayD<T> {
    reduce(Max, x, axes, keep)
}

#[derive(Clone, Copy)]
struct Max;

impl<T: Float> Fold<T> for Max {
    fn start(self) -> T {
        T::NEG_INFINITY
    }
    #[inline(always)]
    fn take(self, lane: T, term: T) -> T {
        larger(term, lane)
    }
    #[inline(always)]
    fn join(self, left: T, right: T) -> T {
        larger(right, left)
    }
}

/// `x` if it is greater than `lane` or NaN; a NaN is kept, since nothing compares greater.
#[inline(always)]
fn larger<T: Float>(x: T, lane: T) -> T {
    if (x > lane) | x.is_nan() { x } else { lane }
}

/// The maximum of a slice: NaN if any element is, negative infinity if there is none.
///
/// # Examples
///
/// ```
/// assert_eq!(ulp_tensor::max_slice(&[1.0f32, 3.0, 2.0]), 3.0);
/// assert!(ulp_tensor::max_slice(&[1.0, f64::NAN]).is_nan());
/// ```
pub fn max_slice<T: Float>(x: &[T]) -> T {
    run(SliceMax(x))
}

/// The maximum of a slice.
pub(crate) struct SliceMax<'a, T>(pub(crate) &'a [T]);

impl<T: Float> Kernel for SliceMax<'_, T> {
    type Output = T;
    #[inline(always)]
    fn run(self) -> T {
        let (whole, rest) = self.0.as_chunks::<LANES>();
        let mut lanes = [T::NEG_INFINITY; LANES];
        // NaNs by themselves: a comparison for each of the two in turn would take three times as long.
        let mut nans = [T::ZERO; LANES];
        for x in whole {
            nans = from_fn(|j| if x[j].is_nan() { x[j] } else { nans[j] });
            lanes = from_fn(|j| if x[j] > lanes[j] { x[j] } else { lanes[j] });
        }
        // As in the joining of lanes: left to itself the compiler keeps single elements in registers.
        let (mut lanes, nans) = (black_box(lanes), black_box(nans));
        for (lane, nan) in lanes.iter_mut().zip(nans) {
            *lane = if nan.is_nan() { nan } else { *lane };
        }
        for (lane, &x) in lanes.iter_mut().zip(rest) {
            *lane = larger(x, *lane);
        }
        lanes.into_iter().fold(T::NEG_INFINITY, |max, lane| larger(lane, max))
    }
}
