//! Layers, models and their files. Here so far: the configuration of Llama-shaped models
//! ([`LlamaConfig`], Hugging Face's `config.json`) and the safetensors format ([`SafeTensors`],
//! [`SafeTensorsWriter`]).
#![forbid(unsafe_code)]

mod config;
mod error;
mod json_fields;
mod safetensors;

pub use config::{Architecture, LlamaConfig, RopeScaling};
pub use error::NnError;
pub use safetensors::{
    Dtype, SafeTensors, SafeTensorsHeader, SafeTensorsWriter, TensorInfo, TensorView, replace_file,
};
