//! A tokenizer from a model's directory.

use std::path::Path;

use super::super::Tokenizer;
use super::tokenizer_config::TokenizerConfig;
use super::{sentencepiece, tokenizer_json};
use crate::error::InferError;

impl Tokenizer {
    /// The tokenizer in a directory as Hugging Face lays it out: `tokenizer.json`, or else
    /// `tokenizer.model`; the tokens that begin and end a sequence are those of
    /// `tokenizer_config.json` and `generation_config.json`, if there are such files.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_infer::{Tokenizer, train_byte_bpe};
    ///
    /// let directory = std::env::temp_dir().join("ulp-infer-from-dir");
    /// std::fs::create_dir_all(&directory)?;
    /// let tokenizer = train_byte_bpe([""], 257, &["<|end|>"])?.with_bos_eos(None, Some(0), false);
    /// std::fs::write(directory.join("tokenizer.json"), tokenizer.to_tokenizer_json()?)?;
    /// let config = tokenizer.to_tokenizer_config_json();
    /// std::fs::write(directory.join("tokenizer_config.json"), config)?;
    /// assert_eq!(Tokenizer::from_dir(&directory)?.eos_id(), Some(0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`from_tokenizer_json`](Self::from_tokenizer_json) and
    /// [`from_sentencepiece`](Self::from_sentencepiece); and if there is neither file.
    pub fn from_dir(directory: &Path) -> Result<Self, InferError> {
        let config = TokenizerConfig::read(directory)?;
        let path = directory.join("tokenizer.json");
        let mut parts = if path.exists() {
            let bytes = read(&path)?;
            tokenizer_json::load(&bytes, &path.display().to_string())?
        } else {
            let path = directory.join("tokenizer.model");
            let bytes = read(&path)?;
            let extra = config.extra_tokens()?;
            sentencepiece::load(&bytes, &path.display().to_string(), &extra)?
        };
        config.apply(&mut parts)?;
        if !path.exists() {
            // The model's own file does not say what is put around text.
            let (bos, eos) = (parts.special.bos, parts.special.eos);
            let adds_bos = config.adds("add_bos_token")?.unwrap_or(true);
            let adds_eos = config.adds("add_eos_token")?.unwrap_or(false);
            parts.post_processor.prefix = bos.filter(|_| adds_bos).into_iter().collect();
            parts.post_processor.suffix = eos.filter(|_| adds_eos).into_iter().collect();
        }
        Ok(Tokenizer::from_parts(parts))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, InferError> {
    std::fs::read(path).map_err(|source| InferError::io(path, source))
}
