//! Guesses of the tokens to come.

use super::{Loaded, ModelSource};
use crate::error::CliError;
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;
use ulp_infer::Model;

/// Tokens that a draft model guesses where nothing is said.
const DRAFT: usize = 8;

/// Flags for speculative decoding: it changes the speed and no token.
#[derive(Args)]
pub(in crate::cli) struct SpeculationFlags {
    /// Let this smaller model with the same vocabulary guess tokens, which the model verifies
    #[arg(long, alias = "model-draft", value_name = "PATH")]
    draft_model: Option<PathBuf>,

    /// Guess up to N tokens at once, without a draft model from what the text said before [default: 0, with one 8]
    #[arg(long, alias = "draft-max", value_name = "N")]
    draft: Option<usize>,
}

impl SpeculationFlags {
    /// Tokens to guess at most.
    pub(in crate::cli) fn max_draft(&self) -> usize {
        self.draft.unwrap_or(if self.draft_model.is_some() { DRAFT } else { 0 })
    }

    /// The draft model, which must have the vocabulary of `loaded`.
    pub(in crate::cli) fn draft(&self, loaded: &Loaded) -> Result<Option<Arc<Model>>, CliError> {
        let Some(path) = &self.draft_model else { return Ok(None) };
        let draft = ModelSource::open(path)?.model()?;
        let (own, theirs) = (loaded.model.vocab_size(), draft.vocab_size());
        if own != theirs {
            let problem = format!("a vocabulary of {theirs} tokens, the model has {own}");
            return Err(CliError::usage("--draft-model", problem));
        }
        Ok(Some(Arc::new(draft)))
    }
}
