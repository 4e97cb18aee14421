//! What the benches share: the middle of some measurements, and other engines to take turns with.

mod median;
mod peer;

pub use median::median;
pub use peer::Peer;
