use super::Schedule;
use crate::OptimError;
use crate::hyperparameters::require;
use crate::power::power;

/// A factor at each of the given steps, as PyTorch's
/// [MultiStepLR](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiStepLR.html).
///
/// ```text
/// start·factorⁿ      n: how many of the steps lie at or before s
/// ```
///
/// # Examples
///
/// ```
/// use ulp_optim::{Schedule, StepDecay};
///
/// let schedule = StepDecay::new(1.0, 0.5, &[10, 30])?;
/// assert_eq!([9, 10, 29, 30].map(|s| schedule.learning_rate(s)), [1.0, 0.5, 0.5, 0.25]);
/// # Ok::<(), ulp_optim::OptimError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct StepDecay {
    start: f64,
    factor: f64,
    /// Ascending.
    steps: Vec<u64>,
}

impl StepDecay {
    /// `start`, times `factor` at each of `steps`, in any order.
    ///
    /// # Errors
    ///
    /// [`OptimError::Hyperparameter`] unless both are finite and not negative.
    pub fn new(start: f64, factor: f64, steps: &[u64]) -> Result<Self, OptimError> {
        for (name, value) in [("start", start), ("factor", factor)] {
            require(name, value, value >= 0.0 && value.is_finite(), "finite and not negative")?;
        }
        let mut steps = steps.to_vec();
        steps.sort_unstable();
        Ok(Self { start, factor, steps })
    }
}

impl Schedule for StepDecay {
    fn learning_rate(&self, step: u64) -> f64 {
        let passed = self.steps.partition_point(|at| *at <= step);
        self.start * power(self.factor, passed as u64)
    }
}
