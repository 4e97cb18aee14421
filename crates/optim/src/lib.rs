//! Update rules for arrays of parameters: [`Sgd`], [`Adam`], [`AdamW`]; learning-rate schedules;
//! clipping by the norm of all gradients.
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
//! Not here: loss scaling, gradients of 16 bits, AMSGrad.
#![forbid(unsafe_code)]

mod adam;
mod clip;
mod error;
mod optimizer;
mod rule;
mod schedule;
mod sgd;
mod state_dict;

pub use adam::{Adam, AdamW};
pub use clip::{clip_global_norm, global_norm};
pub use error::OptimError;
pub use optimizer::{Optimizer, Param};
pub use rule::{Rule, Update};
pub use schedule::{Constant, Schedule, WarmupCosine};
pub use sgd::Sgd;
pub use state_dict::StateDict;
