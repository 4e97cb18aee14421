//! Under construction.

#![forbid(unsafe_code)]

mod fused;
mod grad;
pub mod gradcheck;
mod gradients;
mod op;
mod ops;
mod tape;
mod var;

pub use fused::{Fused, FusedOp};
pub use grad::{grad, hvp, vjp};
pub use gradients::Gradients;
pub use op::{Op, Value};
pub use ops::concat;
pub use tape::{IntoValue, Tape};
pub use var::Var;
