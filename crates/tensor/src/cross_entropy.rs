//! Cross-entropy of logits and target classes.

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use crate::rows::{row, rows_in_chunk};
use crate::simd::out::{Out, collect, shaped};
use crate::simd::strided::Strided;
use crate::simd::{Kernel, run};
use crate::softmax::{exponentials, log_sum_exp_shifted};
use crate::{Float, max_slice, sum_slice};

/// The mean over the rows of -log softmax(logits)\[target\]; rows whose target is `ignore_index` do
/// not count. Without any row that counts it is NaN, as 0/0 is (PyTorch says the same).
///
/// # Shapes
///
/// `logits` [N, V], `targets` N -> a scalar of shape []
///
/// # Panics
///
/// If the number of targets is not N, or a target is neither below V nor `ignore_index`.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{cross_entropy, ndarray::array};
///
/// let logits = array![[0.0f64, 0.0], [5.0, -1.0]].into_dyn();
/// let loss = cross_entropy(logits.view(), &[1, 9], Some(9));
/// assert!((loss.sum() - 2.0f64.ln()).abs() < 1e-15);
/// ```
#[track_caller]
pub fn cross_entropy<T: Float>(
    logits: ArrayViewD<'_, T>,
    targets: &[u32],
    ignore_index: Option<u32>,
) -> ArrayD<T> {
    let v = classes(&logits, targets, ignore_index);
    let rows = Strided::new(&logits);
    let losses = collect(targets.len(), rows_in_chunk(v), |start, out: &mut Out<T>| {
        let mut buffer = Vec::new();
        for (index, &target) in targets.iter().enumerate().skip(start).take(out.len()) {
            let loss = if Some(target) == ignore_index {
                T::ZERO
            } else {
                row_loss(row(&rows, index, v, &mut buffer), target as usize)
            };
            out.copy(&[loss]);
        }
    });
    let loss = sum_slice(&losses) / T::from_usize(counted(targets, ignore_index));
    ArrayD::from_elem(IxDyn(&[]), loss)
}

/// The gradient of [`cross_entropy`] with respect to the logits:
/// `(softmax(logits) - one_hot(target)) · dy / count`, and 0 in rows that do not count.
///
/// # Shapes
///
/// `logits` [N, V], `targets` N, `dy` the gradient of the scalar -> [N, V]
#[track_caller]
pub fn cross_entropy_vjp<T: Float>(
    logits: ArrayViewD<'_, T>,
    targets: &[u32],
    ignore_index: Option<u32>,
    dy: T,
) -> ArrayD<T> {
    let v = classes(&logits, targets, ignore_index);
    let factor = dy / T::from_usize(counted(targets, ignore_index));
    let rows = Strided::new(&logits);
    let data = collect(logits.len(), rows_in_chunk(v) * v, |start, out: &mut Out<T>| {
        let mut buffer = Vec::new();
        let rows_of_part = out.len() / v;
        for (index, &target) in targets.iter().enumerate().skip(start / v).take(rows_of_part) {
            if Some(target) == ignore_index {
                out.fill(v, T::ZERO);
                continue;
            }
            let dx = out.copy(row(&rows, index, v, &mut buffer));
            row_gradient(dx, target as usize, factor);
        }
    });
    shaped(logits.shape(), data)
}

#[track_caller]
fn classes<T: Float>(
    logits: &ArrayViewD<'_, T>,
    targets: &[u32],
    ignore_index: Option<u32>,
) -> usize {
    assert!(
        logits.ndim() == 2 && logits.shape()[0] == targets.len(),
        "logits {:?} are not [{}, V] for {} targets",
        logits.shape(),
        targets.len(),
        targets.len()
    );
    let v = logits.shape()[1];
    check_targets(targets, v, ignore_index);
    v
}

/// Panics unless each target that counts is one of `v` classes.
#[track_caller]
pub(crate) fn check_targets(targets: &[u32], v: usize, ignore_index: Option<u32>) {
    for &target in targets {
        assert!(
            (target as usize) < v || Some(target) == ignore_index,
            "target {target} is not one of {v} classes"
        );
    }
}

pub(crate) fn counted(targets: &[u32], ignore_index: Option<u32>) -> usize {
    targets.iter().filter(|&&target| Some(target) != ignore_index).count()
}

/// `-log softmax(x)[target]`.
pub(crate) fn row_loss<T: Float>(x: &[T], target: usize) -> T {
    let max = max_slice(x);
    log_sum_exp_shifted(x, max) - (x[target] - max)
}

/// [`row_loss`]; the row becomes its gradient, `(softmax(x) - one_hot(target)) · factor`.
pub(crate) fn row_gradient<T: Float>(x: &mut [T], target: usize, factor: T) -> T {
    let max = max_slice(x);
    let picked = x[target] - max;
    let total = exponentials(x, max);
    let of_target = (x[target] / total - T::ONE) * factor;
    run(Share { x, total, factor });
    x[target] = of_target;
    total.log() - picked
}

/// x / total · factor, in place.
struct Share<'a, T> {
    x: &'a mut [T],
    total: T,
    factor: T,
}

impl<T: Float> Kernel for Share<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for x in self.x.iter_mut() {
            *x = *x / self.total * self.factor;
        }
    }
}
