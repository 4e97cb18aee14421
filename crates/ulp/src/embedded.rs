//! The model inside the binary, for commands without `-m`.

/// The bytes of a GGUF file with weights, tokenizer and chat template; `None` in a build without.
pub(crate) const DEFAULT_MODEL: Option<&[u8]> = None;

/// The name that errors and listings call it.
pub(crate) const NAME: &str = "the embedded model";
