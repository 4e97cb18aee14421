use ulp_tensor::Float;

use crate::hyperparameters::{hyperparameters, require_not_negative, require_shares};
use crate::{OptimError, Rule, Update};

/// RMSProp (Hinton, [lecture 6e](https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf),
/// 2012), centred as in [Graves 2013](https://arxiv.org/abs/1308.0850) if asked for
/// ([PyTorch's definition](https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html)).
///
/// ```text
/// g ← ∇ + weight_decay·p
/// v ← alpha·v + (1 − alpha)·g²
/// a ← a + (1 − alpha)(g − a)            centered
/// d ← √max(v − a², 0) + eps             centered: rounding may leave less than 0
/// d ← √v + eps                          otherwise
/// b ← momentum·b + g/d;  p ← p − learning_rate·b
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RmsProp {
    /// The step's length.
    pub learning_rate: f64,
    /// How much of the mean squared gradient stays.
    pub alpha: f64,
    /// Keeps the divisor away from zero.
    pub eps: f64,
    /// The weight of the penalty ½‖p‖².
    pub weight_decay: f64,
    /// How much of the last step's direction stays.
    pub momentum: f64,
    /// Divides by the gradient's deviation instead of its size.
    pub centered: bool,
}

impl Default for RmsProp {
    fn default() -> Self {
        Self {
            learning_rate: 1e-2,
            alpha: 0.99,
            eps: 1e-8,
            weight_decay: 0.0,
            momentum: 0.0,
            centered: false,
        }
    }
}

impl Rule for RmsProp {
    const KIND: &'static str = "rmsprop";
    const SLOTS: &'static [&'static str] = &["square_avg", "grad_avg", "momentum_buffer"];
    const ALWAYS: &'static [&'static str] = &["square_avg"];

    hyperparameters!(learning_rate, alpha, eps, weight_decay, momentum, centered);

    fn slots(&self) -> &'static [&'static str] {
        match (self.centered, self.momentum > 0.0) {
            (false, false) => Self::ALWAYS,
            (true, false) => &["square_avg", "grad_avg"],
            (false, true) => &["square_avg", "momentum_buffer"],
            (true, true) => Self::SLOTS,
        }
    }

    fn validate(&self) -> Result<(), OptimError> {
        require_shares(&[("alpha", self.alpha)])?;
        require_not_negative(&[
            ("learning_rate", self.learning_rate),
            ("eps", self.eps),
            ("weight_decay", self.weight_decay),
            ("momentum", self.momentum),
        ])
    }

    fn prepare<T: Float>(&self, _step: u64, _first: bool) -> impl Update<T> {
        RmsPropUpdate {
            learning_rate: T::from_f64(self.learning_rate),
            alpha: T::from_f64(self.alpha),
            rest: T::from_f64(1.0 - self.alpha),
            eps: T::from_f64(self.eps),
            weight_decay: T::from_f64(self.weight_decay),
            momentum: T::from_f64(self.momentum),
            centered: self.centered,
        }
    }
}

struct RmsPropUpdate<T> {
    learning_rate: T,
    alpha: T,
    rest: T,
    eps: T,
    weight_decay: T,
    momentum: T,
    centered: bool,
}

impl<T: Float> Update<T> for RmsPropUpdate<T> {
    #[inline(always)]
    fn apply(&self, parameter: &mut [T], gradient: &[T], state: &mut [&mut [T]]) {
        let mut state = state.iter_mut();
        let square = state.next().expect("RMSProp always keeps a mean square");
        let mut mean = if self.centered { state.next() } else { None };
        let mut buffer = state.next();
        for (i, (p, v)) in parameter.iter_mut().zip(square.iter_mut()).enumerate() {
            let g = gradient[i] + self.weight_decay * *p;
            *v = self.alpha * *v + self.rest * g * g;
            let variance = match &mut mean {
                Some(mean) => {
                    mean[i] += self.rest * (g - mean[i]);
                    let variance = *v - mean[i] * mean[i];
                    if variance < T::ZERO { T::ZERO } else { variance }
                }
                None => *v,
            };
            let mut direction = g / (variance.sqrt() + self.eps);
            if let Some(buffer) = &mut buffer {
                buffer[i] = self.momentum * buffer[i] + direction;
                direction = buffer[i];
            }
            *p -= self.learning_rate * direction;
        }
    }
}
