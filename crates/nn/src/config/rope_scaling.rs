use serde_json::{Map, Value, json};

use crate::NnError;
use crate::json_fields::JsonFields;

/// How rotary frequencies are changed so that a model serves longer sequences than it was trained
/// on (`rope_scaling` in the file, `rope_parameters` since transformers 5).
///
/// Dynamic NTK and LongRoPE, whose frequencies depend on the length of the sequence, and YaRN,
/// which also rescales the attention, are refused by name.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum RopeScaling {
    /// The frequencies as they are.
    #[default]
    None,
    /// Position interpolation ([Chen et al. 2023](https://arxiv.org/abs/2306.15595)):
    /// every frequency divided by `factor`.
    Linear {
        /// How many times longer sequences may become.
        factor: f64,
    },
    /// Llama 3.1's rule: with wavelength λ = 2π/f and context N = `original_max_position_embeddings`,
    /// a frequency with λ < N/`high_freq_factor` stays, one with λ > N/`low_freq_factor` is divided
    /// by `factor`, and between them `s = (N/λ − low) / (high − low)` blends:
    /// `(1 − s)·f/factor + s·f`.
    Llama3 {
        /// How many times longer sequences may become.
        factor: f64,
        /// Below this many turns within N, a frequency is divided.
        low_freq_factor: f64,
        /// Above this many turns within N, a frequency stays.
        high_freq_factor: f64,
        /// N, the context before scaling.
        original_max_position_embeddings: usize,
    },
}

impl RopeScaling {
    pub(super) fn inverse_frequencies(self, theta: f64, head_dim: usize) -> Vec<f32> {
        (0..head_dim / 2).map(|pair| self.scaled(unscaled(theta, head_dim, pair))).collect()
    }

    fn scaled(self, frequency: f32) -> f32 {
        match self {
            Self::None => frequency,
            Self::Linear { factor } => frequency / factor as f32,
            Self::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_max_position_embeddings,
            } => {
                let context = original_max_position_embeddings as f64;
                let wavelength = std::f32::consts::TAU / frequency;
                if wavelength > (context / low_freq_factor) as f32 {
                    frequency / factor as f32
                } else if wavelength < (context / high_freq_factor) as f32 {
                    frequency
                } else {
                    let blend = (context as f32 / wavelength - low_freq_factor as f32)
                        / (high_freq_factor - low_freq_factor) as f32;
                    (1.0 - blend) * frequency / factor as f32 + blend * frequency
                }
            }
        }
    }

    pub(super) fn validate(self, file: &str) -> Result<(), NnError> {
        let empty = Map::new();
        let fields = JsonFields::new(file, "rope_scaling.", &empty);
        let (Self::Linear { factor } | Self::Llama3 { factor, .. }) = self else {
            return Ok(());
        };
        if !(factor.is_finite() && factor >= 1.0) {
            return Err(fields.invalid("factor", factor, "it must be finite and at least 1"));
        }
        if let Self::Llama3 {
            low_freq_factor,
            high_freq_factor,
            original_max_position_embeddings,
            ..
        } = self
        {
            if !(low_freq_factor.is_finite() && low_freq_factor > 0.0) {
                let rule = "it must be finite and positive";
                return Err(fields.invalid("low_freq_factor", low_freq_factor, rule));
            }
            if !(high_freq_factor.is_finite() && high_freq_factor > low_freq_factor) {
                let rule = "it must be finite and above low_freq_factor";
                return Err(fields.invalid("high_freq_factor", high_freq_factor, rule));
            }
            if original_max_position_embeddings == 0 {
                let rule = "it must be positive";
                return Err(fields.invalid("original_max_position_embeddings", 0, rule));
            }
        }
        Ok(())
    }

    /// `rope_scaling` of transformers before 5.
    pub(super) fn to_rope_scaling(self) -> Value {
        match self {
            Self::None => Value::Null,
            Self::Linear { factor } => json!({ "factor": factor, "rope_type": "linear" }),
            Self::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_max_position_embeddings,
            } => json!({
                "factor": factor,
                "high_freq_factor": high_freq_factor,
                "low_freq_factor": low_freq_factor,
                "original_max_position_embeddings": original_max_position_embeddings,
                "rope_type": "llama3",
            }),
        }
    }

    /// `rope_parameters` of transformers 5.
    pub(super) fn to_rope_parameters(self, theta: f64) -> Value {
        let mut value = match self.to_rope_scaling() {
            Value::Null => json!({ "rope_type": "default" }),
            scaling => scaling,
        };
        value["rope_theta"] = json!(theta);
        value
    }
}

/// `θ^(−2i/D)`, by the steps of the published f32 code: the exponent, the power and its
/// reciprocal are each rounded to f32, the power itself computed in f64.
fn unscaled(theta: f64, head_dim: usize, pair: usize) -> f32 {
    let exponent = (2 * pair) as f32 / head_dim as f32;
    let power = theta.powf(f64::from(exponent)) as f32;
    1.0 / power
}

/// Base and scaling from whichever of the two layouts the file has.
pub(super) fn read_rope(
    file: &str,
    fields: &JsonFields<'_>,
    max_position_embeddings: usize,
) -> Result<(f64, RopeScaling), NnError> {
    let outer_theta = fields.number("rope_theta")?;
    refuse_partial_rotation(fields)?;
    // transformers 5 prefers `rope_scaling` too when a file has both.
    let (path, scaling) = match fields.object("rope_scaling")? {
        Some(scaling) => ("rope_scaling.", Some(scaling)),
        None => ("rope_parameters.", fields.object("rope_parameters")?),
    };
    let Some(scaling) = scaling else {
        return Ok((outer_theta.unwrap_or(10_000.0), RopeScaling::None));
    };
    let fields = JsonFields::new(file, path, scaling);
    refuse_partial_rotation(&fields)?;
    let theta = fields.number("rope_theta")?.or(outer_theta).unwrap_or(10_000.0);
    Ok((theta, read_scaling(&fields, max_position_embeddings)?))
}

fn read_scaling(
    fields: &JsonFields<'_>,
    max_position_embeddings: usize,
) -> Result<RopeScaling, NnError> {
    let (field, kind) = match fields.text("rope_type")? {
        Some(kind) => ("rope_type", kind),
        None => ("type", fields.text("type")?.unwrap_or("default")),
    };
    match kind {
        "default" => Ok(RopeScaling::None),
        "linear" => Ok(RopeScaling::Linear { factor: fields.required_number("factor")? }),
        "llama3" => Ok(RopeScaling::Llama3 {
            factor: fields.required_number("factor")?,
            low_freq_factor: fields.required_number("low_freq_factor")?,
            high_freq_factor: fields.required_number("high_freq_factor")?,
            original_max_position_embeddings: fields
                .count("original_max_position_embeddings")?
                .unwrap_or(max_position_embeddings),
        }),
        other => Err(fields.unsupported(field, other)),
    }
}

fn refuse_partial_rotation(fields: &JsonFields<'_>) -> Result<(), NnError> {
    match fields.number("partial_rotary_factor")? {
        Some(part) if part != 1.0 => Err(fields.unsupported("partial_rotary_factor", part)),
        _ => Ok(()),
    }
}
