use ulp_tensor::Float;

use crate::hyperparameters::{hyperparameters, require_not_negative, require_shares};
use crate::{OptimError, Rule, Update};

/// Lion ([Chen et al. 2023](https://arxiv.org/abs/2302.06675)): every element moves by the same
/// length, in the direction of a mean gradient; one array of state where Adam has two.
///
/// ```text
/// c ← β₁·m + (1 − β₁)·∇
/// p ← p·(1 − learning_rate·weight_decay) − learning_rate·sign(c)      sign(0) = 0
/// m ← β₂·m + (1 − β₂)·∇
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Lion {
    /// The step's length: three to ten times shorter than AdamW's.
    pub learning_rate: f64,
    /// β₁: how much of the mean gradient is in a step's direction.
    pub beta1: f64,
    /// β₂: how much of the mean gradient stays.
    pub beta2: f64,
    /// How much of a parameter fades in a step of length one.
    pub weight_decay: f64,
}

impl Default for Lion {
    fn default() -> Self {
        Self { learning_rate: 1e-4, beta1: 0.9, beta2: 0.99, weight_decay: 0.0 }
    }
}

impl Rule for Lion {
    const KIND: &'static str = "lion";
    const SLOTS: &'static [&'static str] = &["exp_avg"];

    hyperparameters!(learning_rate, beta1, beta2, weight_decay);

    fn validate(&self) -> Result<(), OptimError> {
        require_shares(&[("beta1", self.beta1), ("beta2", self.beta2)])?;
        require_not_negative(&[
            ("learning_rate", self.learning_rate),
            ("weight_decay", self.weight_decay),
        ])
    }

    fn prepare<T: Float>(&self, _step: u64, _first: bool) -> impl Update<T> {
        LionUpdate {
            keep: T::from_f64(1.0 - self.learning_rate * self.weight_decay),
            length: T::from_f64(self.learning_rate),
            beta1: T::from_f64(self.beta1),
            rest1: T::from_f64(1.0 - self.beta1),
            beta2: T::from_f64(self.beta2),
            rest2: T::from_f64(1.0 - self.beta2),
        }
    }
}

struct LionUpdate<T> {
    keep: T,
    length: T,
    beta1: T,
    rest1: T,
    beta2: T,
    rest2: T,
}

impl<T: Float> Update<T> for LionUpdate<T> {
    #[inline(always)]
    fn apply(&self, parameter: &mut [T], gradient: &[T], state: &mut [&mut [T]]) {
        let [mean] = state else { unreachable!("Lion has one slot") };
        for ((p, &g), m) in parameter.iter_mut().zip(gradient).zip(mean.iter_mut()) {
            let direction = self.beta1 * *m + self.rest1 * g;
            // A zero moves nothing; a NaN stays one and is seen.
            let step = if direction > T::ZERO {
                self.length
            } else if direction < T::ZERO {
                -self.length
            } else {
                direction
            };
            *p = *p * self.keep - step;
            *m = self.beta2 * *m + self.rest2 * g;
        }
    }
}
