//! A Hugging Face `config.json` as the architectures read it.
//!
//! What transformers before 5 wrote (`rope_theta` beside `rope_scaling`) and what transformers 5
//! writes (`rope_parameters`, for models with two kinds of layers one of each) are both read. A
//! field that would change the graph and that is not built here is refused by name.

use serde_json::{Map, Value};

use super::activation::Activation;
use super::config::{MAX_DIMENSION, Window};
use super::rope::{Rope, RopeScaling, long_magnitude, yarn_magnitude};
use crate::error::InferError;

/// The fields of an object of the file.
#[derive(Clone)]
pub(super) struct Fields<'a> {
    file: &'a str,
    /// What stands before a field's name in messages.
    path: String,
    object: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(file: &'a str, object: &'a Map<String, Value>) -> Self {
        Fields { file, path: String::new(), object }
    }

    /// A field that is there and not `null`.
    pub(super) fn get(&self, field: &str) -> Option<&'a Value> {
        self.object.get(field).filter(|value| !value.is_null())
    }

    /// Whether the field is there, `null` included.
    pub(super) fn contains(&self, field: &str) -> bool {
        self.object.contains_key(field)
    }

    pub(super) fn optional_count(&self, field: &str) -> Result<Option<usize>, InferError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        let count = value.as_u64().and_then(|n| usize::try_from(n).ok());
        let count = count.ok_or_else(|| self.wrong_type(field, "a whole number", value))?;
        if count == 0 || count >= MAX_DIMENSION {
            return Err(self.invalid(field, count, "above 0, below 2^31"));
        }
        Ok(Some(count))
    }

    /// A dimension: above 0 and below 2^31.
    pub(super) fn count(&self, field: &str) -> Result<usize, InferError> {
        self.optional_count(field)?.ok_or_else(|| self.missing(field))
    }

    pub(super) fn number(&self, field: &str) -> Result<Option<f64>, InferError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        value.as_f64().map(Some).ok_or_else(|| self.wrong_type(field, "a number", value))
    }

    /// A number that must be finite and above 0.
    pub(super) fn positive(&self, field: &str) -> Result<Option<f64>, InferError> {
        match self.number(field)? {
            Some(x) if !(x.is_finite() && x > 0.0) => {
                Err(self.invalid(field, x, "a finite number above 0"))
            }
            x => Ok(x),
        }
    }

    fn required_positive(&self, field: &str) -> Result<f64, InferError> {
        self.positive(field)?.ok_or_else(|| self.missing(field))
    }

    pub(super) fn boolean(&self, field: &str) -> Result<Option<bool>, InferError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| self.wrong_type(field, "true or false", value))
    }

    pub(super) fn text(&self, field: &str) -> Result<Option<&'a str>, InferError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| self.wrong_type(field, "a text", value))
    }

    pub(super) fn object(&self, field: &str) -> Result<Option<Fields<'a>>, InferError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        let object = value.as_object().ok_or_else(|| self.wrong_type(field, "an object", value))?;
        Ok(Some(Fields { file: self.file, path: format!("{}{field}.", self.path), object }))
    }

    /// The ε of the norms.
    pub(super) fn epsilon(&self, field: &str, default: f64) -> Result<f32, InferError> {
        let eps = self.number(field)?.unwrap_or(default);
        match (0.0..1.0).contains(&eps) {
            true => Ok(eps as f32),
            false => Err(self.invalid(field, eps, "a number in [0, 1)")),
        }
    }

    /// The function that one of `fields` names.
    pub(super) fn activation(
        &self,
        fields: &[&str],
        default: Activation,
    ) -> Result<Activation, InferError> {
        for field in fields {
            if let Some(name) = self.text(field)? {
                return Activation::named(name).ok_or_else(|| self.unsupported(field, name));
            }
        }
        Ok(default)
    }

    /// The key and value heads of `heads`; `default` where the file is silent.
    pub(super) fn kv_heads(&self, heads: usize, default: usize) -> Result<usize, InferError> {
        let field = "num_key_value_heads";
        // A null means as many as there are heads.
        let silent = if self.contains(field) { heads } else { default };
        let kv_heads = self.optional_count(field)?.unwrap_or(silent);
        match heads.is_multiple_of(kv_heads) {
            true => Ok(kv_heads),
            false => Err(self.invalid(field, kv_heads, "a divisor of num_attention_heads")),
        }
    }

    /// The width of a head; `default` where the file is silent, C / H if there is no default.
    pub(super) fn head_dim(
        &self,
        hidden_size: usize,
        heads: usize,
        default: Option<usize>,
    ) -> Result<usize, InferError> {
        let head_dim = match self.optional_count("head_dim")?.or(default) {
            Some(n) => n,
            None if hidden_size.is_multiple_of(heads) => hidden_size / heads,
            None => {
                let expected = "a divisor of the width";
                return Err(self.invalid("num_attention_heads", heads, expected));
            }
        };
        if !head_dim.is_multiple_of(2) || heads.saturating_mul(head_dim) >= MAX_DIMENSION {
            let expected = "even, and times the heads below 2^31";
            return Err(self.invalid("head_dim", head_dim, expected));
        }
        Ok(head_dim)
    }

    /// The rotary embedding of heads of this width, of the layers of a kind where the file tells
    /// kinds apart.
    pub(super) fn rope(
        &self,
        kind: Option<&str>,
        head_dim: usize,
        context: usize,
    ) -> Result<Rope, InferError> {
        // transformers 5 prefers `rope_scaling` too where a file has both.
        let mut scaling = match self.object("rope_scaling")? {
            Some(scaling) => Some(scaling),
            None => self.object("rope_parameters")?,
        };
        if let (Some(all), Some(kind)) = (&scaling, kind)
            && all.contains(kind)
        {
            scaling = all.object(kind)?;
        }
        let inner = scaling.as_ref();
        let of = |field| match inner.map_or(Ok(None), |inner| inner.positive(field))? {
            Some(x) => Ok(Some(x)),
            None => self.positive(field),
        };
        let theta = of("rope_theta")?.unwrap_or(10_000.0);
        if theta <= 1.0 {
            return Err(self.invalid("rope_theta", theta, "a finite number above 1"));
        }
        let part = of("partial_rotary_factor")?.unwrap_or(1.0);
        let width = (head_dim as f64 * part) as usize;
        if part > 1.0 || !width.is_multiple_of(2) || width == 0 {
            let expected = "at most 1, and of a head an even part";
            return Err(self.invalid("partial_rotary_factor", part, expected));
        }
        let mut rope = Rope::plain(width, theta);
        if let Some(scaling) = inner {
            let outer = self.optional_count("original_max_position_embeddings")?;
            scaling.scale(&mut rope, outer, context)?;
        }
        Ok(rope)
    }

    /// Reads a scaling; `outer` is the original context as it stands outside of it.
    fn scale(
        &self,
        rope: &mut Rope,
        outer: Option<usize>,
        context: usize,
    ) -> Result<(), InferError> {
        let (field, kind) = match self.text("rope_type")? {
            Some(kind) => ("rope_type", kind),
            None => ("type", self.text("type")?.unwrap_or("default")),
        };
        let inner = self.optional_count("original_max_position_embeddings")?;
        let original = outer.or(inner).unwrap_or(context);
        let factor = || self.required_positive("factor");
        rope.scaling = match kind {
            "default" => RopeScaling::None,
            "linear" => RopeScaling::Linear { factor: factor()? },
            "llama3" => {
                let low = self.required_positive("low_freq_factor")?;
                let high = self.required_positive("high_freq_factor")?;
                if high <= low {
                    return Err(self.invalid("high_freq_factor", high, "above low_freq_factor"));
                }
                RopeScaling::Llama3 { factor: factor()?, low, high, original }
            }
            "dynamic" => {
                if rope.width <= 2 {
                    return Err(self.unsupported(field, kind));
                }
                RopeScaling::Dynamic { factor: factor()?, original: context }
            }
            "yarn" => {
                let factor = match self.positive("factor")? {
                    Some(factor) => factor,
                    None => context as f64 / original as f64,
                };
                rope.magnitude = self.yarn_magnitude(factor)? as f32;
                RopeScaling::Yarn {
                    factor,
                    original,
                    fast: self.positive("beta_fast")?.unwrap_or(32.0),
                    slow: self.positive("beta_slow")?.unwrap_or(1.0),
                    truncate: self.boolean("truncate")?.unwrap_or(true),
                }
            }
            // Phi-3's first name of it was "su".
            "longrope" | "su" => {
                let factor = match self.positive("factor")? {
                    Some(factor) => factor,
                    None => context as f64 / original as f64,
                };
                rope.magnitude = match self.positive("attention_factor")? {
                    Some(magnitude) => magnitude as f32,
                    None => long_magnitude(factor, original) as f32,
                };
                let factors = |field| self.factors(field, rope.width / 2);
                let (short, long) = (factors("short_factor")?, factors("long_factor")?);
                RopeScaling::LongRope { original, short, long }
            }
            other => return Err(self.unsupported(field, other)),
        };
        Ok(())
    }

    fn yarn_magnitude(&self, factor: f64) -> Result<f64, InferError> {
        if let Some(magnitude) = self.positive("attention_factor")? {
            return Ok(magnitude);
        }
        let (slope, all) = (self.number("mscale")?, self.number("mscale_all_dim")?);
        Ok(match (slope.filter(|x| *x != 0.0), all.filter(|x| *x != 0.0)) {
            (Some(slope), Some(all)) => yarn_magnitude(factor, slope) / yarn_magnitude(factor, all),
            _ => yarn_magnitude(factor, 1.0),
        })
    }

    fn factors(&self, field: &str, len: usize) -> Result<Vec<f32>, InferError> {
        let value = self.get(field).ok_or_else(|| self.missing(field))?;
        let list = value.as_array().ok_or_else(|| self.wrong_type(field, "a list", value))?;
        let expected = "a number above 0 for each pair of a head";
        let factors = list.iter().map(|x| x.as_f64().map(|x| x as f32));
        let factors: Option<Vec<f32>> =
            factors.map(|x| x.filter(|x| x.is_finite() && *x > 0.0)).collect();
        let factors = factors.filter(|factors| factors.len() == len);
        factors.ok_or_else(|| self.invalid(field, value, expected))
    }

    /// The window as the list of layers' kinds has it, or as `default` says where there is none.
    pub(super) fn window(
        &self,
        window: Option<usize>,
        default: impl FnOnce(usize) -> Window,
    ) -> Result<Window, InferError> {
        let Some(window) = window else {
            self.refuse_sliding_layers()?;
            return Ok(Window::None);
        };
        let Some(kinds) = self.get("layer_types") else { return Ok(default(window)) };
        let list =
            kinds.as_array().ok_or_else(|| self.wrong_type("layer_types", "a list", kinds))?;
        let layers = list.iter().map(|kind| match kind.as_str() {
            Some("full_attention") => Ok(false),
            Some("sliding_attention") => Ok(true),
            _ => Err(self.unsupported("layer_types", kind)),
        });
        Ok(Window::Listed { window, layers: layers.collect::<Result<_, _>>()? })
    }

    /// Without a window all layers must see everything.
    fn refuse_sliding_layers(&self) -> Result<(), InferError> {
        if let Some(Value::Array(kinds)) = self.get("layer_types")
            && let Some(other) = kinds.iter().find(|kind| *kind != "full_attention")
        {
            return Err(self.unsupported("layer_types", other));
        }
        Ok(())
    }

    pub(super) fn missing(&self, field: &str) -> InferError {
        InferError::MissingKey { file: self.file.to_string(), key: self.named(field) }
    }

    fn wrong_type(&self, field: &str, expected: &'static str, found: &Value) -> InferError {
        let found = match found {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        let (file, key) = (self.file.to_string(), self.named(field));
        InferError::WrongType { file, key, expected, found }
    }

    pub(super) fn invalid(
        &self,
        field: &str,
        value: impl ToString,
        expected: &'static str,
    ) -> InferError {
        InferError::InvalidConfig {
            file: self.file.to_string(),
            key: self.named(field),
            value: value.to_string(),
            expected,
        }
    }

    pub(super) fn unsupported(&self, field: &str, value: impl ToString) -> InferError {
        InferError::UnsupportedFeature {
            file: self.file.to_string(),
            key: self.named(field),
            value: value.to_string(),
        }
    }

    fn named(&self, field: &str) -> String {
        format!("{}{field}", self.path)
    }
}
