use crate::OptimError;
use crate::rule::require;

/// The learning rate as a function of the step alone, so that a resumed run needs no state for it.
pub trait Schedule {
    /// The rate for `step`, counted from zero.
    fn learning_rate(&self, step: u64) -> f64;
}

/// The same rate at every step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant(pub f64);

impl Schedule for Constant {
    fn learning_rate(&self, _step: u64) -> f64 {
        self.0
    }
}

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

/// `cos πx` for x in [0, 1], by multiplications and additions only: a system's cosine may differ
/// in the last bit between systems, and the learning rate reaches every weight.
fn cos_pi(x: f64) -> f64 {
    if x > 0.5 {
        return -cos_pi(1.0 - x);
    }
    // Taylor's series on [0, π/4]: the first term left out is below 2^-58.
    let series = |y: f64, first: u32| {
        let square = y * y;
        (0..9_u32).rev().fold(1.0, |sum, k| {
            let n = f64::from(2 * k + first);
            1.0 - square / (n * (n + 1.0)) * sum
        })
    };
    if x <= 0.25 {
        series(std::f64::consts::PI * x, 1)
    } else {
        let y = std::f64::consts::PI * (0.5 - x);
        y * series(y, 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cos_pi_is_the_cosine() {
        for i in 0..=1000 {
            let x = f64::from(i) / 1000.0;
            let error = (cos_pi(x) - (std::f64::consts::PI * x).cos()).abs();
            // Half an ulp of one for the argument's and each side's rounding.
            assert!(error <= 4.0 * f64::EPSILON, "{x}: {error}");
        }
    }
}
