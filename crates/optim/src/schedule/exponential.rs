use super::Schedule;
use crate::OptimError;
use crate::hyperparameters::require;
use crate::power::power;

/// The same factor at every step, as PyTorch's
/// [ExponentialLR](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ExponentialLR.html):
/// `start·factorˢ`.
///
/// # Examples
///
/// ```
/// use ulp_optim::{Exponential, Schedule};
///
/// let schedule = Exponential::new(1.0, 0.5)?;
/// assert_eq!(schedule.learning_rate(3), 0.125);
/// # Ok::<(), ulp_optim::OptimError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exponential {
    start: f64,
    factor: f64,
}

impl Exponential {
    /// `start`, times `factor` at every step after the first.
    ///
    /// # Errors
    ///
    /// [`OptimError::Hyperparameter`] unless both are finite and not negative.
    pub fn new(start: f64, factor: f64) -> Result<Self, OptimError> {
        for (name, value) in [("start", start), ("factor", factor)] {
            require(name, value, value >= 0.0 && value.is_finite(), "finite and not negative")?;
        }
        Ok(Self { start, factor })
    }
}

impl Schedule for Exponential {
    fn learning_rate(&self, step: u64) -> f64 {
        self.start * power(self.factor, step)
    }
}
