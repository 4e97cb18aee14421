//! Update rules for arrays of parameters, learning rates over time, clipping, loss scales, averages
//! of weights.
//!
//! A rule is data: a struct of hyperparameters that implements [`Rule`]. [`Optimizer`] pairs one
//! such struct for each group of parameters with the state that the rule keeps. It knows ndarray
//! arrays and nothing of how their gradients came to be.
//!
//! - A parameter without a gradient is refused by name, not skipped.
//! - A run that is saved with [`Optimizer::state_dict`], loaded and continued has the same bits
//!   as one that was never stopped, at any number of threads.
//!
//! ```
//! use ulp_tensor::ndarray::array;
//! use ulp_optim::{Optimizer, Param, Sgd};
//!
//! // Minimise x².
//! let mut x = array![1.0_f64].into_dyn();
//! let mut optimizer = Optimizer::new(Sgd { learning_rate: 0.25, ..Sgd::default() })?;
//! for _ in 0..4 {
//!     let gradient = &x * 2.0;
//!     let value = x.view_mut();
//!     optimizer.step(&mut [Param { name: "x", value, gradient: Some(gradient.view()), group: 0 }])?;
//! }
//! assert_eq!(x[0], 1.0 / 16.0);
//! # Ok::<(), ulp_optim::OptimError>(())
//! ```
//!
//! # What is here
//!
//! - Rules: [`Sgd`] (momentum, Nesterov), [`Adam`], [`AdamW`], [`RAdam`], [`Adamax`], [`RmsProp`],
//!   [`Adagrad`], [`Adadelta`], [`Lion`], [`Muon`].
//! - Schedules: [`WarmupCosine`], [`WarmupStableDecay`], [`WarmupInverseSqrt`], [`OneCycle`],
//!   [`CosineRestarts`], [`Polynomial`], [`Exponential`], [`StepDecay`], [`Constant`].
//! - [`clip_global_norm`] and [`clip_value`]; [`LossScale`] for gradients of 16-bit values;
//!   [`MovingAverage`] of weights.
//!
//! # What is not here
//!
//! AMSGrad, NAdam, rules with state of another shape than the parameter (Adafactor), sparse
//! gradients.
#![forbid(unsafe_code)]

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod clip;
mod error;
mod factor;
mod hyperparameters;
mod lion;
mod loss_scale;
mod moving_average;
mod muon;
mod optimizer;
mod pass;
mod power;
mod radam;
mod rms_prop;
mod rule;
mod schedule;
mod sgd;
mod state_dict;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::{Adam, AdamW};
pub use adamax::Adamax;
pub use clip::{clip_global_norm, clip_value, global_norm};
pub use error::OptimError;
pub use lion::Lion;
pub use loss_scale::LossScale;
pub use moving_average::MovingAverage;
pub use muon::Muon;
pub use optimizer::{Optimizer, Param};
pub use radam::RAdam;
pub use rms_prop::RmsProp;
pub use rule::{Rule, Update};
pub use schedule::{
    Constant, CosineRestarts, Exponential, OneCycle, Polynomial, Schedule, StepDecay, WarmupCosine,
    WarmupInverseSqrt, WarmupStableDecay,
};
pub use sgd::Sgd;
pub use state_dict::StateDict;

/// The README's examples, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
