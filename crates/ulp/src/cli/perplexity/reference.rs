//! What a model is compared with: another model, or what one has written before.

use crate::cli::flags::Loaded;
use crate::error::CliError;
use std::path::Path;
use ulp_infer::{Activations, Distributions, InferError, SavedDistributions, Windows};

/// The reference.
pub(super) enum Reference {
    /// It runs beside the model.
    Model(Box<Loaded>),
    /// It ran before.
    Saved(SavedDistributions),
}

impl Reference {
    /// A model with activations in f32, as a reference should have them.
    pub(super) fn model(path: &Path) -> Result<Reference, CliError> {
        Ok(Reference::Model(Box::new(Loaded::open(Some(path), None, Activations::Exact)?)))
    }

    pub(super) fn name(&self) -> String {
        match self {
            Reference::Model(loaded) => loaded.name.clone(),
            Reference::Saved(saved) => saved.file().to_string(),
        }
    }

    /// Whether the two speak of the same tokens.
    pub(super) fn check(&self, loaded: &Loaded, windows: &Windows<'_>) -> Result<(), CliError> {
        let (name, flag, vocabulary) = match self {
            Reference::Model(other) => (&other.name[..], "--against", other.model.vocab_size()),
            Reference::Saved(saved) => (saved.file(), "--logits", saved.vocabulary()),
        };
        let own = loaded.model.vocab_size();
        if vocabulary != own {
            let problem = format!("{name} has a vocabulary of {vocabulary} tokens, not of {own}");
            return Err(CliError::usage(flag, problem));
        }
        if let Reference::Saved(saved) = self {
            let same = |index| saved.ids(index) == windows.get(index);
            if saved.len() < windows.len() || !(0..windows.len()).all(same) {
                let problem = format!("{name} was made from another text, tokenizer or --ctx");
                return Err(CliError::usage(flag, problem));
            }
        }
        Ok(())
    }

    pub(super) fn distributions(
        &self,
        windows: &Windows<'_>,
        index: usize,
    ) -> Result<Distributions, InferError> {
        match self {
            Reference::Model(loaded) => {
                Distributions::of(&loaded.model, windows, index, loaded.precision)
            }
            Reference::Saved(saved) => Ok(saved.get(index)),
        }
    }
}
