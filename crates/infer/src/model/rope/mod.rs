//! Rotary position embedding ([RoFormer](https://arxiv.org/abs/2104.09864)): how fast each pair of
//! a head turns, and the turning.

mod rotate;
mod scaling;

pub(crate) use rotate::{RopePairs, RowRotations};
pub(crate) use scaling::{Rope, RopeScaling, long_magnitude, yarn_magnitude};
