use ulp_tensor::Float;
use ulp_tensor::ndarray::ArrayViewMutD;

use crate::OptimError;
use crate::hyperparameters::require;

/// A factor on the loss that keeps the gradients of 16-bit values above the smallest that they can
/// hold, found while training
/// ([Micikevicius et al. 2017](https://arxiv.org/abs/1710.03740), section 3.2; PyTorch's
/// [GradScaler](https://docs.pytorch.org/docs/stable/amp.html#gradient-scaling)).
///
/// The loss is multiplied by [`LossScale::scale`] before the backward pass.
/// [`LossScale::unscale`] divides the gradients again. If one of them is infinite or not a number
/// the step is to be left out and the scale is halved; after `interval` good steps it is doubled.
/// All scales are powers of two if the first one is, so that scaling rounds nothing.
///
/// # Examples
///
/// ```
/// use ulp_optim::LossScale;
/// use ulp_tensor::ndarray::array;
///
/// let mut scale = LossScale::new(1024.0, 2000)?;
/// let mut gradient = array![512.0_f32, -1.0].into_dyn();
/// assert!(scale.unscale(&mut [gradient.view_mut()]));
/// assert_eq!(gradient[0], 0.5);
///
/// let mut overflowed = array![f32::INFINITY, 1.0].into_dyn();
/// assert!(!scale.unscale(&mut [overflowed.view_mut()]), "leave this step out");
/// assert_eq!(scale.scale(), 512.0);
/// # Ok::<(), ulp_optim::OptimError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossScale {
    scale: f64,
    interval: u64,
    good_steps: u64,
}

/// PyTorch's first scale.
const FIRST: f64 = 65536.0;
/// PyTorch's number of good steps before the scale grows.
const INTERVAL: u64 = 2000;
/// Beyond it a scale no longer fits an f32.
const LARGEST: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0; // 2^127

impl Default for LossScale {
    fn default() -> Self {
        Self { scale: FIRST, interval: INTERVAL, good_steps: 0 }
    }
}

impl LossScale {
    /// A scale that doubles after `interval` steps without an overflow.
    ///
    /// # Errors
    ///
    /// [`OptimError::Hyperparameter`] unless `0 < scale ≤ 2^127` and `interval > 0`.
    pub fn new(scale: f64, interval: u64) -> Result<Self, OptimError> {
        Self::restored(scale, interval, 0)
    }

    /// The scale of a run that was saved: [`LossScale::scale`], [`LossScale::interval`] and
    /// [`LossScale::good_steps`] are all of it.
    ///
    /// # Errors
    ///
    /// As [`LossScale::new`].
    pub fn restored(scale: f64, interval: u64, good_steps: u64) -> Result<Self, OptimError> {
        require("scale", scale, scale > 0.0 && scale <= LARGEST, "positive and at most 2^127")?;
        require("interval", interval as f64, interval > 0, "positive")?;
        Ok(Self { scale, interval, good_steps })
    }

    /// What the next loss is to be multiplied by.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Good steps after which the scale doubles.
    pub fn interval(&self) -> u64 {
        self.interval
    }

    /// Good steps since the scale changed.
    pub fn good_steps(&self) -> u64 {
        self.good_steps
    }

    /// Divides the gradients by the scale and adapts it. Returns whether all of them are finite;
    /// if not, they are to be thrown away.
    pub fn unscale<T: Float>(&mut self, gradients: &mut [ArrayViewMutD<'_, T>]) -> bool {
        let factor = T::from_f64(1.0 / self.scale);
        let mut finite = true;
        for gradient in gradients {
            gradient.map_inplace(|g| {
                finite &= g.is_finite();
                *g *= factor;
            });
        }
        self.adapt(finite);
        finite
    }

    fn adapt(&mut self, finite: bool) {
        if !finite {
            // A scale that reached the smallest number has nothing left to save.
            self.scale = (self.scale / 2.0).max(f64::MIN_POSITIVE);
            self.good_steps = 0;
            return;
        }
        self.good_steps += 1;
        if self.good_steps == self.interval {
            self.scale = (self.scale * 2.0).min(LARGEST);
            self.good_steps = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_after_good_steps_and_halves_after_bad_ones() {
        let mut scale = LossScale::new(4.0, 3).expect("legal");
        let seen = [true, true, true, false, true, true, false, true, true, true];
        let scales = seen.map(|finite| {
            scale.adapt(finite);
            scale.scale()
        });
        assert_eq!(scales, [4.0, 4.0, 8.0, 4.0, 4.0, 4.0, 2.0, 2.0, 2.0, 4.0]);
    }

    #[test]
    fn it_stays_a_number() {
        let mut scale = LossScale::new(LARGEST, 1).expect("legal");
        scale.adapt(true);
        assert_eq!(scale.scale(), LARGEST);
        (0..3000).for_each(|_| scale.adapt(false));
        assert!(scale.scale() > 0.0);
        assert!(LossScale::new(f64::NAN, 1).is_err() && LossScale::new(0.0, 1).is_err());
    }
}
