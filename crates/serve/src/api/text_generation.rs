//! Parameters that chat and completions share beside those of sampling.

use serde::Deserialize;

use super::error::ApiError;
use super::schema::{COUNT, Parameter, Schema, TEXT, WORD};

const STOP_STRINGS: Schema = Schema::List { item: &WORD, min: 0, max: 16 };

/// Where an answer ends, how many there are, how they are sent, whose they are.
pub(crate) const TEXT_GENERATION: &[Parameter] = &[
    Parameter::optional("model", WORD, "One of the names that /v1/models lists"),
    Parameter::optional("n", COUNT, "Answers to each prompt; default 1"),
    Parameter::optional(
        "stop",
        Schema::Either(&[WORD, STOP_STRINGS]),
        "An answer ends where it would hold one of these",
    ),
    Parameter::optional("stream", Schema::Boolean, "Send the answer in pieces as it comes"),
    Parameter::optional(
        "stream_options",
        Schema::Object(&[&[
            Parameter::optional("include_usage", Schema::Boolean, "Count the tokens at the end"),
            Parameter::optional(
                "include_obfuscation",
                Schema::Only(false),
                "Pieces are not padded",
            ),
        ]]),
        "Only with stream",
    ),
    Parameter::optional("user", TEXT, "Written to the log"),
];

/// The table above, filled.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct TextGeneration {
    pub(crate) model: Option<String>,
    pub(crate) n: Option<usize>,
    stop: Option<Stop>,
    #[serde(default)]
    pub(crate) stream: bool,
    stream_options: Option<StreamOptions>,
    pub(crate) user: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Stop {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

impl TextGeneration {
    /// Answers to each prompt.
    pub(crate) fn n(&self) -> usize {
        self.n.unwrap_or(1)
    }

    pub(crate) fn stop(&self) -> Vec<String> {
        match &self.stop {
            None => Vec::new(),
            Some(Stop::One(string)) => vec![string.clone()],
            Some(Stop::Many(strings)) => strings.clone(),
        }
    }

    /// Whether a stream ends with a count of tokens.
    ///
    /// # Errors
    ///
    /// 400 for `stream_options` without `stream`.
    pub(crate) fn include_usage(&self) -> Result<bool, ApiError> {
        match &self.stream_options {
            Some(_) if !self.stream => {
                Err(ApiError::value("stream_options", "stream_options is only for stream: true"))
            }
            Some(options) => Ok(options.include_usage),
            None => Ok(false),
        }
    }

    /// Writes to the log whose request it is.
    pub(crate) fn note_user(&self) {
        if let Some(user) = &self.user {
            tracing::info!(user, "request of");
        }
    }
}
