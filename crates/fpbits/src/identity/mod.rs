//! Where the identities of the reals break: a search over all operands of a format, or over a
//! sample of them.

mod calculator;
mod law;
mod search;

pub use law::Identity;
pub use search::{Counterexample, Report, Search};
