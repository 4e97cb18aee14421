//! The learning rate over time, one file a course.

mod cos_pi;
mod cosine_restarts;
mod exponential;
mod one_cycle;
mod polynomial;
mod step_decay;
mod warmup_cosine;
mod warmup_inverse_sqrt;
mod warmup_stable_decay;

pub use cosine_restarts::CosineRestarts;
pub use exponential::Exponential;
pub use one_cycle::OneCycle;
pub use polynomial::Polynomial;
pub use step_decay::StepDecay;
pub use warmup_cosine::WarmupCosine;
pub use warmup_inverse_sqrt::WarmupInverseSqrt;
pub use warmup_stable_decay::WarmupStableDecay;

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
