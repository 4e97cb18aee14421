use ulp_tensor::Float;

use super::Schedule;
use crate::OptimError;
use crate::hyperparameters::require;

/// A fall to zero along a power, as PyTorch's
/// [PolynomialLR](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.PolynomialLR.html);
/// linear with the power 1.
///
/// ```text
/// start·(1 − s/total)^power      s < total
/// 0                              after it
/// ```
///
/// # Examples
///
/// ```
/// use ulp_optim::{Polynomial, Schedule};
///
/// let schedule = Polynomial::new(1.0, 2.0, 10)?;
/// assert_eq!(schedule.learning_rate(5), 0.25);
/// assert_eq!(schedule.learning_rate(11), 0.0);
/// # Ok::<(), ulp_optim::OptimError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Polynomial {
    start: f64,
    power: f64,
    total: u64,
}

impl Polynomial {
    /// From `start` to zero in `total` steps.
    ///
    /// # Errors
    ///
    /// [`OptimError::Hyperparameter`] unless `0 ≤ start < ∞`, `0 ≤ power < ∞` and `total > 0`.
    pub fn new(start: f64, power: f64, total: u64) -> Result<Self, OptimError> {
        for (name, value) in [("start", start), ("power", power)] {
            require(name, value, value >= 0.0 && value.is_finite(), "finite and not negative")?;
        }
        require("total", total as f64, total > 0, "positive")?;
        Ok(Self { start, power, total })
    }
}

impl Schedule for Polynomial {
    fn learning_rate(&self, step: u64) -> f64 {
        if step >= self.total {
            return 0.0;
        }
        // The tensors' own power: the platform's may differ in the last bit between systems.
        self.start * Float::pow((self.total - step) as f64 / self.total as f64, self.power)
    }
}
