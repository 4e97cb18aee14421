//! What goes into the matrices of a model, squared and summed.

use super::Model;
use super::names::GGUF;
use super::weights::Layer;

/// What several matrices of a layer have in common: their input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LayerInput {
    /// `[C]`, to queries, keys and values.
    Attention,
    /// `[H·D]`
    AttentionOutput,
    /// `[C]`, to gate and up.
    FeedForward,
    /// `[F]`
    Down,
}

/// Σ x² of each input of each matrix over all rows that went through a model.
#[derive(Debug)]
pub(crate) struct InputSquares {
    layers: Vec<[Vec<f64>; 4]>,
    output: Vec<f64>,
    rows: usize,
}

impl InputSquares {
    pub(crate) fn new(model: &Model) -> Self {
        let config = &model.config;
        let (c, q, f) = (config.hidden_size, config.query_width(), config.intermediate_size);
        let layer = || [c, q, c, f].map(|width| vec![0.0; width]);
        InputSquares {
            layers: (0..config.layers).map(|_| layer()).collect(),
            output: vec![0.0; c],
            rows: 0,
        }
    }

    /// Adds the rows `x` of an input.
    pub(super) fn add(&mut self, layer: usize, input: LayerInput, x: &[f32]) {
        add(&mut self.layers[layer][input as usize], x);
    }

    /// Adds the inputs of the output matrix, which are as many as there are rows in all.
    pub(crate) fn add_output(&mut self, x: &[f32]) {
        self.rows += x.len() / self.output.len();
        add(&mut self.output, x);
    }

    /// Rows that were seen.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The sums for each matrix that GGUF has for the model, by its name.
    pub(crate) fn matrices(&self, model: &Model) -> Vec<(String, &[f64])> {
        let mut matrices = Vec::new();
        for (index, (sums, layer)) in self.layers.iter().zip(&model.weights.layers).enumerate() {
            let [attention, attention_output, feed_forward, down] = sums;
            let mut add = |part: &str, sums| {
                matrices.push((format!("{}.{index}.{part}.weight", GGUF.layer), sums));
            };
            for &part in attention_parts(layer) {
                add(part, attention.as_slice());
            }
            add(GGUF.attention_output, attention_output);
            for &part in feed_forward_parts(layer) {
                add(part, feed_forward);
            }
            add(GGUF.down, down);
        }
        let output = if model.config.tied { GGUF.embedding } else { GGUF.output };
        matrices.push((format!("{output}.weight"), self.output.as_slice()));
        matrices
    }
}

fn attention_parts(layer: &Layer) -> &'static [&'static str] {
    match layer.is_qkv_fused {
        true => &[GGUF.query_key_value],
        false => &[GGUF.query, GGUF.key, GGUF.value],
    }
}

fn feed_forward_parts(layer: &Layer) -> &'static [&'static str] {
    match (&layer.gate, layer.is_gate_up_fused) {
        (Some(_), false) => &[GGUF.gate, GGUF.up],
        (Some(_), true) => &[GGUF.gate_up],
        (None, _) => &[GGUF.up],
    }
}

/// Row after row: the sums do not depend on how rows are cut into batches.
fn add(sums: &mut [f64], x: &[f32]) {
    for row in x.chunks_exact(sums.len()) {
        for (sum, &x) in sums.iter_mut().zip(row) {
            *sum += f64::from(x) * f64::from(x);
        }
    }
}
