//! What files call a model's tensors.

/// The names of tensors but for their last part (`weight` or `bias`). An empty name is a tensor
/// that the architecture does not have.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) embedding: &'static str,
    pub(crate) positions: &'static str,
    pub(crate) output: &'static str,
    pub(crate) output_norm: &'static str,
    /// Factors of the rotary frequencies, which are read with the configuration.
    pub(crate) rope_factors: &'static [&'static str],
    /// What stands before a layer's number.
    pub(crate) layer: &'static str,
    pub(crate) attention_norm: &'static str,
    pub(crate) query: &'static str,
    pub(crate) key: &'static str,
    pub(crate) value: &'static str,
    /// Query, key and value in one.
    pub(crate) query_key_value: &'static str,
    pub(crate) query_norm: &'static str,
    pub(crate) key_norm: &'static str,
    pub(crate) attention_output: &'static str,
    pub(crate) post_attention_norm: &'static str,
    pub(crate) feed_forward_norm: &'static str,
    pub(crate) gate: &'static str,
    pub(crate) up: &'static str,
    /// Gate and up in one.
    pub(crate) gate_up: &'static str,
    pub(crate) down: &'static str,
    pub(crate) post_feed_forward_norm: &'static str,
    /// Matrices of the layers are stored as `[in, out]`.
    pub(crate) transposed: bool,
    /// What may stand before every name.
    pub(crate) prefixes: &'static [&'static str],
    /// Ends of the names of tensors that follow from the configuration: nobody reads them.
    pub(crate) ignored: &'static [&'static str],
}

impl Names {
    /// What stands before the names of a file's tensors, of which `all` is the list.
    pub(crate) fn prefix(&self, all: &[&str]) -> &'static str {
        let embedding = |prefix: &str| {
            let name = format!("{prefix}{}.weight", self.embedding);
            all.contains(&name.as_str())
        };
        let found = self.prefixes.iter().find(|prefix| embedding(prefix));
        found.unwrap_or(&self.prefixes[0])
    }

    /// Whether nobody reads a tensor.
    pub(crate) fn is_ignored(&self, name: &str) -> bool {
        self.ignored.iter().any(|end| name.ends_with(end))
    }
}

/// GGUF's names, the same for all architectures.
pub(crate) const GGUF: Names = Names {
    embedding: "token_embd",
    positions: "position_embd",
    output: "output",
    output_norm: "output_norm",
    rope_factors: &["rope_freqs", "rope_factors_short", "rope_factors_long"],
    layer: "blk",
    attention_norm: "attn_norm",
    query: "attn_q",
    key: "attn_k",
    value: "attn_v",
    query_key_value: "attn_qkv",
    query_norm: "attn_q_norm",
    key_norm: "attn_k_norm",
    attention_output: "attn_output",
    post_attention_norm: "post_attention_norm",
    feed_forward_norm: "ffn_norm",
    gate: "ffn_gate",
    up: "ffn_up",
    gate_up: "ffn_up",
    down: "ffn_down",
    post_feed_forward_norm: "post_ffw_norm",
    transposed: false,
    prefixes: &[""],
    ignored: &[],
};

/// Hugging Face's names of Llama and those that follow it.
pub(crate) const LLAMA: Names = Names {
    embedding: "embed_tokens",
    positions: "",
    output: "lm_head",
    output_norm: "norm",
    rope_factors: &[],
    layer: "layers",
    attention_norm: "input_layernorm",
    query: "self_attn.q_proj",
    key: "self_attn.k_proj",
    value: "self_attn.v_proj",
    query_key_value: "",
    query_norm: "self_attn.q_norm",
    key_norm: "self_attn.k_norm",
    attention_output: "self_attn.o_proj",
    post_attention_norm: "",
    feed_forward_norm: "post_attention_layernorm",
    gate: "mlp.gate_proj",
    up: "mlp.up_proj",
    gate_up: "",
    down: "mlp.down_proj",
    post_feed_forward_norm: "",
    transposed: false,
    // A model saved without its output has no first part.
    prefixes: &["model.", "", "language_model.model.", "model.language_model."],
    ignored: &[".rotary_emb.inv_freq"],
};

/// Hugging Face's names of Gemma 2 and 3.
pub(crate) const GEMMA: Names = Names {
    post_attention_norm: "post_attention_layernorm",
    feed_forward_norm: "pre_feedforward_layernorm",
    post_feed_forward_norm: "post_feedforward_layernorm",
    ..LLAMA
};

/// Hugging Face's names of Phi-3.
pub(crate) const PHI3: Names =
    Names { query_key_value: "self_attn.qkv_proj", gate_up: "mlp.gate_up_proj", ..LLAMA };

/// Hugging Face's names of GPT-2.
pub(crate) const GPT2: Names = Names {
    embedding: "wte",
    positions: "wpe",
    output: "lm_head",
    output_norm: "ln_f",
    rope_factors: &[],
    layer: "h",
    attention_norm: "ln_1",
    query: "",
    key: "",
    value: "",
    query_key_value: "attn.c_attn",
    query_norm: "",
    key_norm: "",
    attention_output: "attn.c_proj",
    post_attention_norm: "",
    feed_forward_norm: "ln_2",
    gate: "",
    up: "mlp.c_fc",
    gate_up: "",
    down: "mlp.c_proj",
    post_feed_forward_norm: "",
    transposed: true,
    prefixes: &["transformer.", ""],
    // The mask of attention.
    ignored: &[".attn.bias", ".attn.masked_bias"],
};
