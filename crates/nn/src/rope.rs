//! Rotary position embedding.

use ulp_autograd::Var;
use ulp_tensor::Float;

/// Turns each pair of a head's coordinates by an angle proportional to the position.
///
/// With `f[i]` the inverse frequencies, coordinates `i` and `i + D/2` at position `p` become
///
/// ```text
/// x'[i]       = x[i]·cos(p·f[i]) − x[i + D/2]·sin(p·f[i])
/// x'[i + D/2] = x[i + D/2]·cos(p·f[i]) + x[i]·sin(p·f[i])
/// ```
///
/// so that the dot product of a query and a key depends on their distance only. This pairing of
/// the halves is Hugging Face's and GPT-NeoX's layout. Su et al.,
/// [RoFormer](https://arxiv.org/abs/2104.09864), 2021.
///
/// # Shapes
///
/// `[B, T, heads, D]` in and out; position `t` is `start + t`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rope {
    /// Radians a position, one for each of the D/2 pairs.
    pub inverse_frequencies: Vec<f32>,
}

impl Rope {
    /// A rotation by these inverse frequencies; see
    /// [`LlamaConfig::rope_inverse_frequencies`](crate::LlamaConfig::rope_inverse_frequencies).
    pub fn new(inverse_frequencies: Vec<f32>) -> Self {
        Self { inverse_frequencies }
    }

    /// The plain inverse frequencies `base^(−2i/D)` of a head of width `head_dim`.
    pub fn plain(head_dim: usize, base: f64) -> Self {
        let frequency = |i: usize| base.powf(-((2 * i) as f64) / head_dim as f64) as f32;
        Self { inverse_frequencies: (0..head_dim / 2).map(frequency).collect() }
    }

    /// `x` turned, its first position being `start`.
    ///
    /// # Panics
    ///
    /// When D is not twice the number of frequencies.
    #[track_caller]
    pub fn forward<'t, T: Float>(&self, x: Var<'t, T>, start: usize) -> Var<'t, T> {
        x.rope(&self.inverse_frequencies, start)
    }
}
