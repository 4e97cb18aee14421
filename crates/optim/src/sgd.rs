use ulp_tensor::Float;

use crate::hyperparameters::{hyperparameters, require, require_not_negative};
use crate::{OptimError, Rule, Update};

/// Stochastic gradient descent with momentum
/// ([PyTorch's definition](https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html)).
///
/// ```text
/// g ← ∇ + weight_decay·p
/// b ← g                              in the first step
/// b ← momentum·b + (1 − dampening)·g after it
/// p ← p − learning_rate·(g + momentum·b)   nesterov
/// p ← p − learning_rate·b                  otherwise; without momentum b is g
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sgd {
    /// The step's length.
    pub learning_rate: f64,
    /// How much of the last step's direction stays.
    pub momentum: f64,
    /// How much of the gradient is kept from entering the momentum.
    pub dampening: f64,
    /// The weight of the penalty ½‖p‖².
    pub weight_decay: f64,
    /// Looks one momentum step ahead ([Sutskever et al. 2013](https://proceedings.mlr.press/v28/sutskever13.html)).
    pub nesterov: bool,
}

impl Default for Sgd {
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            momentum: 0.0,
            dampening: 0.0,
            weight_decay: 0.0,
            nesterov: false,
        }
    }
}

impl Rule for Sgd {
    const KIND: &'static str = "sgd";
    const SLOTS: &'static [&'static str] = &["momentum_buffer"];
    const ALWAYS: &'static [&'static str] = &[];

    hyperparameters!(learning_rate, momentum, dampening, weight_decay, nesterov);

    fn slots(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { Self::SLOTS }
    }

    fn validate(&self) -> Result<(), OptimError> {
        require_not_negative(&[
            ("learning_rate", self.learning_rate),
            ("momentum", self.momentum),
            ("weight_decay", self.weight_decay),
        ])?;
        require("dampening", self.dampening, self.dampening.is_finite(), "finite")?;
        let plain = self.momentum > 0.0 && self.dampening == 0.0;
        let rule = "positive, with dampening 0, for nesterov";
        require("momentum", self.momentum, plain || !self.nesterov, rule)
    }

    fn prepare<T: Float>(&self, _step: u64, first: bool) -> impl Update<T> {
        SgdUpdate {
            learning_rate: T::from_f64(self.learning_rate),
            momentum: T::from_f64(self.momentum),
            undamped: T::from_f64(1.0 - self.dampening),
            weight_decay: T::from_f64(self.weight_decay),
            nesterov: self.nesterov,
            first,
        }
    }
}

struct SgdUpdate<T> {
    learning_rate: T,
    momentum: T,
    undamped: T,
    weight_decay: T,
    nesterov: bool,
    first: bool,
}

impl<T: Float> Update<T> for SgdUpdate<T> {
    #[inline(always)]
    fn apply(&self, parameter: &mut [T], gradient: &[T], state: &mut [&mut [T]]) {
        let [buffer] = state else {
            for (p, g) in parameter.iter_mut().zip(gradient) {
                *p -= self.learning_rate * (*g + self.weight_decay * *p);
            }
            return;
        };
        for ((p, g), b) in parameter.iter_mut().zip(gradient).zip(buffer.iter_mut()) {
            let g = *g + self.weight_decay * *p;
            *b = if self.first { g } else { self.momentum * *b + self.undamped * g };
            let direction = if self.nesterov { g + self.momentum * *b } else { *b };
            *p -= self.learning_rate * direction;
        }
    }
}
