//! What a decoder is, apart from its weights.

use super::activation::Activation;
use super::rope::Rope;

/// No dimension of a model may reach this: products of two stay far inside 64 bits.
pub(crate) const MAX_DIMENSION: usize = 1 << 31;

/// A decoder of any of the [architectures](super::architectures): the graph is one, and this says
/// which of its parts a model has.
#[derive(Debug, Clone)]
pub(crate) struct ModelConfig {
    /// V, the number of token ids.
    pub(crate) vocab_size: usize,
    /// C, the width of the residual stream.
    pub(crate) hidden_size: usize,
    /// F, the width inside the feed-forward block.
    pub(crate) intermediate_size: usize,
    /// L, the number of layers.
    pub(crate) layers: usize,
    /// H, the number of query heads.
    pub(crate) heads: usize,
    /// K, the number of key and value heads; it divides H.
    pub(crate) kv_heads: usize,
    /// D, the width of a head.
    pub(crate) head_dim: usize,
    /// The longest sequence the model was made for.
    pub(crate) context: usize,
    pub(crate) norm: NormKind,
    /// ε of every norm.
    pub(crate) norm_eps: f32,
    pub(crate) activation: Activation,
    /// The feed-forward block has a gate beside the way up.
    pub(crate) gated: bool,
    /// A norm of each query and key head before it is rotated.
    pub(crate) head_norms: bool,
    /// A norm of what attention and feed-forward add to the residual stream.
    pub(crate) post_norms: bool,
    /// How positions come in.
    pub(crate) positions: Positions,
    /// Which layers see the last positions only.
    pub(crate) window: Window,
    /// What scores are multiplied by, 1/√D as a rule.
    pub(crate) attention_scale: f32,
    /// c of c·tanh(score / c).
    pub(crate) score_cap: Option<f32>,
    /// c of c·tanh(logit / c).
    pub(crate) logit_cap: Option<f32>,
    /// What embeddings are multiplied by.
    pub(crate) embedding_scale: Option<f32>,
    /// Biases that must be there. Others are used where a file has them.
    pub(crate) biases: Biases,
    /// The output matrix is the embedding's.
    pub(crate) tied: bool,
}

/// A family of norms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NormKind {
    /// x / √(mean(x²) + ε) · w.
    Rms,
    /// The same with w stored as its difference from 1.
    RmsFromOne,
    /// (x − mean) / √(variance + ε) · w + b.
    Layer,
}

/// How a model knows where a token stands.
#[derive(Debug, Clone)]
pub(crate) enum Positions {
    /// Queries and keys are turned.
    Rotary {
        /// Of layers that see everything.
        rope: Rope,
        /// Of layers with a window, if it is another.
        local: Option<Box<Rope>>,
    },
    /// A vector for each position is added to the embedding.
    Learned,
}

/// Biases that must be there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Biases {
    pub(crate) qkv: bool,
    pub(crate) output: bool,
    pub(crate) feed_forward: bool,
}

/// Which layers see the last positions only, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Window {
    /// All layers see everything.
    None,
    /// All layers see this many positions, their own among them.
    All(usize),
    /// So do all layers but each `period`-th.
    Periodic { window: usize, period: usize },
    /// So do the layers for which the list says so.
    Listed { window: usize, layers: Vec<bool> },
}

impl Window {
    /// The positions that a layer sees, if not all.
    pub(crate) fn of(&self, layer: usize) -> Option<usize> {
        match self {
            Window::None => None,
            Window::All(window) => Some(*window),
            Window::Periodic { window, period } => {
                (layer % period + 1 < *period).then_some(*window)
            }
            Window::Listed { window, layers } => {
                layers.get(layer).copied().unwrap_or(false).then_some(*window)
            }
        }
    }
}

impl ModelConfig {
    /// The longest sequence that takes LongRoPE's short factors, if there are long ones.
    pub(crate) fn short_up_to(&self) -> Option<usize> {
        match &self.positions {
            Positions::Rotary { rope, .. } => rope.short_up_to(),
            Positions::Learned => None,
        }
    }

    /// The width of all query heads together, H·D.
    pub(crate) fn query_width(&self) -> usize {
        self.heads * self.head_dim
    }

    /// The width of all key (or value) heads together, K·D.
    pub(crate) fn key_value_width(&self) -> usize {
        self.kv_heads * self.head_dim
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_by_layer() {
        let of = |window: Window| (0..4).map(|layer| window.of(layer)).collect::<Vec<_>>();
        assert_eq!(of(Window::None), [None; 4]);
        assert_eq!(of(Window::All(9)), [Some(9); 4]);
        let alternating = Window::Periodic { window: 9, period: 2 };
        assert_eq!(of(alternating), [Some(9), None, Some(9), None]);
        let listed = Window::Listed { window: 9, layers: vec![false, true] };
        assert_eq!(of(listed), [None, Some(9), None, None]);
    }
}
