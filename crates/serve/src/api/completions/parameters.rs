//! What may be asked of a completion.

use serde::Deserialize;

use super::prompt::{PROMPT, Prompt};
use crate::api::sampling::{MORE_SAMPLING, SAMPLING, Sampling};
use crate::api::schema::{Parameter, Schema};
use crate::api::text_generation::{TEXT_GENERATION, TextGeneration};

/// The body of a request.
pub(crate) const COMPLETION: Schema =
    Schema::Object(&[OWN, TEXT_GENERATION, SAMPLING, MORE_SAMPLING]);

const OWN: &[Parameter] = &[
    Parameter::required("prompt", PROMPT, "A text, ids, or a list of either"),
    Parameter::optional(
        "max_tokens",
        Schema::Integer { min: 0, max: i64::MAX },
        "Tokens of an answer at most; default 16",
    ),
    Parameter::optional("echo", Schema::Boolean, "Write the prompt before each answer"),
    Parameter::optional(
        "logprobs",
        Schema::Integer { min: 0, max: 20 },
        "Give the log-probability of each token and of so many alternatives",
    ),
    Parameter::refused("best_of", "answers are not ranked; ask for n and choose"),
    Parameter::refused("suffix", "the model was not made to fill gaps"),
];

/// The table above, filled.
#[derive(Debug, Deserialize)]
pub(crate) struct CompletionBody {
    pub(crate) prompt: Prompt,
    max_tokens: Option<usize>,
    #[serde(default)]
    pub(crate) echo: bool,
    logprobs: Option<usize>,
    #[serde(flatten)]
    pub(crate) text: TextGeneration,
    #[serde(flatten)]
    pub(crate) sampling: Sampling,
}

impl CompletionBody {
    /// Tokens of an answer at most.
    pub(crate) fn max_tokens(&self) -> usize {
        self.max_tokens.unwrap_or(16)
    }

    /// The number of alternatives to each token; `None` if no log-probabilities are wanted. With
    /// `echo` the prompt's tokens have them, too.
    pub(crate) fn log(&self) -> Option<usize> {
        self.logprobs
    }
}
