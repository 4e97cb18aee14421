use ulp_tensor::Float;

use crate::hyperparameters::{hyperparameters, require_not_negative};
use crate::{OptimError, Rule, Update};

/// Adagrad ([Duchi, Hazan and Singer 2011](https://jmlr.org/papers/v12/duchi11a.html)): each element's
/// step shrinks with all that it has moved
/// ([PyTorch's definition](https://docs.pytorch.org/docs/stable/generated/torch.optim.Adagrad.html)).
///
/// ```text
/// g ← ∇ + weight_decay·p
/// s ← s + g²                              s begins at initial_sum
/// p ← p − learning_rate/(1 + (t − 1)·learning_rate_decay) · g/(√s + eps)
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Adagrad {
    /// The step's length.
    pub learning_rate: f64,
    /// How fast all steps shrink together.
    pub learning_rate_decay: f64,
    /// The weight of the penalty ½‖p‖².
    pub weight_decay: f64,
    /// Where the sums of squares begin.
    pub initial_sum: f64,
    /// Keeps the divisor away from zero.
    pub eps: f64,
}

impl Default for Adagrad {
    fn default() -> Self {
        Self {
            learning_rate: 1e-2,
            learning_rate_decay: 0.0,
            weight_decay: 0.0,
            initial_sum: 0.0,
            eps: 1e-10,
        }
    }
}

impl Rule for Adagrad {
    const KIND: &'static str = "adagrad";
    const SLOTS: &'static [&'static str] = &["sum"];

    hyperparameters!(learning_rate, learning_rate_decay, weight_decay, initial_sum, eps);

    fn validate(&self) -> Result<(), OptimError> {
        require_not_negative(&self.hyperparameters())
    }

    fn prepare<T: Float>(&self, step: u64, first: bool) -> impl Update<T> {
        let shrunk = 1.0 + (step - 1) as f64 * self.learning_rate_decay;
        AdagradUpdate {
            step_size: T::from_f64(self.learning_rate / shrunk),
            weight_decay: T::from_f64(self.weight_decay),
            start: T::from_f64(if first { self.initial_sum } else { 0.0 }),
            eps: T::from_f64(self.eps),
        }
    }
}

struct AdagradUpdate<T> {
    step_size: T,
    weight_decay: T,
    /// Added to every sum: the initial one in the first step, nothing after it.
    start: T,
    eps: T,
}

impl<T: Float> Update<T> for AdagradUpdate<T> {
    #[inline(always)]
    fn apply(&self, parameter: &mut [T], gradient: &[T], state: &mut [&mut [T]]) {
        let [sums] = state else { unreachable!("Adagrad has one slot") };
        for ((p, g), s) in parameter.iter_mut().zip(gradient).zip(sums.iter_mut()) {
            let g = *g + self.weight_decay * *p;
            *s = (*s + self.start) + g * g;
            *p -= self.step_size * (g / (s.sqrt() + self.eps));
        }
    }
}
