//! Layers, losses, the Llama model, its files and its training.
//!
//! # A module is data
//!
//! A layer is a struct of parameters, generic over what a parameter is. `Linear<P>` has a `weight:
//! P` and perhaps a `bias: P`; `Llama<P>` is built of such parts. The same struct is the plan of a
//! model (`P =` [`ParameterSpec`]: shapes and distributions, no numbers), its stored weights (`P =`
//! [`ArrayX`]) and the weights bound to a tape (`P = Var`), on which `forward` is written. One
//! walk, [`Module::map`], turns one into the other, in declaration order and with the paths that
//! transformers' checkpoints use; so binding, naming, counting, initialising, saving and loading
//! are each a line, there is no registry of parameters to keep in step with the struct, and no
//! flag that says whether a parameter is "on the graph": its type says it.
//!
//! ```
//! use ulp_autograd::Tape;
//! use ulp_nn::{ArrayX, Mlp, Module, cross_entropy};
//! use ulp_tensor::ndarray::array;
//!
//! // XOR, learned by a perceptron of 2, 8 and 2 units.
//! let mut mlp = Mlp::<ArrayX<f64>>::new(&[2, 8, 2], 1);
//! let inputs = array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
//! let classes = array![0_u32, 1, 1, 0];
//!
//! let mut loss = f64::INFINITY;
//! for _ in 0..200 {
//!     let tape = Tape::new();
//!     let bound = mlp.bind(&tape);
//!     let logits = bound.forward(tape.constant(inputs.clone()));
//!     let mean = cross_entropy(logits, classes.view().into_dyn(), None);
//!     loss = mean.item();
//!     let gradients = mean.backward();
//!     let steps = bound.map(|_, p| gradients.get(*p).expect("reached").clone());
//!     drop(tape);
//!     let steps = steps.named_parameters();
//!     for ((_, p), (_, step)) in mlp.named_parameters_mut().into_iter().zip(steps) {
//!         p.scaled_add(-0.5, step);
//!     }
//! }
//! assert!(loss < 0.05, "{loss}");
//! ```
//!
//! # What is here
//!
//! - Layers: [`Linear`], [`Embedding`], [`RmsNorm`], [`LayerNorm`], [`Rope`], [`Attention`]
//!   (causal, grouped-query), [`SwiGlu`]; models: [`Mlp`], [`Llama`].
//! - The loss: [`cross_entropy`] over classes or [`next_tokens`], with an id to ignore.
//! - First values ([`Init`]) by (seed, path, index): the same whatever else the model contains.
//! - Files: [`LlamaConfig`] (`config.json`), [`SafeTensors`] and [`SafeTensorsWriter`],
//!   [`Llama::load_dir`] and [`Llama::save_dir`] for directories as transformers writes them.
//!
//! # Promises
//!
//! Forward and backward give the same bits on any number of threads; a sequence's logits do not
//! depend on the batch it is in; a file that is read and written again has the same bits. What is
//! wrong with a file is an [`NnError`] that names it; a shape mistake in code panics and names both
//! shapes.
//!
//! # What is not here
//!
//! Generating text (`ulp-infer`, which has the cache, quantised weights and samplers), dropout
//! (these models are trained without), training in 16 bits.
//!
//! # Dimensions
//!
//! B batch, T sequence, C model width, H heads, K kv heads, D head width, V vocabulary,
//! F feed-forward, L layers.
#![forbid(unsafe_code)]

mod attention;
mod config;
mod embedding;
mod error;
mod init;
mod json_fields;
mod layer_norm;
mod linear;
mod llama;
mod loss;
mod mlp;
mod module;
mod replace_file;
mod rms_norm;
mod rope;
mod safetensors;
mod swiglu;
mod train;

pub use attention::{Attention, AttentionShape};
pub use config::{Architecture, LlamaConfig, RopeScaling};
pub use embedding::Embedding;
pub use error::NnError;
pub use init::{Init, ParameterSpec};
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use llama::{DecoderLayer, Llama, LlamaModel, StoredFloat};
pub use loss::{cross_entropy, next_tokens};
pub use mlp::Mlp;
pub use module::{ArrayX, Extent, Mapper, Module, VisitorMut};
pub use replace_file::replace_file;
pub use rms_norm::RmsNorm;
pub use rope::Rope;
pub use safetensors::{
    Dtype, SafeTensors, SafeTensorsHeader, SafeTensorsWriter, TensorInfo, TensorView,
};
pub use swiglu::SwiGlu;
pub use train::{StepReport, TokenDataset, Trainer, TrainingConfig, Windows};
pub use ulp_autograd::LinearPrecision;

/// The README's examples, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
