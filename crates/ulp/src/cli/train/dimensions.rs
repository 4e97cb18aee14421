//! The shape of the model to train.

use crate::cli::flags::read_text;
use crate::cli::memory::refuse_more_than_all;
use crate::error::CliError;
use clap::Args;
use std::path::{Path, PathBuf};
use ulp_infer::Tokenizer;
use ulp_nn::{Architecture, ArrayX, DecoderLayer, LlamaConfig, RopeScaling};

/// The flags, as typed.
#[derive(Args)]
#[group(id = "dimensions", multiple = true)]
pub(super) struct Typed {
    /// Take the model's shape from this config.json
    #[arg(long, value_name = "FILE", conflicts_with_all = ["layers", "width", "heads", "kv_heads", "feed_forward", "untied"])]
    config: Option<PathBuf>,

    /// Decoder layers [default: 4]
    #[arg(long, value_name = "N")]
    layers: Option<usize>,

    /// Width of the residual stream [default: 128]
    #[arg(long, value_name = "N")]
    width: Option<usize>,

    /// Query heads [default: 4]
    #[arg(long, value_name = "N")]
    heads: Option<usize>,

    /// Key and value heads [default: as many as query heads]
    #[arg(long, value_name = "N")]
    kv_heads: Option<usize>,

    /// Width inside the feed-forward block [default: 8/3 of --width, to the next 32]
    #[arg(long, value_name = "N")]
    feed_forward: Option<usize>,

    /// Give the output a matrix of its own instead of the embedding's
    #[arg(long)]
    untied: bool,
}

/// What they mean.
pub(super) enum Dimensions {
    Given(Box<LlamaConfig>),
    Chosen {
        layers: usize,
        width: usize,
        heads: usize,
        kv_heads: usize,
        feed_forward: usize,
        tied: bool,
    },
}

impl Typed {
    /// The file that is read, if there is one.
    pub(super) fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    pub(super) fn resolve(&self) -> Result<Dimensions, CliError> {
        if let Some(path) = &self.config {
            let text = read_text(path)?;
            let config = LlamaConfig::parse(text.as_bytes(), &path.display().to_string())?;
            return Ok(Dimensions::Given(Box::new(config)));
        }
        let width = self.width.unwrap_or(128);
        let heads = self.heads.unwrap_or(4);
        if heads == 0 || !width.is_multiple_of(heads) {
            let problem = format!("{heads} does not divide the width {width}");
            return Err(CliError::usage("--heads", problem));
        }
        Ok(Dimensions::Chosen {
            layers: self.layers.unwrap_or(4),
            width,
            heads,
            kv_heads: self.kv_heads.unwrap_or(heads),
            feed_forward: self
                .feed_forward
                .unwrap_or(width.saturating_mul(8).div_ceil(3).next_multiple_of(32)),
            tied: !self.untied,
        })
    }
}

impl Dimensions {
    /// The model's configuration for a tokenizer. It promises at least the context it is trained
    /// on.
    pub(super) fn config(
        self,
        tokenizer: &Tokenizer,
        context: usize,
    ) -> Result<LlamaConfig, CliError> {
        let vocab_size = tokenizer.vocab_size();
        let (bos, eos) = (tokenizer.bos_id(), tokenizer.eos_id().into_iter().collect());
        let by_flags = matches!(self, Dimensions::Chosen { .. });
        let config = match self {
            Dimensions::Given(config) => LlamaConfig {
                vocab_size: config.vocab_size.max(vocab_size),
                max_position_embeddings: config.max_position_embeddings.max(context),
                bos_token_id: bos,
                eos_token_id: eos,
                ..*config
            },
            Dimensions::Chosen { layers, width, heads, kv_heads, feed_forward, tied } => {
                LlamaConfig {
                    architecture: Architecture::Llama,
                    vocab_size,
                    hidden_size: width,
                    intermediate_size: feed_forward,
                    num_hidden_layers: layers,
                    num_attention_heads: heads,
                    num_key_value_heads: kv_heads,
                    head_dim: width / heads,
                    max_position_embeddings: context,
                    rms_norm_eps: 1e-5,
                    rope_theta: 10_000.0,
                    rope_scaling: RopeScaling::None,
                    attention_bias: false,
                    mlp_bias: false,
                    tie_word_embeddings: tied,
                    initializer_range: 0.02,
                    attention_dropout: 0.0,
                    bos_token_id: bos,
                    eos_token_id: eos,
                    pad_token_id: None,
                }
            }
        };
        match config.validate("the model's shape") {
            Err(error) if by_flags => {
                return Err(CliError::usage("the model's flags", error.to_string()));
            }
            valid => valid?,
        }
        let argument = if by_flags { "--layers, --width, --feed-forward" } else { "--config" };
        refuse_more_than_all(argument, "the training of such a model", training_bytes(&config))?;
        Ok(config)
    }
}

/// Bytes of what a model is trained with: its weights, their gradients, and AdamW's two moments, in
/// f32.
fn training_bytes(config: &LlamaConfig) -> u128 {
    let n = |n: usize| n as u128;
    let (c, f) = (n(config.hidden_size), n(config.intermediate_size));
    let (heads, kv_heads) = (n(config.num_attention_heads), n(config.num_key_value_heads));
    let attention = 2 * c * n(config.head_dim) * (heads + kv_heads);
    let layer = attention + 3 * c * f + 2 * c;
    let tables = if config.tie_word_embeddings { 1 } else { 2 };
    let numbers = tables * n(config.vocab_size) * c + n(config.num_hidden_layers) * layer + c;
    4 * size_of::<f32>() as u128 * numbers
        + n(config.num_hidden_layers) * size_of::<DecoderLayer<ArrayX<f32>>>() as u128
}
