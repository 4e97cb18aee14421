use rayon::prelude::*;
use ulp_tensor::ndarray::{ArrayViewD, ArrayViewMutD};

use ulp_tensor::Float;
use ulp_tensor::simd::{self, Kernel};

use crate::OptimError;

/// Elements of one block of the sum.
const BLOCK: usize = 4096;

/// Lanes of a block's sum: lane j takes elements j, j + 16, ... in ascending order.
const LANES: usize = 16;

/// The Euclidean norm of all arrays together, `√Σ g²`.
///
/// # Accuracy
///
/// Squares and sums are f64, in one fixed tree: each array is cut into blocks of 4096 elements,
/// a block is summed in 16 lanes, and all blocks' sums are added pairwise in order. The same bits
/// at any number of threads. Squares beyond f64's range give infinity.
pub fn global_norm<T: Float>(arrays: &[ArrayViewD<'_, T>]) -> f64 {
    let mut sums = Vec::new();
    for array in arrays {
        let array = array.as_standard_layout();
        let values = array.as_slice().expect("standard layout");
        sums.par_extend(values.par_chunks(BLOCK).map(|block| simd::run(SquareSum { block })));
    }
    pairwise(&sums).sqrt()
}

/// Scales all gradients by `max_norm / (norm + 1e-6)` if that is below one, and returns the norm
/// before ([PyTorch's definition](https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html)).
///
/// # Errors
///
/// [`OptimError::NormNotFinite`] leaves the gradients as they were;
/// [`OptimError::Hyperparameter`] for a `max_norm` that is not positive.
///
/// # Examples
///
/// ```
/// let mut g = ulp_tensor::ndarray::array![3.0_f64, 4.0].into_dyn();
/// assert_eq!(ulp_optim::clip_global_norm(&mut [g.view_mut()], 1.0)?, 5.0);
/// assert!((g[0] - 0.6).abs() < 1e-6);
/// # Ok::<(), ulp_optim::OptimError>(())
/// ```
pub fn clip_global_norm<T: Float>(
    gradients: &mut [ArrayViewMutD<'_, T>],
    max_norm: f64,
) -> Result<f64, OptimError> {
    crate::hyperparameters::require("max_norm", max_norm, max_norm > 0.0, "positive")?;
    let views: Vec<_> = gradients.iter().map(|gradient| gradient.view()).collect();
    let norm = global_norm(&views);
    if !norm.is_finite() {
        return Err(OptimError::NormNotFinite { norm });
    }
    let factor = max_norm / (norm + 1e-6);
    if factor < 1.0 {
        let factor = T::from_f64(factor);
        for gradient in gradients {
            match gradient.as_slice_memory_order_mut() {
                Some(values) => values.par_chunks_mut(BLOCK).for_each(|block| {
                    block.iter_mut().for_each(|g| *g *= factor);
                }),
                None => gradient.iter_mut().for_each(|g| *g *= factor),
            }
        }
    }
    Ok(norm)
}

/// Moves every element of every gradient into `[-limit, limit]`
/// ([PyTorch's definition](https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_value_.html));
/// a NaN stays one.
///
/// # Errors
///
/// [`OptimError::Hyperparameter`] for a limit that is negative or not a number.
///
/// # Examples
///
/// ```
/// let mut g = ulp_tensor::ndarray::array![3.0_f64, -0.5].into_dyn();
/// ulp_optim::clip_value(&mut [g.view_mut()], 1.0)?;
/// assert_eq!((g[0], g[1]), (1.0, -0.5));
/// # Ok::<(), ulp_optim::OptimError>(())
/// ```
pub fn clip_value<T: Float>(
    gradients: &mut [ArrayViewMutD<'_, T>],
    limit: f64,
) -> Result<(), OptimError> {
    crate::hyperparameters::require("limit", limit, limit >= 0.0, "not negative")?;
    let limit = T::from_f64(limit);
    for gradient in gradients {
        gradient.map_inplace(|g| {
            if *g > limit {
                *g = limit;
            } else if *g < -limit {
                *g = -limit;
            }
        });
    }
    Ok(())
}

/// The sum of a block's squares.
struct SquareSum<'a, T> {
    block: &'a [T],
}

impl<T: Float> Kernel for SquareSum<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let mut lanes = [0.0_f64; LANES];
        for stretch in self.block.chunks(LANES) {
            for (lane, value) in lanes.iter_mut().zip(stretch) {
                let value = value.to_f64();
                *lane += value * value;
            }
        }
        let mut width = LANES / 2;
        while width > 0 {
            for j in 0..width {
                lanes[j] += lanes[j + width];
            }
            width /= 2;
        }
        lanes[0]
    }
}

/// Left half plus right half, the left one a power of two long.
fn pairwise(sums: &[f64]) -> f64 {
    match sums {
        [] => 0.0,
        [sum] => *sum,
        _ => {
            let (left, right) = sums.split_at(sums.len().next_power_of_two() / 2);
            pairwise(left) + pairwise(right)
        }
    }
}
