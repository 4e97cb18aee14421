use super::Schedule;
use super::cos_pi::cos_pi;
use crate::OptimError;
use crate::hyperparameters::require;

/// One rise and one long fall, each half a cosine
/// ([Smith and Topin 2017](https://arxiv.org/abs/1708.07120); PyTorch's
/// [OneCycleLR](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html)
/// with its defaults): up from `peak/25` over the first 30 % of the steps, then down to `peak/25/10⁴`.
///
/// # Examples
///
/// ```
/// use ulp_optim::{OneCycle, Schedule};
///
/// let schedule = OneCycle::new(1.0, 101)?;
/// assert!((schedule.learning_rate(0) - 0.04).abs() < 1e-15);
/// assert!(schedule.learning_rate(29) > 0.99);
/// assert!(schedule.learning_rate(100) < 1e-5);
/// # Ok::<(), ulp_optim::OptimError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OneCycle {
    peak: f64,
    total: u64,
}

/// PyTorch's `div_factor`, `final_div_factor` and `pct_start`.
const START_DIVISOR: f64 = 25.0;
const END_DIVISOR: f64 = 1e4;
const RISING: f64 = 0.3;

impl OneCycle {
    /// One cycle of `total` steps.
    ///
    /// # Errors
    ///
    /// [`OptimError::Hyperparameter`] unless `0 ≤ peak < ∞` and there are at least 7 steps, of
    /// which two rise.
    pub fn new(peak: f64, total: u64) -> Result<Self, OptimError> {
        require("peak", peak, peak >= 0.0 && peak.is_finite(), "finite and not negative")?;
        require("total", total as f64, total >= 7, "at least 7")?;
        Ok(Self { peak, total })
    }
}

impl Schedule for OneCycle {
    fn learning_rate(&self, step: u64) -> f64 {
        let start = self.peak / START_DIVISOR;
        let end = start / END_DIVISOR;
        let (top, last) = (RISING * self.total as f64 - 1.0, (self.total - 1) as f64);
        let step = (step as f64).min(last);
        let (from, to, part) = if step <= top {
            (start, self.peak, step / top)
        } else {
            (self.peak, end, (step - top) / (last - top))
        };
        to + (from - to) / 2.0 * (1.0 + cos_pi(part))
    }
}
