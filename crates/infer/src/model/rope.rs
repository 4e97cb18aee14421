//! Rotary position embedding ([RoFormer](https://arxiv.org/abs/2104.09864)).
//!
//! Pair i of a head, (a, b), at position p becomes (a cos φ − b sin φ, a sin φ + b cos φ) with
//! φ = p·f[i]. Which two elements are a pair is a matter of how the weights were stored: Hugging
//! Face pairs i with i + D/2; Meta's own order, which GGUF files of the architecture `llama` keep,
//! pairs 2i with 2i + 1. With weights in the matching order the scores q·k are the same.

use ulp_tensor::Rotation;
use ulp_tensor::simd::{Kernel, run};

/// Which two elements of a head turn together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RopePairs {
    /// (2i, 2i + 1): GGUF, architecture `llama`.
    Adjacent,
    /// (i, i + D/2): Hugging Face; GGUF, architecture `qwen2`.
    Halves,
}

/// Turns every head of row `row` in place; `heads` is `[heads, D]`, `rotation` has a row for each
/// row of the batch and D elements.
pub(crate) fn rotate_heads(
    rotation: &Rotation<f32>,
    row: usize,
    heads: &mut [f32],
    head_dim: usize,
    pairs: RopePairs,
) {
    match pairs {
        RopePairs::Halves => {
            for head in heads.chunks_exact_mut(head_dim) {
                rotation.apply(row, head);
            }
        }
        RopePairs::Adjacent => {
            let (cos, sin) = (rotation.cos(row), rotation.sin(row));
            run(RotateAdjacent { heads, head_dim, cos, sin });
        }
    }
}

/// The operations of [`Rotation::apply`] on adjacent pairs, so that the bits are the same.
struct RotateAdjacent<'a> {
    heads: &'a mut [f32],
    head_dim: usize,
    cos: &'a [f32],
    sin: &'a [f32],
}

impl Kernel for RotateAdjacent<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for head in self.heads.chunks_exact_mut(self.head_dim) {
            for (pair, (&c, &s)) in head.chunks_exact_mut(2).zip(self.cos.iter().zip(self.sin)) {
                let (a, b) = (pair[0], pair[1]);
                pair[0] = a.mul_add(c, -(b * s));
                pair[1] = b.mul_add(c, a * s);
            }
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
        rotate_heads(&rotation, 1, &mut halves, 4, RopePairs::Halves);
        rotate_heads(&rotation, 1, &mut adjacent, 4, RopePairs::Adjacent);
        assert_eq!([halves[0], halves[2], halves[1], halves[3]], adjacent);
        let expected = 1.0 * 7f32.cos() - 3.0 * 7f32.sin();
        assert!((halves[0] - expected).abs() < 1e-6);
        let before = halves;
        rotate_heads(&rotation, 0, &mut halves, 4, RopePairs::Halves);
        assert_eq!(halves, before, "position 0 turns nothing");
    }
}
