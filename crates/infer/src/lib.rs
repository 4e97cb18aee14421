//! Run language models on a CPU: model files, weight formats, tokenizers, generation.
//!
//! # The way a token goes
//!
//! Text → [`Tokenizer`] → ids → [`Engine::submit`] → the scheduler picks a batch of sequences →
//! [`Model::forward`] over the batch and the [`KvCache`] → logits → [`SamplerParams`] → id → an
//! incremental decoder → text. [`Engine::step`] is one round of it. The README has a whole program;
//! here is the part below the engine, for those who want the logits themselves:
//!
//! ```no_run
//! use ulp_infer::{Activations, Input, KvCache, LogitRows, Model, Workspace};
//!
//! let model = Model::load("TinyLlama-1.1B-Chat.Q4_K_M.gguf")?; // or a Hugging Face directory
//! let mut cache = KvCache::new(model.cache_shape(), 2048);
//! let mut workspace = Workspace::new();
//!
//! let sequence = cache.open();
//! let prompt = [1, 450, 7483, 310, 3444, 338];
//! let input = Input { sequence, tokens: &prompt, logits: LogitRows::Last };
//! let logits = model.forward(&[input], &mut cache, Activations::Quantized, &mut workspace)?;
//! assert_eq!(logits.len(), model.vocab_size());
//! # Ok::<(), ulp_infer::InferError>(())
//! ```
//!
//! # What is here
//!
//! - Files: [`Gguf`] (mapped, nothing in it trusted), [`HfDirectory`], [`GgufWriter`], [`quantize`].
//! - Weights as they are stored: [`Matrix`], [`TensorType`]; products with activations in f32 or
//!   rounded to eight bits or bf16 ([`Activations`]).
//! - [`Tokenizer`], [`TokenStream`], [`ChatTemplate`].
//! - [`Model`], [`KvCache`] in one of some types ([`CacheType`]); [`score`] for the probability of a given text.
//! - [`Engine`]: many requests at once, beginnings shared, ends by token, string or length.
//!
//! # Promises
//!
//! A sequence's logits have the same bits alone, in any batch, however its tokens are cut into
//! calls, on any number of threads. Outside input gives an [`InferError`] with its facts in fields,
//! and never a panic; a mistake in calling code (a slice of the wrong length) panics.
//!
//! # What is not here
//!
//! Threads of its own (work is split by rayon's), network, clocks, a tape: training is `ulp-nn`'s.
//!
//! # Dimensions
//!
//! B batch, T sequence, C model width, H heads, K kv heads, D head width, V vocabulary,
//! F feed-forward, L layers.
#![deny(unsafe_code)]

mod beam_search;
mod bytes;
mod chat_template;
mod embed;
mod engine;
mod error;
mod export;
mod gguf;
mod grammar;
mod hf;
mod kv_cache;
mod line_buffer;
#[allow(unsafe_code)]
mod mmap;
mod model;
#[allow(unsafe_code)]
mod pages;
mod perplexity;
mod precision;
mod quant;
mod requantize;
mod sampler;
mod score;
mod states;
mod tokenizer;

pub use beam_search::{Beam, BeamOptions, beam_search};
pub use bytes::Bytes;
pub use chat_template::{ChatMessage, ChatTemplate, ChatTemplateOptions};
pub use embed::{Pooling, embed};
pub use engine::{
    BlockUse, Engine, EngineOptions, EngineStats, Event, FinishReason, Finished, Policy,
    PromptEvent, PromptToken, Request, RequestId, TokenEvent, Totals, Usage,
};
pub use error::InferError;
pub use export::export_gguf;
pub use gguf::{Array, ByteStrings, Gguf, GgufWriter, TensorInfo, Value, ValueType};
pub use grammar::{CompiledGrammar, Grammar, GrammarCompiler};
pub use hf::HfDirectory;
pub use kv_cache::{CacheShape, CacheType, KvCache, RopeFactors, SequenceId, UnknownCacheType};
pub use model::{
    Bound, Input, LogitRows, LoraAdapter, Model, ModelPart, ModelPlan, StepCost, StepLimit,
    StepShape, Workspace,
};
pub use perplexity::{
    Distributions, Divergence, Likelihood, PositionDivergence, SavedDistributions, Windows,
};
pub use precision::Precision;
pub use quant::{
    Activations, KernelRates, LimitBuffer, MachineLimits, Matrix, RowBuffer, Rows, TensorType,
    UnknownTensorType, UnsupportedType, dequantize, quantize,
};
pub use requantize::{
    Importance, ImportanceCollector, Mix, TensorReport, UnknownMix, WeightError, requantize,
};
pub use sampler::{
    Dry, LogProbabilities, Mirostat, Penalties, SamplerParams, SamplerState, TokenLogProbability,
    Xtc,
};
pub use score::{PositionScore, score};
pub use tokenizer::{
    ByteBpeTrainer, EncodeOptions, GgufVocabulary, TokenKind, TokenStream, Tokenizer,
    TokenizerFault, train_byte_bpe,
};

/// The README's example is a doc test, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
