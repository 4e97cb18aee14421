use super::Schedule;
use crate::OptimError;
use crate::hyperparameters::require;

/// A linear rise, a plateau, and a linear fall to a floor: the plateau's end can be chosen late
/// ([Hu et al. 2024](https://arxiv.org/abs/2404.06395), section 4).
///
/// ```text
/// peak·(s + 1)/warmup                            s < warmup
/// peak                                           s < total − decay
/// floor + (peak − floor)·(total − s)/decay       s < total
/// floor                                          after it
/// ```
///
/// # Examples
///
/// ```
/// use ulp_optim::{Schedule, WarmupStableDecay};
///
/// let schedule = WarmupStableDecay::new(1.0, 0.0, 10, 20, 100)?;
/// assert_eq!(schedule.learning_rate(4), 0.5);
/// assert_eq!(schedule.learning_rate(79), 1.0);
/// assert_eq!(schedule.learning_rate(90), 0.5);
/// assert_eq!(schedule.learning_rate(100), 0.0);
/// # Ok::<(), ulp_optim::OptimError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WarmupStableDecay {
    peak: f64,
    floor: f64,
    warmup: u64,
    decay: u64,
    total: u64,
}

impl WarmupStableDecay {
    /// `warmup` steps up to `peak`, and the last `decay` of `total` steps down to `floor`.
    ///
    /// # Errors
    ///
    /// [`OptimError::Hyperparameter`] unless `0 ≤ floor ≤ peak < ∞` and `warmup + decay ≤ total`.
    pub fn new(
        peak: f64,
        floor: f64,
        warmup: u64,
        decay: u64,
        total: u64,
    ) -> Result<Self, OptimError> {
        require("peak", peak, peak >= 0.0 && peak.is_finite(), "finite and not negative")?;
        require("floor", floor, (0.0..=peak).contains(&floor), "between 0 and the peak")?;
        let fits = warmup.checked_add(decay).is_some_and(|sum| sum <= total);
        require("decay", decay as f64, fits, "at most the total without the warm-up")?;
        Ok(Self { peak, floor, warmup, decay, total })
    }
}

impl Schedule for WarmupStableDecay {
    fn learning_rate(&self, step: u64) -> f64 {
        if step < self.warmup {
            return self.peak * (step + 1) as f64 / self.warmup as f64;
        }
        let left = self.total.saturating_sub(step);
        if left >= self.decay && left > 0 {
            return self.peak;
        }
        if left == 0 {
            return self.floor;
        }
        self.floor + (self.peak - self.floor) * left as f64 / self.decay as f64
    }
}
