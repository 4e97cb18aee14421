use super::Schedule;
use super::cos_pi::cos_pi;
use crate::OptimError;
use crate::hyperparameters::require;

/// A linear rise, then half a cosine down to a floor
/// ([Loshchilov and Hutter 2016](https://arxiv.org/abs/1608.03983), without restarts).
///
/// ```text
/// peak·(s + 1)/warmup                                      s < warmup
/// floor + (peak − floor)/2·(1 + cos π(s − warmup)/(total − warmup))   s < total
/// floor                                                    after it
/// ```
///
/// # Examples
///
/// ```
/// use ulp_optim::{Schedule, WarmupCosine};
///
/// let schedule = WarmupCosine::new(1.0, 0.1, 10, 110)?;
/// assert_eq!(schedule.learning_rate(0), 0.1);
/// assert_eq!(schedule.learning_rate(10), 1.0);
/// assert_eq!(schedule.learning_rate(60), 0.55);
/// assert_eq!(schedule.learning_rate(110), 0.1);
/// # Ok::<(), ulp_optim::OptimError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WarmupCosine {
    peak: f64,
    floor: f64,
    warmup: u64,
    total: u64,
}

impl WarmupCosine {
    /// `warmup` steps up to `peak`, then down to `floor` at step `total`.
    ///
    /// # Errors
    ///
    /// [`OptimError::Hyperparameter`] unless `0 ≤ floor ≤ peak < ∞` and `warmup ≤ total`.
    pub fn new(peak: f64, floor: f64, warmup: u64, total: u64) -> Result<Self, OptimError> {
        require("peak", peak, peak >= 0.0 && peak.is_finite(), "finite and not negative")?;
        require("floor", floor, (0.0..=peak).contains(&floor), "between 0 and the peak")?;
        require("warmup", warmup as f64, warmup <= total, "at most the total")?;
        Ok(Self { peak, floor, warmup, total })
    }
}

impl Schedule for WarmupCosine {
    fn learning_rate(&self, step: u64) -> f64 {
        if step < self.warmup {
            return self.peak * (step + 1) as f64 / self.warmup as f64;
        }
        if step >= self.total {
            return self.floor;
        }
        let part = (step - self.warmup) as f64 / (self.total - self.warmup) as f64;
        self.floor + (self.peak - self.floor) / 2.0 * (1.0 + cos_pi(part))
    }
}
