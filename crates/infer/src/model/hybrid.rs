//! A model with a part of another: what that part alone changes.

use super::Model;

/// A part of a model that is exchanged as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelPart {
    /// The embedding.
    Embedding,
    /// A layer.
    Layer(usize),
    /// The output matrix.
    Output,
}

impl Model {
    /// Its parts, in the order in which a token meets them. A tied embedding is the output, too, and
    /// is exchanged with it.
    pub fn parts(&self) -> Vec<ModelPart> {
        let layers = (0..self.weights.layers.len()).map(ModelPart::Layer);
        let mut parts: Vec<ModelPart> =
            std::iter::once(ModelPart::Embedding).chain(layers).collect();
        if !self.config.tied {
            parts.push(ModelPart::Output);
        }
        parts
    }

    /// This model with one part of `other`, which has the same shapes. Weights are shared, not
    /// copied. The divergence of the result from this model is what the difference of that part
    /// alone does at the output.
    ///
    /// # Panics
    ///
    /// If the two have other shapes, or there is no such layer.
    #[track_caller]
    pub fn with_part(&self, other: &Model, part: ModelPart) -> Model {
        let shape = |model: &Model| {
            let config = &model.config;
            (config.vocab_size, config.hidden_size, config.intermediate_size, model.cache_shape())
        };
        assert_eq!(shape(self), shape(other), "two models of the same shapes");
        let mut weights = self.weights.clone();
        match part {
            ModelPart::Embedding => {
                weights.embedding = other.weights.embedding.clone();
                if self.config.tied {
                    weights.output = other.weights.output.clone();
                }
            }
            ModelPart::Layer(index) => weights.layers[index] = other.weights.layers[index].clone(),
            ModelPart::Output => weights.output = other.weights.output.clone(),
        }
        Model {
            architecture: self.architecture,
            config: self.config.clone(),
            weights,
            frequencies: self.frequencies.clone(),
            local_frequencies: self.local_frequencies.clone(),
        }
    }
}
