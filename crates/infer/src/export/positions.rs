//! How a GGUF file says where tokens stand: keys and tensors of the rotary embedding, and windows.

use crate::error::InferError;
use crate::gguf::{Array, GgufWriter};
use crate::kv_cache::RopeFactors;
use crate::model::{
    Architecture, ModelConfig, Positions, Rope, RopeScaling, Window, yarn_magnitude,
};
use crate::quant::{TensorType, quantize};

/// Writes keys and tensors of one architecture.
pub(super) struct Scribe<'a, 'w> {
    pub(super) writer: &'a mut GgufWriter<'w>,
    pub(super) architecture: &'static Architecture,
    /// Where the configuration was read, for errors.
    pub(super) file: &'a str,
}

impl Scribe<'_, '_> {
    pub(super) fn set(&mut self, key: &str, value: impl Into<crate::gguf::Value>) {
        self.writer.set(&format!("{}.{key}", self.architecture.name()), value);
    }

    /// A dimension: all are below 2^31.
    pub(super) fn count(&mut self, key: &str, value: usize) {
        self.set(key, value as u32);
    }

    pub(super) fn unsupported(&self, key: &str, value: impl ToString) -> InferError {
        InferError::UnsupportedFeature {
            file: self.file.to_string(),
            key: key.to_string(),
            value: value.to_string(),
        }
    }

    fn factors(&mut self, name: &str, factors: &[f32]) -> Result<(), InferError> {
        let stored = quantize(TensorType::F32, factors).map_err(|e| e.named(self.file, name))?;
        self.writer.tensor(name, &[factors.len()], TensorType::F32, stored);
        Ok(())
    }
}

/// The rotary embedding, if there is one.
pub(super) fn rotary(scribe: &mut Scribe<'_, '_>, config: &ModelConfig) -> Result<(), InferError> {
    let Positions::Rotary { rope, local } = &config.positions else { return Ok(()) };
    if scribe.architecture.unsaid.neighbours_turn && rope.width != config.head_dim {
        return Err(scribe.unsupported("partial_rotary_factor", rope.width));
    }
    scribe.set("rope.freq_base", rope.theta as f32);
    if let Some(local) = local {
        if local.scaling != RopeScaling::None {
            return Err(scribe.unsupported("rope_parameters.sliding_attention", "a scaling"));
        }
        scribe.set("rope.freq_base_swa", local.theta as f32);
    }
    scaling(scribe, rope)
}

fn scaling(scribe: &mut Scribe<'_, '_>, rope: &Rope) -> Result<(), InferError> {
    match &rope.scaling {
        RopeScaling::None => {}
        RopeScaling::Linear { factor } => {
            scribe.set("rope.scaling.type", "linear");
            scribe.set("rope.scaling.factor", *factor as f32);
        }
        RopeScaling::Llama3 { .. } => scribe.factors("rope_freqs.weight", &divisors(rope))?,
        RopeScaling::Yarn { truncate: false, .. } => {
            return Err(scribe.unsupported("rope_parameters.truncate", false));
        }
        RopeScaling::Yarn { factor, original, fast, slow, truncate: true } => {
            scribe.set("rope.scaling.type", "yarn");
            scribe.set("rope.scaling.factor", *factor as f32);
            scribe.count("rope.scaling.original_context_length", *original);
            scribe.set("rope.scaling.yarn_beta_fast", *fast as f32);
            scribe.set("rope.scaling.yarn_beta_slow", *slow as f32);
            let usual = yarn_magnitude(*factor, 1.0) as f32;
            if rope.magnitude != usual {
                scribe.set("rope.scaling.attn_factor", rope.magnitude / usual);
            }
        }
        RopeScaling::LongRope { original, short, long } => {
            // Of Phi-3 its tensors alone tell.
            if scribe.architecture.name() != "phi3" {
                scribe.set("rope.scaling.type", "longrope");
            }
            scribe.count("rope.scaling.original_context_length", *original);
            scribe.set("rope.scaling.attn_factor", rope.magnitude);
            scribe.factors("rope_factors_long.weight", long)?;
            scribe.factors("rope_factors_short.weight", short)?;
        }
        RopeScaling::Dynamic { factor, .. } => {
            return Err(scribe.unsupported("rope_parameters.rope_type = dynamic, factor", factor));
        }
    }
    Ok(())
}

/// How GGUF states Llama 3's scaling: what each frequency is divided by.
fn divisors(rope: &Rope) -> Vec<f32> {
    let plain = Rope::plain(rope.width, rope.theta).frequencies(RopeFactors::Short);
    let scaled = rope.frequencies(RopeFactors::Short);
    plain.iter().zip(scaled).map(|(&plain, scaled)| divisor(plain, scaled)).collect()
}

/// The number near `plain / scaled` by which `plain` is divided to give `scaled` most closely: the
/// quotient is rounded, and its neighbour may give the very bits.
fn divisor(plain: f32, scaled: f32) -> f32 {
    let quotient = plain / scaled;
    let near = [quotient, quotient.next_down(), quotient.next_up()];
    let error = |divisor: &f32| (plain / divisor - scaled).abs();
    near.into_iter().min_by(|a, b| error(a).total_cmp(&error(b))).unwrap_or(quotient)
}

/// The window, and which layers have it where that does not follow from the architecture.
pub(super) fn window(scribe: &mut Scribe<'_, '_>, config: &ModelConfig) {
    let layers: Vec<bool> = (0..config.layers).map(|i| config.window.of(i).is_some()).collect();
    let window = match config.window {
        Window::None => return,
        Window::All(window) | Window::Periodic { window, .. } | Window::Listed { window, .. } => {
            window
        }
    };
    if !layers.contains(&true) {
        return;
    }
    scribe.count("attention.sliding_window", window);
    let usual = match scribe.architecture.unsaid.period {
        None => Window::All(window),
        Some(period) => Window::Periodic { window, period },
    };
    let as_usual = layers.iter().enumerate().all(|(i, &has)| usual.of(i).is_some() == has);
    if !as_usual {
        let pattern: Array = layers.into_iter().collect();
        scribe.set("attention.sliding_window_pattern", pattern);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_divisor_gives_the_frequency_back() {
        let scaling = RopeScaling::Llama3 { factor: 8.0, low: 1.0, high: 4.0, original: 8192 };
        let rope = Rope { scaling, ..Rope::plain(128, 500_000.0) };
        let plain = Rope::plain(128, 500_000.0).frequencies(RopeFactors::Short);
        let scaled = rope.frequencies(RopeFactors::Short);
        let mut exact = 0;
        for ((plain, scaled), divisor) in plain.iter().zip(&scaled).zip(divisors(&rope)) {
            let back = plain / divisor;
            assert!((back - scaled).abs() <= f32::EPSILON * scaled, "{back} {scaled}");
            exact += usize::from(back == *scaled);
        }
        assert!(exact >= 60, "{exact} of 64");
    }
}
