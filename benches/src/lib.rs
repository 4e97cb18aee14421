//! What the benches share: the middle of some measurements, other engines to take turns with, and
//! operands.

mod median;
mod peer;
pub mod product;

pub use median::median;
pub use peer::Peer;
