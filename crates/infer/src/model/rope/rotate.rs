//! Rotary position embedding ([RoFormer](https://arxiv.org/abs/2104.09864)).
//!
//! Pair i of a head, (a, b) = (x[i], x[i + D/2]), at position p becomes (a cos φ − b sin φ, a sin φ + b cos φ)
//! with φ = p·f[i]. Files that pair other elements are read in [another order](super::RowOrder).

use std::borrow::Cow;

use ulp_tensor::Rotation;

use super::{Frequencies, Rope};
use crate::kv_cache::RopeFactors;

/// Where a row of a batch stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) position: u32,
    /// Those of its sequence.
    pub(crate) factors: RopeFactors,
}

/// The rotation of each row of a batch.
#[derive(Debug)]
pub(crate) struct RowRotations {
    /// One of all rows, or one for each row.
    rotations: Vec<Rotation<f32>>,
    /// Elements of a head that are turned.
    width: usize,
    magnitude: f32,
}

impl RowRotations {
    /// The rotations of rows at these places. `frequencies` are the rope's.
    pub(crate) fn new(places: &[Place], rope: &Rope, frequencies: &Frequencies) -> Self {
        let is_static =
            |place: &Place| rope.static_up_to().is_none_or(|end| (place.position as usize) < end);
        let each = |place: &Place| {
            let own = match is_static(place) {
                true => Cow::Borrowed(frequencies.of(place.factors)),
                false => Cow::Owned(rope.frequencies_at(place.position as usize)),
            };
            Rotation::new(&[place.position], &own)
        };
        let factors = places.first().map_or(RopeFactors::Short, |place| place.factors);
        let are_alike = places.iter().all(|place| place.factors == factors && is_static(place));
        let rotations = match are_alike {
            true => {
                let positions: Vec<u32> = places.iter().map(|place| place.position).collect();
                vec![Rotation::new(&positions, frequencies.of(factors))]
            }
            false => places.iter().map(each).collect(),
        };
        RowRotations { rotations, width: rope.width, magnitude: rope.magnitude }
    }

    /// Turns every head of a row in place; `heads` is `[heads, D]`.
    pub(crate) fn rotate(&self, row: usize, heads: &mut [f32], head_dim: usize) {
        let (rotation, row) = match &self.rotations[..] {
            [all] => (all, row),
            each => (&each[row], 0),
        };
        for head in heads.chunks_exact_mut(head_dim) {
            let head = &mut head[..self.width];
            rotation.apply(row, head);
            if self.magnitude != 1.0 {
                head.iter_mut().for_each(|x| *x *= self.magnitude);
            }
        }
    }
}
