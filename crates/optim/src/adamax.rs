use ulp_tensor::Float;

use crate::hyperparameters::{hyperparameters, require_not_negative, require_shares};
use crate::power::power;
use crate::{OptimError, Rule, Update};

/// AdaMax ([Kingma and Ba 2014](https://arxiv.org/abs/1412.6980), section 7.1): Adam with a fading
/// maximum in place of the mean square
/// ([PyTorch's definition](https://docs.pytorch.org/docs/stable/generated/torch.optim.Adamax.html)).
///
/// ```text
/// g ← ∇ + weight_decay·p
/// m ← m + (1 − β₁)(g − m)
/// u ← max(β₂·u, |g| + eps)
/// p ← p − learning_rate/(1 − β₁ᵗ) · m/u
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Adamax {
    /// The step's length.
    pub learning_rate: f64,
    /// β₁: how much of the mean gradient stays.
    pub beta1: f64,
    /// β₂: how much of the largest gradient stays.
    pub beta2: f64,
    /// Keeps the divisor away from zero.
    pub eps: f64,
    /// The weight of the penalty ½‖p‖².
    pub weight_decay: f64,
}

impl Default for Adamax {
    fn default() -> Self {
        Self { learning_rate: 2e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 }
    }
}

impl Rule for Adamax {
    const KIND: &'static str = "adamax";
    const SLOTS: &'static [&'static str] = &["exp_avg", "exp_inf"];

    hyperparameters!(learning_rate, beta1, beta2, eps, weight_decay);

    fn validate(&self) -> Result<(), OptimError> {
        require_shares(&[("beta1", self.beta1), ("beta2", self.beta2)])?;
        require_not_negative(&[
            ("learning_rate", self.learning_rate),
            ("eps", self.eps),
            ("weight_decay", self.weight_decay),
        ])
    }

    fn prepare<T: Float>(&self, step: u64, _first: bool) -> impl Update<T> {
        AdamaxUpdate {
            mean_weight: T::from_f64(1.0 - self.beta1),
            beta2: T::from_f64(self.beta2),
            eps: T::from_f64(self.eps),
            weight_decay: T::from_f64(self.weight_decay),
            step_size: T::from_f64(self.learning_rate / (1.0 - power(self.beta1, step))),
        }
    }
}

struct AdamaxUpdate<T> {
    mean_weight: T,
    beta2: T,
    eps: T,
    weight_decay: T,
    step_size: T,
}

impl<T: Float> Update<T> for AdamaxUpdate<T> {
    #[inline(always)]
    fn apply(&self, parameter: &mut [T], gradient: &[T], state: &mut [&mut [T]]) {
        let [mean, largest] = state else { unreachable!("AdaMax has two slots") };
        let state = mean.iter_mut().zip(largest.iter_mut());
        for ((p, g), (m, u)) in parameter.iter_mut().zip(gradient).zip(state) {
            let g = *g + self.weight_decay * *p;
            *m += self.mean_weight * (g - *m);
            *u = (self.beta2 * *u).maximum(g.abs() + self.eps);
            *p -= self.step_size * (*m / *u);
        }
    }
}
