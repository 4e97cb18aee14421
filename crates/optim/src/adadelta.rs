use ulp_tensor::Float;

use crate::hyperparameters::{hyperparameters, require_not_negative, require_shares};
use crate::{OptimError, Rule, Update};

/// Adadelta ([Zeiler 2012](https://arxiv.org/abs/1212.5701)): steps in the parameter's own units
/// ([PyTorch's definition](https://docs.pytorch.org/docs/stable/generated/torch.optim.Adadelta.html)).
///
/// ```text
/// g ← ∇ + weight_decay·p
/// v ← rho·v + (1 − rho)·g²
/// d ← √(u + eps)/√(v + eps)·g
/// u ← rho·u + (1 − rho)·d²
/// p ← p − learning_rate·d
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Adadelta {
    /// A factor on every step; the method itself has none.
    pub learning_rate: f64,
    /// How much of the mean squares stays.
    pub rho: f64,
    /// Keeps the divisor away from zero, and the first steps from being none.
    pub eps: f64,
    /// The weight of the penalty ½‖p‖².
    pub weight_decay: f64,
}

impl Default for Adadelta {
    fn default() -> Self {
        Self { learning_rate: 1.0, rho: 0.9, eps: 1e-6, weight_decay: 0.0 }
    }
}

impl Rule for Adadelta {
    const KIND: &'static str = "adadelta";
    const SLOTS: &'static [&'static str] = &["square_avg", "acc_delta"];

    hyperparameters!(learning_rate, rho, eps, weight_decay);

    fn validate(&self) -> Result<(), OptimError> {
        require_shares(&[("rho", self.rho)])?;
        require_not_negative(&[
            ("learning_rate", self.learning_rate),
            ("eps", self.eps),
            ("weight_decay", self.weight_decay),
        ])
    }

    fn prepare<T: Float>(&self, _step: u64, _first: bool) -> impl Update<T> {
        AdadeltaUpdate {
            learning_rate: T::from_f64(self.learning_rate),
            rho: T::from_f64(self.rho),
            rest: T::from_f64(1.0 - self.rho),
            eps: T::from_f64(self.eps),
            weight_decay: T::from_f64(self.weight_decay),
        }
    }
}

struct AdadeltaUpdate<T> {
    learning_rate: T,
    rho: T,
    rest: T,
    eps: T,
    weight_decay: T,
}

impl<T: Float> Update<T> for AdadeltaUpdate<T> {
    #[inline(always)]
    fn apply(&self, parameter: &mut [T], gradient: &[T], state: &mut [&mut [T]]) {
        let [square, moved] = state else { unreachable!("Adadelta has two slots") };
        let state = square.iter_mut().zip(moved.iter_mut());
        for ((p, g), (v, u)) in parameter.iter_mut().zip(gradient).zip(state) {
            let g = *g + self.weight_decay * *p;
            *v = self.rho * *v + self.rest * g * g;
            let delta = (*u + self.eps).sqrt() / (*v + self.eps).sqrt() * g;
            *u = self.rho * *u + self.rest * delta * delta;
            *p -= self.learning_rate * delta;
        }
    }
}
