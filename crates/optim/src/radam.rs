use ulp_tensor::Float;

use crate::hyperparameters::{hyperparameters, require_not_negative, require_shares};
use crate::power::power;
use crate::{OptimError, Rule, Update};

/// Rectified Adam ([Liu et al. 2019](https://arxiv.org/abs/1908.03265)): as long as the mean square
/// rests on few gradients, steps go by the mean gradient alone: a warm-up without a schedule
/// ([PyTorch's definition](https://docs.pytorch.org/docs/stable/generated/torch.optim.RAdam.html)).
///
/// ```text
/// g ← ∇ + weight_decay·p;  m, v as Adam's
/// ρ∞ = 2/(1 − β₂) − 1;  ρ = ρ∞ − 2t·β₂ᵗ/(1 − β₂ᵗ)
/// r ← √((ρ − 4)(ρ − 2)ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)ρ)) · √(1 − β₂ᵗ)/(√v + eps)    ρ > 5
/// r ← 1                                                                   otherwise
/// p ← p − learning_rate·m/(1 − β₁ᵗ)·r
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RAdam {
    /// The step's length.
    pub learning_rate: f64,
    /// β₁: how much of the mean gradient stays.
    pub beta1: f64,
    /// β₂: how much of the mean squared gradient stays.
    pub beta2: f64,
    /// Keeps the divisor away from zero.
    pub eps: f64,
    /// The weight of the penalty ½‖p‖².
    pub weight_decay: f64,
}

impl Default for RAdam {
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 }
    }
}

impl Rule for RAdam {
    const KIND: &'static str = "radam";
    const SLOTS: &'static [&'static str] = &["exp_avg", "exp_avg_sq"];

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
        RAdamUpdate {
            weight_decay: T::from_f64(self.weight_decay),
            mean_weight: T::from_f64(1.0 - self.beta1),
            beta2: T::from_f64(self.beta2),
            square_weight: T::from_f64(1.0 - self.beta2),
            eps: T::from_f64(self.eps),
            step_size: T::from_f64(self.learning_rate / (1.0 - power(self.beta1, step))),
            rectified: self.rectification(step).map(T::from_f64),
        }
    }
}

impl RAdam {
    /// The factor on `1/(√v + eps)`, or `None` while the mean square is not to be trusted.
    fn rectification(&self, step: u64) -> Option<f64> {
        let longest = 2.0 / (1.0 - self.beta2) - 1.0;
        let fading = power(self.beta2, step);
        let length = longest - 2.0 * step as f64 * fading / (1.0 - fading);
        (length > 5.0).then(|| {
            let ratio = (length - 4.0) * (length - 2.0) * longest
                / ((longest - 4.0) * (longest - 2.0) * length);
            ratio.sqrt() * (1.0 - fading).sqrt()
        })
    }
}

struct RAdamUpdate<T> {
    weight_decay: T,
    mean_weight: T,
    beta2: T,
    square_weight: T,
    eps: T,
    step_size: T,
    rectified: Option<T>,
}

impl<T: Float> Update<T> for RAdamUpdate<T> {
    #[inline(always)]
    fn apply(&self, parameter: &mut [T], gradient: &[T], state: &mut [&mut [T]]) {
        let [mean, square] = state else { unreachable!("RAdam has two slots") };
        let state = mean.iter_mut().zip(square.iter_mut());
        for ((p, g), (m, v)) in parameter.iter_mut().zip(gradient).zip(state) {
            let g = *g + self.weight_decay * *p;
            *m += self.mean_weight * (g - *m);
            *v = self.beta2 * *v + self.square_weight * g * g;
            let scale = match self.rectified {
                Some(factor) => factor / (v.sqrt() + self.eps),
                None => T::ONE,
            };
            *p -= self.step_size * *m * scale;
        }
    }
}
