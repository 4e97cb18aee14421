use ulp_tensor::Float;

use crate::factor::Factor;
use crate::hyperparameters::{hyperparameters, require_not_negative, require_shares};
use crate::power::power;
use crate::{OptimError, Rule, Update};

/// Adam ([Kingma and Ba 2014](https://arxiv.org/abs/1412.6980)), with the weight decay as part of
/// the gradient ([PyTorch's definition](https://docs.pytorch.org/docs/stable/generated/torch.optim.Adam.html)).
///
/// ```text
/// g ← ∇ + weight_decay·p
/// m ← m + (1 − β₁)(g − m)
/// v ← β₂·v + (1 − β₂)·g²
/// p ← p − learning_rate/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + eps)
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Adam {
    /// The step's length.
    pub learning_rate: f64,
    /// β₁: how much of the mean gradient stays.
    pub beta1: f64,
    /// β₂: how much of the mean squared gradient stays.
    pub beta2: f64,
    /// Keeps the divisor away from zero.
    pub eps: f64,
    /// The weight of the penalty.
    pub weight_decay: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 }
    }
}

/// Adam with the weight decay beside the gradient
/// ([Loshchilov and Hutter 2017](https://arxiv.org/abs/1711.05101)): before [`Adam`]'s step, which
/// then sees the bare gradient, `p ← p·(1 − learning_rate·weight_decay)`.
#[derive(Debug, Clone, PartialEq)]
pub struct AdamW {
    /// The step's length.
    pub learning_rate: f64,
    /// β₁: how much of the mean gradient stays.
    pub beta1: f64,
    /// β₂: how much of the mean squared gradient stays.
    pub beta2: f64,
    /// Keeps the divisor away from zero.
    pub eps: f64,
    /// How much of a parameter fades in a step of length one.
    pub weight_decay: f64,
}

impl Default for AdamW {
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 1e-2 }
    }
}

/// The names of the state are PyTorch's.
const SLOTS: &[&str] = &["exp_avg", "exp_avg_sq"];

impl Rule for Adam {
    const KIND: &'static str = "adam";
    const SLOTS: &'static [&'static str] = SLOTS;

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
        AdamUpdate::new(self, step, 1.0, self.weight_decay)
    }
}

impl Rule for AdamW {
    const KIND: &'static str = "adamw";
    const SLOTS: &'static [&'static str] = SLOTS;

    hyperparameters!(learning_rate, beta1, beta2, eps, weight_decay);

    fn validate(&self) -> Result<(), OptimError> {
        self.as_adam().validate()
    }

    fn prepare<T: Float>(&self, step: u64, _first: bool) -> impl Update<T> {
        let keep = 1.0 - self.learning_rate * self.weight_decay;
        AdamUpdate::new(&self.as_adam(), step, keep, 0.0)
    }
}

impl AdamW {
    fn as_adam(&self) -> Adam {
        let Self { learning_rate, beta1, beta2, eps, weight_decay } = *self;
        Adam { learning_rate, beta1, beta2, eps, weight_decay }
    }
}

/// The constants of one step, each computed in f64 and rounded once, as PyTorch does.
struct AdamUpdate<T> {
    keep: T,
    penalty: T,
    mean_weight: Factor<T>,
    mean_is_near: bool,
    mean_rest: T,
    beta2: T,
    square_weight: T,
    root_correction: T,
    eps: T,
    step_size: Factor<T>,
}

impl<T: Float> AdamUpdate<T> {
    fn new(rule: &Adam, step: u64, keep: f64, penalty: f64) -> Self {
        let mean_weight = 1.0 - rule.beta1;
        Self {
            keep: T::from_f64(keep),
            penalty: T::from_f64(penalty),
            mean_weight: Factor::new(T::from_f64(mean_weight)),
            mean_is_near: mean_weight < 0.5,
            mean_rest: T::from_f64(1.0) - T::from_f64(mean_weight),
            beta2: T::from_f64(rule.beta2),
            square_weight: T::from_f64(1.0 - rule.beta2),
            root_correction: T::from_f64((1.0 - power(rule.beta2, step)).sqrt()),
            eps: T::from_f64(rule.eps),
            step_size: Factor::new(T::from_f64(
                rule.learning_rate / (1.0 - power(rule.beta1, step)),
            )),
        }
    }
}

impl<T: Float> Update<T> for AdamUpdate<T> {
    #[inline(always)]
    fn apply(&self, parameter: &mut [T], gradient: &[T], state: &mut [&mut [T]]) {
        let [mean, square] = state else { unreachable!("Adam has two slots") };
        let state = mean.iter_mut().zip(square.iter_mut());
        for ((p, g), (m, v)) in parameter.iter_mut().zip(gradient).zip(state) {
            let start = *p * self.keep;
            let g = *g + self.penalty * start;
            // The interpolation starts from its nearer end, as PyTorch's lerp does.
            let mean = if self.mean_is_near {
                *m + self.mean_weight.times(g - *m)
            } else {
                g - (g - *m) * self.mean_rest
            };
            let square = self.beta2 * *v + self.square_weight * g * g;
            let divisor = square.sqrt() / self.root_correction + self.eps;
            let step = self.step_size.times(mean) / divisor;
            // At the end: what is read again after it was written waits until it has reached the cache.
            (*m, *v, *p) = (mean, square, start - step);
        }
    }
}
