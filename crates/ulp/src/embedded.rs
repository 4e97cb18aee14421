//! The model inside the binary, for commands without `-m`.

use crate::error::CliError;
use ulp_infer::{Bytes, Gguf};

/// A GGUF file with weights, tokenizer and chat template, made by `cargo xtask train-default`.
const MODEL: &[u8] = include_bytes!("../assets/default.gguf");

/// The name that errors and listings call it.
const NAME: &str = "the embedded model";

/// The model inside the binary, parsed where it lies.
pub(crate) fn gguf() -> Result<Gguf, CliError> {
    Ok(Gguf::parse(Bytes::from_static(MODEL), NAME)?)
}
