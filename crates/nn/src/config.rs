//! `config.json`: what a Llama-shaped model is, apart from its weights.

mod rope_scaling;

use serde_json::{Map, Value, json};

use crate::NnError;
use crate::json_fields::JsonFields;

pub use rope_scaling::RopeScaling;

/// No dimension of a model may reach this. It is far above every model there is and leaves room
/// for products of three dimensions in 128 bits, and of two in 64.
const MAX_DIMENSION: usize = 1 << 31;

/// Which of the families that share Llama's graph a model belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Architecture {
    /// `LlamaForCausalLM`.
    Llama,
    /// `MistralForCausalLM` with full attention: Llama's graph under another name.
    Mistral,
    /// `Qwen2ForCausalLM` with full attention: Llama's graph with biases on q, k and v.
    Qwen2,
}

impl Architecture {
    /// The value of `model_type`.
    pub fn model_type(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Mistral => "mistral",
            Self::Qwen2 => "qwen2",
        }
    }

    /// The entry of `architectures`: the class that transformers loads.
    pub fn class_name(self) -> &'static str {
        match self {
            Self::Llama => "LlamaForCausalLM",
            Self::Mistral => "MistralForCausalLM",
            Self::Qwen2 => "Qwen2ForCausalLM",
        }
    }

    fn from_model_type(model_type: &str) -> Option<Self> {
        [Self::Llama, Self::Mistral, Self::Qwen2]
            .into_iter()
            .find(|architecture| architecture.model_type() == model_type)
    }
}

/// The fields of a Hugging Face `config.json` that a Llama-shaped causal language model has.
///
/// Field names are those of the file. [`LlamaConfig::parse`] reads what transformers before 5
/// wrote (`rope_theta` beside `rope_scaling`, `torch_dtype`) and what transformers 5 writes
/// (`rope_parameters`, `dtype`); [`LlamaConfig::to_json`] writes a file that both read.
///
/// A field that would change the graph and that is not built here (another activation, a sliding
/// window, YaRN) is refused by name; it is never ignored. Other fields (`transformers_version`,
/// `use_cache`, settings of generation) are ignored, and not written again.
///
/// # Examples
///
/// ```
/// use ulp_nn::{LlamaConfig, RopeScaling};
///
/// let text = br#"{
///     "model_type": "llama", "vocab_size": 128256, "hidden_size": 2048,
///     "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32,
///     "num_key_value_heads": 8, "rms_norm_eps": 1e-05, "max_position_embeddings": 131072,
///     "rope_theta": 500000.0, "tie_word_embeddings": true, "eos_token_id": [128001, 128009],
///     "rope_scaling": {"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0,
///                      "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
/// }"#;
/// let config = LlamaConfig::parse(text, "config.json")?;
/// assert_eq!(config.head_dim, 64);
/// assert_eq!(config.eos_token_id, [128001, 128009]);
/// assert!(matches!(config.rope_scaling, RopeScaling::Llama3 { .. }));
/// assert_eq!(config.rope_inverse_frequencies()[0], 1.0);
/// # Ok::<(), ulp_nn::NnError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LlamaConfig {
    /// Which family the model belongs to (`model_type`).
    pub architecture: Architecture,
    /// V, the number of token ids.
    pub vocab_size: usize,
    /// C, the width of the residual stream.
    pub hidden_size: usize,
    /// F, the width inside the feed-forward block.
    pub intermediate_size: usize,
    /// L, the number of decoder layers.
    pub num_hidden_layers: usize,
    /// H, the number of query heads.
    pub num_attention_heads: usize,
    /// K, the number of key and value heads; it divides H.
    pub num_key_value_heads: usize,
    /// D, the width of a head; C / H unless the file says otherwise.
    pub head_dim: usize,
    /// The longest sequence the model was made for.
    pub max_position_embeddings: usize,
    /// The ε of every RMSNorm.
    pub rms_norm_eps: f64,
    /// The base θ of the rotary embedding's frequencies.
    pub rope_theta: f64,
    /// How the frequencies are changed for longer sequences.
    pub rope_scaling: RopeScaling,
    /// Llama: biases on q, k, v and o. See [`LlamaConfig::qkv_bias`] and
    /// [`LlamaConfig::output_bias`], which know the other families too.
    pub attention_bias: bool,
    /// Biases on gate, up and down.
    pub mlp_bias: bool,
    /// The output projection is the embedding's matrix.
    pub tie_word_embeddings: bool,
    /// The standard deviation of the initial weights.
    pub initializer_range: f64,
    /// Dropout on the attention's weights while training.
    pub attention_dropout: f64,
    /// The token a sequence begins with.
    pub bos_token_id: Option<u32>,
    /// The tokens that end a sequence; empty if there is none.
    pub eos_token_id: Vec<u32>,
    /// The token that fills short sequences of a batch.
    pub pad_token_id: Option<u32>,
}

impl LlamaConfig {
    /// Reads the bytes of a `config.json`. `file` is the name used in errors.
    ///
    /// Dimensions and `rms_norm_eps` of the families that have no common default must be there;
    /// the other fields have transformers' defaults.
    ///
    /// # Errors
    ///
    /// [`NnError::Json`], [`NnError::MissingField`], [`NnError::WrongType`],
    /// [`NnError::InvalidValue`] and [`NnError::Unsupported`], each naming the field.
    pub fn parse(bytes: &[u8], file: &str) -> Result<Self, NnError> {
        let value: Value = serde_json::from_slice(bytes).map_err(|source| NnError::Json {
            file: file.to_owned(),
            offset: 0,
            source,
        })?;
        let object = value.as_object().ok_or_else(|| NnError::WrongType {
            file: file.to_owned(),
            field: "the whole text".to_owned(),
            expected: "an object",
        })?;
        let fields = JsonFields::new(file, "", object);
        let architecture = read_architecture(&fields)?;
        refuse_other_graphs(&fields, architecture)?;

        let hidden_size = fields.required_count("hidden_size")?;
        let num_attention_heads = fields.required_count("num_attention_heads")?;
        let num_key_value_heads = read_key_value_heads(&fields, architecture, num_attention_heads)?;
        let head_dim = read_head_dim(&fields, hidden_size, num_attention_heads)?;
        let max_position_embeddings = match architecture {
            Architecture::Llama => fields.count("max_position_embeddings")?.unwrap_or(2048),
            _ => fields.required_count("max_position_embeddings")?,
        };
        let (rope_theta, rope_scaling) =
            rope_scaling::read_rope(file, &fields, max_position_embeddings)?;
        let config = Self {
            architecture,
            vocab_size: fields.required_count("vocab_size")?,
            hidden_size,
            intermediate_size: fields.required_count("intermediate_size")?,
            num_hidden_layers: fields.required_count("num_hidden_layers")?,
            num_attention_heads,
            num_key_value_heads,
            head_dim,
            max_position_embeddings,
            rms_norm_eps: fields.number("rms_norm_eps")?.unwrap_or(1e-6),
            rope_theta,
            rope_scaling,
            attention_bias: fields.boolean("attention_bias")?.unwrap_or(false),
            mlp_bias: fields.boolean("mlp_bias")?.unwrap_or(false),
            tie_word_embeddings: fields.boolean("tie_word_embeddings")?.unwrap_or(false),
            initializer_range: fields.number("initializer_range")?.unwrap_or(0.02),
            attention_dropout: fields.number("attention_dropout")?.unwrap_or(0.0),
            bos_token_id: read_bos(&fields, architecture)?,
            eos_token_id: read_eos(&fields, architecture)?,
            pad_token_id: read_one_token(&fields, "pad_token_id")?,
        };
        config.validate(file)?;
        Ok(config)
    }

    /// Whether q, k and v have biases.
    pub fn qkv_bias(&self) -> bool {
        self.attention_bias || self.architecture == Architecture::Qwen2
    }

    /// Whether o has a bias.
    pub fn output_bias(&self) -> bool {
        self.attention_bias && self.architecture == Architecture::Llama
    }

    /// The width of all query heads together, H·D.
    pub fn query_width(&self) -> usize {
        self.num_attention_heads * self.head_dim
    }

    /// The width of all key (or value) heads together, K·D.
    pub fn key_value_width(&self) -> usize {
        self.num_key_value_heads * self.head_dim
    }

    /// The number of trained numbers: V·C for the embedding (twice if not tied), and for each
    /// layer two norms, q, k, v, o, gate, up, down and their biases, and one norm at the end.
    ///
    /// `u128`, because a file may claim dimensions whose product no `usize` holds.
    pub fn parameter_count(&self) -> u128 {
        let [v, c, f, l] =
            [self.vocab_size, self.hidden_size, self.intermediate_size, self.num_hidden_layers]
                .map(|n| n as u128);
        let [h, k, d] =
            [self.num_attention_heads, self.num_key_value_heads, self.head_dim].map(|n| n as u128);
        let attention = 2 * c * h * d + 2 * c * k * d;
        let qkv_bias = if self.qkv_bias() { h * d + 2 * k * d } else { 0 };
        let output_bias = if self.output_bias() { c } else { 0 };
        let mlp_bias = if self.mlp_bias { 2 * f + c } else { 0 };
        let layer = 2 * c + attention + qkv_bias + output_bias + 3 * c * f + mlp_bias;
        let embeddings = if self.tie_word_embeddings { v * c } else { 2 * v * c };
        // Each term of `layer` is below 2^95 and l is below 2^31, so the product can pass 2^126
        // only by lying about every dimension at once; saturating keeps that case ordered.
        embeddings.saturating_add(layer.saturating_mul(l)).saturating_add(c)
    }

    /// The angular frequency of each pair of a head's coordinates, D / 2 values: position p turns
    /// pair i by `p · f[i]`.
    ///
    /// Unscaled, `f[i] = θ^(−2i/D)` ([RoFormer](https://arxiv.org/abs/2104.09864)); see
    /// [`RopeScaling`] for the rest.
    ///
    /// # Accuracy
    ///
    /// Models were trained with these numbers in f32, so each step rounds to f32 as there:
    /// within 2 ulp of transformers' (test `rope_frequencies_are_those_of_transformers`).
    pub fn rope_inverse_frequencies(&self) -> Vec<f32> {
        self.rope_scaling.inverse_frequencies(self.rope_theta, self.head_dim)
    }

    /// Checks a configuration that was made in code by the rules that [`LlamaConfig::parse`]
    /// applies to a file. `file` is the name used in errors.
    ///
    /// # Errors
    ///
    /// [`NnError::InvalidValue`] naming the first field that breaks a rule.
    pub fn validate(&self, file: &str) -> Result<(), NnError> {
        let empty = Map::new();
        let fields = JsonFields::new(file, "", &empty);
        let dimensions = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads),
            ("head_dim", self.head_dim),
            ("max_position_embeddings", self.max_position_embeddings),
        ];
        for (field, value) in dimensions {
            if value == 0 {
                return Err(fields.invalid(field, value, "it must be positive"));
            }
            if value >= MAX_DIMENSION {
                return Err(fields.invalid(field, value, "it must be below 2^31"));
            }
        }
        if !self.num_attention_heads.is_multiple_of(self.num_key_value_heads) {
            let rule = "it must divide num_attention_heads";
            return Err(fields.invalid("num_key_value_heads", self.num_key_value_heads, rule));
        }
        if !self.head_dim.is_multiple_of(2) {
            let rule = "rotary embedding turns pairs, so it must be even";
            return Err(fields.invalid("head_dim", self.head_dim, rule));
        }
        if self.num_attention_heads * self.head_dim >= MAX_DIMENSION {
            let rule = "num_attention_heads times head_dim must be below 2^31";
            return Err(fields.invalid("head_dim", self.head_dim, rule));
        }
        if !(self.rms_norm_eps >= 0.0 && self.rms_norm_eps < 1.0) {
            return Err(fields.invalid("rms_norm_eps", self.rms_norm_eps, "it must be in [0, 1)"));
        }
        if !(self.rope_theta.is_finite() && self.rope_theta > 1.0) {
            let rule = "it must be finite and above 1";
            return Err(fields.invalid("rope_theta", self.rope_theta, rule));
        }
        if !(self.initializer_range.is_finite() && self.initializer_range >= 0.0) {
            let rule = "it must be finite and not negative";
            return Err(fields.invalid("initializer_range", self.initializer_range, rule));
        }
        if !(self.attention_dropout >= 0.0 && self.attention_dropout < 1.0) {
            let rule = "it must be in [0, 1)";
            return Err(fields.invalid("attention_dropout", self.attention_dropout, rule));
        }
        if self.attention_bias && self.architecture != Architecture::Llama {
            return Err(fields.unsupported("attention_bias", true));
        }
        if self.mlp_bias && self.architecture != Architecture::Llama {
            return Err(fields.unsupported("mlp_bias", true));
        }
        self.rope_scaling.validate(file)
    }

    /// The text of a `config.json` that transformers reads, before version 5 and since.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ulp_nn::LlamaConfig;
    /// # let config = LlamaConfig::parse(br#"{"model_type": "llama", "vocab_size": 32,
    /// #     "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1,
    /// #     "num_attention_heads": 2}"#, "config.json")?;
    /// let text = config.to_json();
    /// assert_eq!(LlamaConfig::parse(text.as_bytes(), "config.json")?, config);
    /// # Ok::<(), ulp_nn::NnError>(())
    /// ```
    pub fn to_json(&self) -> String {
        let mut object = Map::new();
        let mut put = |field: &str, value: Value| object.insert(field.to_owned(), value);
        put("architectures", json!([self.architecture.class_name()]));
        if self.architecture == Architecture::Llama {
            put("attention_bias", json!(self.attention_bias));
        }
        put("attention_dropout", json!(self.attention_dropout));
        put("bos_token_id", json!(self.bos_token_id));
        put("dtype", json!("float32"));
        put("eos_token_id", tokens_as_json(&self.eos_token_id));
        put("head_dim", json!(self.head_dim));
        put("hidden_act", json!("silu"));
        put("hidden_size", json!(self.hidden_size));
        put("initializer_range", json!(self.initializer_range));
        put("intermediate_size", json!(self.intermediate_size));
        put("max_position_embeddings", json!(self.max_position_embeddings));
        if self.architecture == Architecture::Llama {
            put("mlp_bias", json!(self.mlp_bias));
        }
        put("model_type", json!(self.architecture.model_type()));
        put("num_attention_heads", json!(self.num_attention_heads));
        put("num_hidden_layers", json!(self.num_hidden_layers));
        put("num_key_value_heads", json!(self.num_key_value_heads));
        put("pad_token_id", json!(self.pad_token_id));
        put("rms_norm_eps", json!(self.rms_norm_eps));
        // transformers 5 reads `rope_parameters`, older ones the two fields below it.
        put("rope_parameters", self.rope_scaling.to_rope_parameters(self.rope_theta));
        put("rope_scaling", self.rope_scaling.to_rope_scaling());
        put("rope_theta", json!(self.rope_theta));
        if self.architecture == Architecture::Mistral {
            put("sliding_window", Value::Null);
        }
        put("tie_word_embeddings", json!(self.tie_word_embeddings));
        put("torch_dtype", json!("float32"));
        put("use_cache", json!(true));
        put("vocab_size", json!(self.vocab_size));
        format!("{:#}\n", Value::Object(object))
    }
}

fn read_architecture(fields: &JsonFields<'_>) -> Result<Architecture, NnError> {
    let model_type = fields.text("model_type")?.ok_or_else(|| fields.missing("model_type"))?;
    Architecture::from_model_type(model_type)
        .ok_or_else(|| fields.unsupported("model_type", model_type))
}

/// Fields under which the same `model_type` computes something else.
fn refuse_other_graphs(fields: &JsonFields<'_>, architecture: Architecture) -> Result<(), NnError> {
    let activation = fields.text("hidden_act")?.unwrap_or("silu");
    // "swish" is the same function under the name its paper gave it.
    if !matches!(activation, "silu" | "swish") {
        return Err(fields.unsupported("hidden_act", activation));
    }
    if let Some(method) = fields.get("quantization_config") {
        return Err(fields.unsupported("quantization_config", method));
    }
    match architecture {
        Architecture::Llama => {}
        Architecture::Mistral => {
            // An absent field means 4096 in transformers, and `null` means none.
            let window = fields.count("sliding_window")?;
            let longest = fields.required_count("max_position_embeddings")?;
            match window {
                Some(window) if window < longest => {
                    return Err(fields.unsupported("sliding_window", window));
                }
                None if !fields.contains("sliding_window") && longest > 4096 => {
                    return Err(fields.missing("sliding_window"));
                }
                _ => {}
            }
        }
        Architecture::Qwen2 => {
            if fields.boolean("use_sliding_window")?.unwrap_or(false) {
                return Err(fields.unsupported("use_sliding_window", true));
            }
        }
    }
    if let Some(Value::Array(kinds)) = fields.get("layer_types")
        && let Some(other) = kinds.iter().find(|kind| *kind != "full_attention")
    {
        return Err(fields.unsupported("layer_types", other));
    }
    Ok(())
}

fn read_key_value_heads(
    fields: &JsonFields<'_>,
    architecture: Architecture,
    heads: usize,
) -> Result<usize, NnError> {
    match fields.count("num_key_value_heads")? {
        Some(heads) => Ok(heads),
        // Absent (not null), the other families mean a number of their own.
        None if architecture == Architecture::Llama || fields.contains("num_key_value_heads") => {
            Ok(heads)
        }
        None => Err(fields.missing("num_key_value_heads")),
    }
}

fn read_head_dim(
    fields: &JsonFields<'_>,
    hidden_size: usize,
    heads: usize,
) -> Result<usize, NnError> {
    if let Some(head_dim) = fields.count("head_dim")? {
        return Ok(head_dim);
    }
    if heads == 0 {
        return Err(fields.invalid("num_attention_heads", heads, "it must be positive"));
    }
    if !hidden_size.is_multiple_of(heads) {
        let rule = "without head_dim it must divide hidden_size";
        return Err(fields.invalid("num_attention_heads", heads, rule));
    }
    Ok(hidden_size / heads)
}

fn read_bos(fields: &JsonFields<'_>, architecture: Architecture) -> Result<Option<u32>, NnError> {
    match architecture {
        Architecture::Llama | Architecture::Mistral if !fields.contains("bos_token_id") => {
            Ok(Some(1))
        }
        _ => read_one_token(fields, "bos_token_id"),
    }
}

fn read_eos(fields: &JsonFields<'_>, architecture: Architecture) -> Result<Vec<u32>, NnError> {
    match architecture {
        Architecture::Llama | Architecture::Mistral if !fields.contains("eos_token_id") => {
            Ok(vec![2])
        }
        _ => fields.token_ids("eos_token_id"),
    }
}

/// −1 stands for "none" in files of the first Llama.
fn read_one_token(fields: &JsonFields<'_>, field: &str) -> Result<Option<u32>, NnError> {
    if fields.get(field).and_then(Value::as_i64) == Some(-1) {
        return Ok(None);
    }
    match fields.token_ids(field)?.as_slice() {
        [] => Ok(None),
        [id] => Ok(Some(*id)),
        _ => Err(fields.wrong_type(field, "one token id")),
    }
}

fn tokens_as_json(ids: &[u32]) -> Value {
    match ids {
        [] => Value::Null,
        [id] => json!(id),
        many => json!(many),
    }
}
