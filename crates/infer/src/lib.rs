//! Run language models on a CPU: model files, weight formats, tokenizers, generation.
#![deny(unsafe_code)]

mod bytes;
mod chat_template;
mod engine;
mod error;
mod export;
mod gguf;
mod hf;
mod kv_cache;
#[allow(unsafe_code)]
mod mmap;
mod model;
mod quant;
mod sampler;
mod score;
mod tokenizer;

pub use bytes::Bytes;
pub use chat_template::{ChatMessage, ChatTemplate, ChatTemplateOptions};
pub use engine::{
    Engine, EngineOptions, Event, FinishReason, Finished, Request, RequestId, TokenEvent, Usage,
};
pub use error::InferError;
pub use export::export_gguf;
pub use gguf::{Array, ByteStrings, Gguf, GgufWriter, TensorInfo, Value, ValueType};
pub use hf::HfDirectory;
pub use kv_cache::{CacheShape, KvCache, SequenceId};
pub use model::{Input, LogitRows, Model, Workspace};
pub use quant::{Activations, Matrix, TensorType, UnknownTensorType, UnsupportedType, quantize};
pub use sampler::{LogProbabilities, SamplerParams, TokenLogProbability};
pub use score::{PositionScore, score};
pub use tokenizer::{
    ByteBpeTrainer, EncodeOptions, GgufVocabulary, TokenKind, TokenStream, Tokenizer,
    TokenizerFault, train_byte_bpe,
};
