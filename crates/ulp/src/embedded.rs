//! The model inside the binary, for commands without `-m`.

use crate::error::CliError;
use ulp_infer::{Bytes, Gguf};

/// The bytes of a GGUF file with weights, tokenizer and chat template; `None` in a build without.
const MODEL: Option<&[u8]> = None;

/// The name that errors and listings call it.
const NAME: &str = "the embedded model";

/// The model inside the binary, parsed where it lies.
pub(crate) fn gguf() -> Result<Gguf, CliError> {
    match MODEL {
        Some(bytes) => Ok(Gguf::parse(Bytes::from_static(bytes), NAME)?),
        None => Err(CliError::usage("--model", "name a model, this program has none inside")),
    }
}
