use super::Schedule;
use crate::OptimError;
use crate::hyperparameters::require;

/// A linear rise, then a fall with the root of the step: no end needs to be known
/// ([Vaswani et al. 2017](https://arxiv.org/abs/1706.03762), section 5.3).
///
/// ```text
/// peak·min((s + 1)/warmup, √(warmup/(s + 1)))
/// ```
///
/// # Examples
///
/// ```
/// use ulp_optim::{Schedule, WarmupInverseSqrt};
///
/// let schedule = WarmupInverseSqrt::new(1.0, 100)?;
/// assert_eq!(schedule.learning_rate(49), 0.5);
/// assert_eq!(schedule.learning_rate(99), 1.0);
/// assert_eq!(schedule.learning_rate(399), 0.5);
/// # Ok::<(), ulp_optim::OptimError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WarmupInverseSqrt {
    peak: f64,
    warmup: u64,
}

impl WarmupInverseSqrt {
    /// `warmup` steps up to `peak`.
    ///
    /// # Errors
    ///
    /// [`OptimError::Hyperparameter`] unless `0 ≤ peak < ∞` and `warmup > 0`.
    pub fn new(peak: f64, warmup: u64) -> Result<Self, OptimError> {
        require("peak", peak, peak >= 0.0 && peak.is_finite(), "finite and not negative")?;
        require("warmup", warmup as f64, warmup > 0, "positive")?;
        Ok(Self { peak, warmup })
    }
}

impl Schedule for WarmupInverseSqrt {
    fn learning_rate(&self, step: u64) -> f64 {
        let part = (step + 1) as f64 / self.warmup as f64;
        self.peak * part.min((1.0 / part).sqrt())
    }
}
