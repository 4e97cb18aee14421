//! A GGUF file's metadata as the architectures read it: the keys `ARCHITECTURE.*`.

use super::config::{MAX_DIMENSION, Window};
use super::rope::{Rope, RopeScaling, yarn_magnitude};
use crate::error::InferError;
use crate::gguf::Gguf;
use crate::quant::dequantize;

/// The keys of one architecture, without their first part.
#[derive(Clone, Copy)]
pub(super) struct Keys<'a> {
    gguf: &'a Gguf,
    prefix: &'a str,
}

impl<'a> Keys<'a> {
    pub(super) fn new(gguf: &'a Gguf, prefix: &'a str) -> Self {
        Keys { gguf, prefix }
    }

    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.gguf.get(&self.key(name)).is_some()
    }

    pub(super) fn has_tensor(&self, name: &str) -> bool {
        self.gguf.tensor(name).is_some()
    }

    /// A dimension: above 0 and below 2^31.
    pub(super) fn count(&self, name: &str) -> Result<usize, InferError> {
        let n = self.gguf.usize(&self.key(name))?;
        if n == 0 || n >= MAX_DIMENSION {
            return Err(self.invalid(name, n, "above 0, below 2^31"));
        }
        Ok(n)
    }

    pub(super) fn optional_count(&self, name: &str) -> Result<Option<usize>, InferError> {
        if self.has(name) { self.count(name).map(Some) } else { Ok(None) }
    }

    fn float(&self, name: &str) -> Result<f32, InferError> {
        self.gguf.f32(&self.key(name))
    }

    pub(super) fn optional_float(&self, name: &str) -> Result<Option<f32>, InferError> {
        if self.has(name) { self.float(name).map(Some) } else { Ok(None) }
    }

    /// A number that must be finite and above 0.
    pub(super) fn positive(&self, name: &str) -> Result<Option<f32>, InferError> {
        match self.optional_float(name)? {
            Some(x) if !(x.is_finite() && x > 0.0) => {
                Err(self.invalid(name, x, "a finite number above 0"))
            }
            x => Ok(x),
        }
    }

    /// The ε of the norms.
    pub(super) fn epsilon(&self, name: &str) -> Result<f32, InferError> {
        let eps = self.float(name)?;
        match (0.0..1.0).contains(&eps) {
            true => Ok(eps),
            false => Err(self.invalid(name, eps, "a number in [0, 1)")),
        }
    }

    /// The number of rows of the embedding: what the output has to have, whatever the list of
    /// tokens says.
    pub(super) fn vocabulary(&self) -> Result<usize, InferError> {
        let name = "token_embd.weight";
        let tensor = self.gguf.tensor(name).ok_or_else(|| InferError::MissingTensor {
            file: self.gguf.file().to_string(),
            tensor: name.to_string(),
        })?;
        match tensor.shape.first() {
            Some(&rows) if rows > 0 && rows < MAX_DIMENSION => Ok(rows),
            _ => Err(InferError::InvalidConfig {
                file: self.gguf.file().to_string(),
                key: name.to_string(),
                value: format!("{:?}", tensor.shape),
                expected: "a row for each token",
            }),
        }
    }

    /// The key and value heads of `heads`.
    pub(super) fn kv_heads(&self, heads: usize) -> Result<usize, InferError> {
        let name = "attention.head_count_kv";
        let kv_heads = self.optional_count(name)?.unwrap_or(heads);
        match heads.is_multiple_of(kv_heads) {
            true => Ok(kv_heads),
            false => Err(self.invalid(name, kv_heads, "a divisor of the heads")),
        }
    }

    pub(super) fn head_dim(&self, hidden_size: usize, heads: usize) -> Result<usize, InferError> {
        let head_dim = match self.optional_count("attention.key_length")? {
            Some(n) => n,
            None if hidden_size.is_multiple_of(heads) => hidden_size / heads,
            None => {
                return Err(self.invalid("attention.head_count", heads, "a divisor of the width"));
            }
        };
        if !head_dim.is_multiple_of(2) || heads.saturating_mul(head_dim) >= MAX_DIMENSION {
            let expected = "even, and times the heads below 2^31";
            return Err(self.invalid("attention.key_length", head_dim, expected));
        }
        let name = "attention.value_length";
        match self.optional_count(name)? {
            Some(n) if n != head_dim => Err(self.unsupported(name, n)),
            _ => Ok(head_dim),
        }
    }

    /// The rotary embedding of heads of this width.
    pub(super) fn rope(&self, head_dim: usize, context: usize) -> Result<Rope, InferError> {
        let width = self.optional_count("rope.dimension_count")?.unwrap_or(head_dim);
        if width > head_dim || !width.is_multiple_of(2) {
            let expected = "even, and no more than the width of a head";
            return Err(self.invalid("rope.dimension_count", width, expected));
        }
        let theta = self.theta("rope.freq_base")?.unwrap_or(10_000.0);
        let (scaling, magnitude) = self.rope_scaling(context)?;
        let rope = Rope { scaling, magnitude, ..Rope::plain(width, theta) };
        match ["rope_factors_short.weight", "rope_factors_long.weight"] {
            names if !names.iter().any(|name| self.has_tensor(name)) => {
                let divisors = self.factors("rope_freqs.weight", width / 2)?.unwrap_or_default();
                Ok(Rope { divisors, ..rope })
            }
            names => self.long_rope(rope, names, context),
        }
    }

    /// LongRoPE, which a file tells by its tensors.
    fn long_rope(&self, rope: Rope, names: [&str; 2], context: usize) -> Result<Rope, InferError> {
        let kind = "rope.scaling.type";
        if rope.scaling != RopeScaling::None {
            return Err(self.unsupported(kind, self.gguf.str(&self.key(kind))?));
        }
        let original = self.optional_count("rope.scaling.original_context_length")?;
        let factors = |name: &str| match self.factors(name, rope.width / 2)? {
            Some(factors) => Ok(factors),
            None => Err(InferError::MissingTensor {
                file: self.gguf.file().to_string(),
                tensor: name.to_string(),
            }),
        };
        let [short, long] = names.map(factors);
        let original = original.unwrap_or(context);
        Ok(Rope { scaling: RopeScaling::LongRope { original, short: short?, long: long? }, ..rope })
    }

    /// The tensor of this name, if there is one: a number above 0 for each pair of a head.
    fn factors(&self, name: &str, len: usize) -> Result<Option<Vec<f32>>, InferError> {
        if !self.has_tensor(name) {
            return Ok(None);
        }
        let file = || self.gguf.file().to_string();
        let (ty, data) = self.gguf.stored(name, &[len])?;
        let factors = dequantize(ty, &data).map_err(|e| e.named(&file(), name))?;
        match factors.iter().find(|x| !(x.is_finite() && **x > 0.0)) {
            None => Ok(Some(factors)),
            Some(x) => Err(InferError::InvalidConfig {
                file: file(),
                key: name.to_string(),
                value: x.to_string(),
                expected: "finite numbers above 0",
            }),
        }
    }

    /// A base of frequencies.
    pub(super) fn theta(&self, name: &str) -> Result<Option<f64>, InferError> {
        match self.optional_float(name)? {
            Some(theta) if !(theta.is_finite() && theta > 1.0) => {
                Err(self.invalid(name, theta, "a finite number above 1"))
            }
            theta => Ok(theta.map(f64::from)),
        }
    }

    /// How frequencies are changed, and the magnitude of cosines and sines.
    fn rope_scaling(&self, context: usize) -> Result<(RopeScaling, f32), InferError> {
        // Before there was a type, files had this one key.
        let old = self.positive("rope.scale_linear")?;
        let key = self.key("rope.scaling.type");
        let kind = match self.gguf.get(&key) {
            Some(_) => self.gguf.str(&key)?,
            None if old.is_some() => "linear",
            None => "none",
        };
        let factor = || match old {
            Some(factor) => Ok(f64::from(factor)),
            None => match self.positive("rope.scaling.factor")? {
                Some(factor) => Ok(f64::from(factor)),
                None => self.float("rope.scaling.factor").map(f64::from),
            },
        };
        let magnitude = self.positive("rope.scaling.attn_factor")?;
        let plain = magnitude.unwrap_or(1.0);
        match kind {
            // The factors are tensors.
            "none" | "longrope" => Ok((RopeScaling::None, plain)),
            "linear" => Ok((RopeScaling::Linear { factor: factor()? }, plain)),
            "yarn" => {
                let factor = factor()?;
                let original = "rope.scaling.original_context_length";
                let original = self.optional_count(original)?.unwrap_or(context);
                let fast = self.positive("rope.scaling.yarn_beta_fast")?.unwrap_or(32.0);
                let slow = self.positive("rope.scaling.yarn_beta_slow")?.unwrap_or(1.0);
                let scaling = RopeScaling::Yarn {
                    factor,
                    original,
                    fast: f64::from(fast),
                    slow: f64::from(slow),
                    truncate: true,
                };
                Ok((scaling, plain * yarn_magnitude(factor, 1.0) as f32))
            }
            other => Err(self.unsupported("rope.scaling.type", other)),
        }
    }

    /// The window, of all layers but each `period`-th where a file says nothing of them.
    pub(super) fn window(&self, period: Option<usize>) -> Result<Window, InferError> {
        let name = "attention.sliding_window";
        let key = self.key(name);
        if self.gguf.get(&key).is_none() || self.gguf.u64(&key)? == 0 {
            return Ok(Window::None);
        }
        let window = self.count(name)?;
        let key = self.key("attention.sliding_window_pattern");
        let period = match self.gguf.get(&key) {
            Some(value) if value.as_u64().is_none() => {
                let layers = self.gguf.array(&key)?.to_bools().ok_or_else(|| {
                    self.invalid("attention.sliding_window_pattern", "a list", "a list of booleans")
                })?;
                return Ok(Window::Listed { window, layers });
            }
            Some(_) => Some(self.count("attention.sliding_window_pattern")?),
            None => period,
        };
        Ok(match period {
            None => Window::All(window),
            Some(period) => Window::Periodic { window, period },
        })
    }

    /// Refuses keys that ask for another graph than the one built here.
    pub(super) fn refuse_other_graphs(&self) -> Result<(), InferError> {
        for name in ["expert_count", "pooling_type"] {
            let key = self.key(name);
            if self.gguf.get(&key).is_some() && self.gguf.u64(&key)? != 0 {
                return Err(self.unsupported(name, self.gguf.u64(&key)?));
            }
        }
        let key = self.key("attention.causal");
        if self.gguf.get(&key).is_some() && !self.gguf.bool(&key)? {
            return Err(self.unsupported("attention.causal", false));
        }
        Ok(())
    }

    pub(super) fn invalid(
        &self,
        name: &str,
        value: impl ToString,
        expected: &'static str,
    ) -> InferError {
        InferError::InvalidConfig {
            file: self.gguf.file().to_string(),
            key: self.key(name),
            value: value.to_string(),
            expected,
        }
    }

    pub(super) fn unsupported(&self, name: &str, value: impl ToString) -> InferError {
        InferError::UnsupportedFeature {
            file: self.gguf.file().to_string(),
            key: self.key(name),
            value: value.to_string(),
        }
    }
}
