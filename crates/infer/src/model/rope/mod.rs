//! Rotary position embedding ([RoFormer](https://arxiv.org/abs/2104.09864)): how fast each pair of
//! a head turns, and the turning.

mod frequencies;
mod rotate;
mod row_order;
mod scaling;

pub(crate) use frequencies::Frequencies;
pub(crate) use rotate::{Place, RowRotations};
pub(crate) use row_order::RowOrder;
pub(crate) use scaling::{Rope, RopeScaling, long_magnitude, yarn_magnitude};
