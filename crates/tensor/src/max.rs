//! Maxima.

use ndarray::{ArrayD, ArrayViewD};

use crate::simd::out::{CHUNK, collect};
use crate::simd::strided::Strided;
use crate::simd::{Kernel, run};
use crate::sum::{LANES, Reduction};
use crate::{Float, map};

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
    let given = x.shape().to_vec();
    let Reduction { view, shape, outputs, terms } = Reduction::new(x, axes, keep);
    assert!(terms > 0 || outputs == 0, "a maximum over no elements: axes {axes:?} of {given:?}");
    let strided = Strided::new(&view);
    let data = collect(outputs, (CHUNK / terms.max(1)).max(1), |start, out| {
        let mut buffer = Vec::new();
        for o in start..start + out.len() {
            let value = match strided.contiguous(o * terms, terms) {
                Some(x) => max_slice(x),
                None => {
                    buffer.resize(terms, T::ZERO);
                    max_slice(strided.get(o * terms, terms, &mut buffer))
                }
            };
            out.copy(&[value]);
        }
    });
    map::shaped(&shape, data)
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
        // A NaN is taken (`x != x`), and is then kept: nothing compares greater.
        let larger = |x: T, lane: T| if (x > lane) | x.is_nan() { x } else { lane };
        for x in whole {
            for j in 0..LANES {
                lanes[j] = larger(x[j], lanes[j]);
            }
        }
        for (lane, &x) in lanes.iter_mut().zip(rest) {
            *lane = larger(x, *lane);
        }
        lanes.into_iter().fold(T::NEG_INFINITY, |max, lane| larger(lane, max))
    }
}
