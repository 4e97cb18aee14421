//! What may be asked of a chat.

use serde::Deserialize;
use serde_json::Value;

use super::message::CONVERSATION;
use crate::api::error::ApiError;
use crate::api::sampling::{MORE_SAMPLING, SAMPLING, Sampling};
use crate::api::schema::{COUNT, Parameter, Schema, TEXT};
use crate::api::structured::{RESPONSE_FORMAT, ResponseFormat};
use crate::api::text_generation::{TEXT_GENERATION, TextGeneration};
use crate::api::tools::{Decision, PARALLEL_TOOL_CALLS, TOOL_CHOICE, TOOLS, Tool, ToolUse};

/// The body of a request.
pub(crate) const CHAT: Schema = Schema::Object(&[OWN, TEXT_GENERATION, SAMPLING, MORE_SAMPLING]);

const OWN: &[Parameter] = &[
    Parameter::required("messages", CONVERSATION, "What was said so far"),
    Parameter::optional("max_completion_tokens", COUNT, "Tokens of an answer at most"),
    Parameter::optional("max_tokens", COUNT, "The old name of max_completion_tokens"),
    Parameter::optional("logprobs", Schema::Boolean, "Give the log-probability of each token"),
    Parameter::optional(
        "top_logprobs",
        Schema::Integer { min: 0, max: 20 },
        "And those of the most probable tokens; only with logprobs",
    ),
    Parameter::optional("response_format", RESPONSE_FORMAT, "The form of an answer"),
    Parameter::optional("tools", TOOLS, "Functions that the model may call"),
    Parameter::optional("tool_choice", TOOL_CHOICE, "Whether it must, may or must not"),
    PARALLEL_TOOL_CALLS,
    Parameter::optional("store", Schema::Only(false), "Nothing is stored"),
    Parameter::optional("service_tier", Schema::Choice(&["auto", "default"]), "There is one tier"),
    Parameter::optional(
        "modalities",
        Schema::List { item: &Schema::Choice(&["text"]), min: 1, max: 1 },
        "Answers are text",
    ),
    Parameter::optional("safety_identifier", TEXT, "Written to the log"),
    Parameter::optional("prompt_cache_key", TEXT, "Written to the log; the cache goes by contents"),
    Parameter::refused("functions", "the API calls them tools now"),
    Parameter::refused("function_call", "the API calls it tool_choice now"),
    Parameter::refused("audio", "answers are text"),
    Parameter::refused("metadata", "nothing is stored"),
    Parameter::refused("prediction", "guesses come from the text so far"),
    Parameter::refused("prompt_cache_retention", "what is in the cache stays until room is needed"),
    Parameter::refused("reasoning_effort", "the model does not reason apart from its answer"),
    Parameter::refused("verbosity", "it is not something that the model was told of"),
    Parameter::refused("web_search_options", "the server searches nothing"),
];

/// The table above, filled.
#[derive(Debug, Deserialize)]
pub(crate) struct ChatBody {
    pub(crate) messages: Vec<Value>,
    max_completion_tokens: Option<usize>,
    max_tokens: Option<usize>,
    #[serde(default)]
    logprobs: bool,
    top_logprobs: Option<usize>,
    #[serde(default)]
    response_format: ResponseFormat,
    #[serde(default)]
    pub(crate) tools: Vec<Tool>,
    tool_choice: Option<Value>,
    parallel_tool_calls: Option<bool>,
    safety_identifier: Option<String>,
    prompt_cache_key: Option<String>,
    #[serde(flatten)]
    pub(crate) text: TextGeneration,
    #[serde(flatten)]
    pub(crate) sampling: Sampling,
}

impl ChatBody {
    /// Whether the model may call tools, and what an answer must be.
    ///
    /// # Errors
    ///
    /// As [`ToolUse::decide`].
    pub(crate) fn decide(&self) -> Result<Decision, ApiError> {
        let tools = ToolUse {
            tools: &self.tools,
            choice: self.tool_choice.as_ref(),
            parallel: self.parallel_tool_calls,
            format: &self.response_format,
            format_param: "response_format",
            name: "function.name",
        };
        tools.decide()
    }

    /// Tokens of an answer at most.
    ///
    /// # Errors
    ///
    /// 400 if the two names of the limit contradict one another.
    pub(crate) fn max_tokens(&self) -> Result<usize, ApiError> {
        match (self.max_completion_tokens, self.max_tokens) {
            (Some(a), Some(b)) if a != b => {
                let message = format!("max_tokens is {b} and max_completion_tokens {a}: give one");
                Err(ApiError::value("max_tokens", message))
            }
            (a, b) => Ok(a.or(b).unwrap_or(usize::MAX)),
        }
    }

    /// The number of alternatives to each token; `None` if no log-probabilities are wanted.
    ///
    /// # Errors
    ///
    /// 400 for `top_logprobs` without `logprobs`.
    pub(crate) fn log(&self) -> Result<Option<usize>, ApiError> {
        match (self.logprobs, self.top_logprobs) {
            (false, Some(1..)) => {
                Err(ApiError::value("top_logprobs", "top_logprobs is only for logprobs: true"))
            }
            (false, _) => Ok(None),
            (true, top) => Ok(Some(top.unwrap_or(0))),
        }
    }

    /// Writes to the log whose request it is.
    pub(crate) fn note_user(&self) {
        self.text.note_user();
        if self.safety_identifier.is_some() || self.prompt_cache_key.is_some() {
            let (user, key) = (&self.safety_identifier, &self.prompt_cache_key);
            tracing::info!(safety_identifier = user, prompt_cache_key = key, "request of");
        }
    }
}
