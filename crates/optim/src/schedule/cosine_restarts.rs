use super::Schedule;
use super::cos_pi::cos_pi;
use crate::OptimError;
use crate::hyperparameters::require;

/// Half a cosine down, again and again, each time `growth` times as long
/// ([Loshchilov and Hutter 2016](https://arxiv.org/abs/1608.03983); PyTorch's
/// [CosineAnnealingWarmRestarts](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.html)).
///
/// ```text
/// floor + (peak − floor)/2·(1 + cos πs/n)      step s of a period of n
/// ```
///
/// # Examples
///
/// ```
/// use ulp_optim::{CosineRestarts, Schedule};
///
/// let schedule = CosineRestarts::new(1.0, 0.0, 10, 2)?;
/// assert_eq!([0, 5, 10, 20, 30].map(|s| schedule.learning_rate(s)), [1.0, 0.5, 1.0, 0.5, 1.0]);
/// # Ok::<(), ulp_optim::OptimError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CosineRestarts {
    peak: f64,
    floor: f64,
    first: u64,
    growth: u64,
}

impl CosineRestarts {
    /// From `peak` towards `floor` in `first` steps, then in `growth` times as many, and so on.
    ///
    /// # Errors
    ///
    /// [`OptimError::Hyperparameter`] unless `0 ≤ floor ≤ peak < ∞`, `first > 0`, `growth > 0`.
    pub fn new(peak: f64, floor: f64, first: u64, growth: u64) -> Result<Self, OptimError> {
        require("peak", peak, peak >= 0.0 && peak.is_finite(), "finite and not negative")?;
        require("floor", floor, (0.0..=peak).contains(&floor), "between 0 and the peak")?;
        require("first", first as f64, first > 0, "positive")?;
        require("growth", growth as f64, growth > 0, "positive")?;
        Ok(Self { peak, floor, first, growth })
    }

    /// The step within its period, and the period's length.
    fn place(&self, step: u64) -> (u64, u64) {
        if self.growth == 1 {
            return (step % self.first, self.first);
        }
        let (mut place, mut period) = (step, self.first);
        while place >= period {
            place -= period;
            period = period.saturating_mul(self.growth);
        }
        (place, period)
    }
}

impl Schedule for CosineRestarts {
    fn learning_rate(&self, step: u64) -> f64 {
        let (place, period) = self.place(step);
        let part = place as f64 / period as f64;
        self.floor + (self.peak - self.floor) / 2.0 * (1.0 + cos_pi(part))
    }
}
