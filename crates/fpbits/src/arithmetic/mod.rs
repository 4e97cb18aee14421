//! Arithmetic in any format: exact first ([`Exact`]), rounded once ([`Format::round_exact`]). One
//! file an operation; `hardware.rs` answers first where the processor can.

mod add;
mod compare;
mod divide;
mod exact;
mod fma;
mod hardware;
mod integer;
mod integral;
mod min_max;
mod multiply;
mod remainder;
mod sign;
mod square_root;

pub use compare::Comparison;
pub use exact::{Exact, ExactValue};
pub use integer::{Integer, ToInteger};

pub(crate) use hardware::Hardware;
