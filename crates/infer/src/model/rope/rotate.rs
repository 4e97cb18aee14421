//! Rotary position embedding ([RoFormer](https://arxiv.org/abs/2104.09864)).
//!
//! Pair i of a head, (a, b), at position p becomes (a cos φ − b sin φ, a sin φ + b cos φ) with
//! φ = p·f[i]. Which two elements are a pair is a matter of how the weights were stored: Hugging
//! Face pairs i with i + D/2; Meta's own order, which GGUF files of the architecture `llama` keep,
//! pairs 2i with 2i + 1. With weights in the matching order the scores q·k are the same.

use std::borrow::Cow;

use ulp_tensor::Rotation;
use ulp_tensor::simd::{Kernel, run};

use super::{Frequencies, Rope};
use crate::kv_cache::RopeFactors;

/// Which two elements of a head turn together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RopePairs {
    /// (2i, 2i + 1): GGUF, architecture `llama`.
    Adjacent,
    /// (i, i + D/2): Hugging Face; GGUF, architecture `qwen2`.
    Halves,
}

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
    pairs: RopePairs,
}

impl RowRotations {
    /// The rotations of rows at these places. `frequencies` are the rope's.
    pub(crate) fn new(
        places: &[Place],
        rope: &Rope,
        frequencies: &Frequencies,
        pairs: RopePairs,
    ) -> Self {
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
        RowRotations { rotations, width: rope.width, magnitude: rope.magnitude, pairs }
    }

    /// Turns every head of a row in place; `heads` is `[heads, D]`.
    pub(crate) fn rotate(&self, row: usize, heads: &mut [f32], head_dim: usize) {
        let (rotation, row) = match &self.rotations[..] {
            [all] => (all, row),
            each => (&each[row], 0),
        };
        for head in heads.chunks_exact_mut(head_dim) {
            let head = &mut head[..self.width];
            rotate_head(rotation, row, head, self.pairs);
            if self.magnitude != 1.0 {
                head.iter_mut().for_each(|x| *x *= self.magnitude);
            }
        }
    }
}

/// Turns a head in place, `[D]`; `rotation` has a row for each row of the batch and D elements.
fn rotate_head(rotation: &Rotation<f32>, row: usize, head: &mut [f32], pairs: RopePairs) {
    match pairs {
        RopePairs::Halves => rotation.apply(row, head),
        RopePairs::Adjacent => {
            let (cos, sin) = (rotation.cos(row), rotation.sin(row));
            run(RotateAdjacent { head, cos, sin });
        }
    }
}

/// The operations of [`Rotation::apply`] on adjacent pairs, so that the bits are the same.
struct RotateAdjacent<'a> {
    head: &'a mut [f32],
    cos: &'a [f32],
    sin: &'a [f32],
}

impl Kernel for RotateAdjacent<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (pair, (&c, &s)) in self.head.chunks_exact_mut(2).zip(self.cos.iter().zip(self.sin)) {
            let (a, b) = (pair[0], pair[1]);
            pair[0] = a.mul_add(c, -(b * s));
            pair[1] = b.mul_add(c, a * s);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_layouts_are_the_same_rotation_of_permuted_elements() {
        let rotation = Rotation::new(&[0, 7], &[1.0f32, 0.25]);
        let mut halves = [1.0, 2.0, 3.0, 4.0];
        let mut adjacent = [1.0, 3.0, 2.0, 4.0];
        rotate_head(&rotation, 1, &mut halves, RopePairs::Halves);
        rotate_head(&rotation, 1, &mut adjacent, RopePairs::Adjacent);
        assert_eq!([halves[0], halves[2], halves[1], halves[3]], adjacent);
        let expected = 1.0 * 7f32.cos() - 3.0 * 7f32.sin();
        assert!((halves[0] - expected).abs() < 1e-6);
        let before = halves;
        rotate_head(&rotation, 0, &mut halves, RopePairs::Halves);
        assert_eq!(halves, before, "position 0 turns nothing");
    }
}
