//! What may be asked of a response.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::input::{INPUT, Input};
use super::tools::{TOOL_CHOICE, TOOLS, nested_choice};
use crate::api::error::ApiError;
use crate::api::sampling::{MORE_SAMPLING, SAMPLING, Sampling};
use crate::api::schema::{COUNT, Parameter, Schema, TEXT, WORD};
use crate::api::structured::{ResponseFormat, TEXT_FORMAT};
use crate::api::tools::{Decision, PARALLEL_TOOL_CALLS, Tool, ToolUse};

/// The body of a request.
pub(crate) const RESPONSE: Schema = Schema::Object(&[OWN, SAMPLING, MORE_SAMPLING]);

const LOGPROBS: &str = "message.output_text.logprobs";
const NO_CONVERSATIONS: &str = "go on from a response with previous_response_id";
const NO_PROMPTS: &str = "no prompts are stored; send instructions and input";

const OWN: &[Parameter] = &[
    Parameter::required("input", INPUT, "A text, or a conversation"),
    Parameter::optional("model", WORD, "One of the names that /v1/models lists"),
    Parameter::optional("instructions", TEXT, "What the model is told first"),
    Parameter::optional("max_output_tokens", COUNT, "Tokens of the answer at most"),
    Parameter::optional("stream", Schema::Boolean, "Send the answer in pieces as it comes"),
    Parameter::optional(
        "stream_options",
        Schema::Object(&[&[Parameter::optional(
            "include_obfuscation",
            Schema::Only(false),
            "Pieces are not padded",
        )]]),
        "Only with stream",
    ),
    Parameter::optional(
        "include",
        Schema::List { item: &Schema::Choice(&[LOGPROBS]), min: 0, max: 1 },
        "Give the log-probability of each token",
    ),
    Parameter::optional(
        "top_logprobs",
        Schema::Integer { min: 0, max: 20 },
        "And those of the most probable tokens; only with include",
    ),
    Parameter::optional(
        "text",
        Schema::Object(&[&[
            Parameter::optional("format", TEXT_FORMAT, "Text, JSON, or JSON of a schema"),
            Parameter::refused("verbosity", "it is not something that the model was told of"),
        ]]),
        "The form of the answer",
    ),
    Parameter::optional("metadata", Schema::Map(&TEXT), "Comes back with the answer"),
    Parameter::optional("tools", TOOLS, "Functions that the model may call"),
    Parameter::optional("tool_choice", TOOL_CHOICE, "Whether it must, may or must not"),
    PARALLEL_TOOL_CALLS,
    Parameter::optional(
        "store",
        Schema::Boolean,
        "Keep the response in memory while there is room; default true",
    ),
    Parameter::optional(
        "previous_response_id",
        WORD,
        "Go on from this response, which was kept; its instructions do not count",
    ),
    Parameter::optional("background", Schema::Only(false), "The answer comes at once"),
    Parameter::optional("truncation", Schema::Choice(&["disabled"]), "Nothing is left out"),
    Parameter::optional("service_tier", Schema::Choice(&["auto", "default"]), "There is one tier"),
    Parameter::optional("user", TEXT, "Written to the log"),
    Parameter::optional("safety_identifier", TEXT, "Written to the log"),
    Parameter::optional("prompt_cache_key", TEXT, "Written to the log; the cache goes by contents"),
    Parameter::refused("conversation", NO_CONVERSATIONS),
    Parameter::refused("prompt", NO_PROMPTS),
    Parameter::refused("max_tool_calls", "it is for the API's built-in tools; there are none"),
    Parameter::refused("reasoning", "the model does not reason apart from its answer"),
    Parameter::refused("prompt_cache_retention", "what is in the cache stays until room is needed"),
];

/// The table above, filled.
#[derive(Debug, Deserialize)]
pub(super) struct ResponseBody {
    pub(super) input: Input,
    pub(super) model: Option<String>,
    pub(super) instructions: Option<String>,
    pub(super) max_output_tokens: Option<usize>,
    #[serde(default)]
    pub(super) stream: bool,
    stream_options: Option<Value>,
    #[serde(default)]
    pub(super) text: TextBody,
    #[serde(default)]
    include: Vec<String>,
    pub(super) top_logprobs: Option<usize>,
    #[serde(default)]
    pub(super) metadata: Map<String, Value>,
    /// As the client sent them.
    #[serde(default)]
    pub(super) tools: Vec<Value>,
    pub(super) tool_choice: Option<Value>,
    pub(super) parallel_tool_calls: Option<bool>,
    pub(super) previous_response_id: Option<String>,
    store: Option<bool>,
    pub(super) user: Option<String>,
    pub(super) safety_identifier: Option<String>,
    pub(super) prompt_cache_key: Option<String>,
    #[serde(flatten)]
    pub(super) sampling: Sampling,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct TextBody {
    #[serde(default)]
    pub(super) format: TextFormat,
}

/// The form of the answer.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Value")]
pub(super) struct TextFormat {
    /// As the client sent it.
    pub(super) whole: Value,
    form: ResponseFormat,
}

impl TryFrom<Value> for TextFormat {
    type Error = serde_json::Error;

    fn try_from(whole: Value) -> Result<Self, Self::Error> {
        Ok(TextFormat { form: ResponseFormat::deserialize(&whole)?, whole })
    }
}

impl Default for TextFormat {
    fn default() -> Self {
        TextFormat { whole: json!({"type": "text"}), form: ResponseFormat::Text }
    }
}

impl ResponseBody {
    /// Whether the model may call `tools`, which are this body's, and what the answer must be.
    ///
    /// # Errors
    ///
    /// As [`ToolUse::decide`].
    pub(super) fn decide(&self, tools: &[Tool]) -> Result<Decision, ApiError> {
        let choice = self.tool_choice.as_ref().map(nested_choice);
        let tools = ToolUse {
            tools,
            choice: choice.as_ref(),
            parallel: self.parallel_tool_calls,
            format: &self.text.format.form,
            format_param: "text.format",
            name: "name",
        };
        tools.decide()
    }

    /// Whether the response is to be kept by a server that keeps some or none.
    ///
    /// # Errors
    ///
    /// 400 if that is asked for and none is.
    pub(super) fn stores(&self, keeps_some: bool) -> Result<bool, ApiError> {
        match self.store {
            Some(true) if !keeps_some => {
                Err(ApiError::value("store", "store is true, and this server keeps no responses"))
            }
            store => Ok(keeps_some && store.unwrap_or(true)),
        }
    }

    /// The number of alternatives to each token; `None` if no log-probabilities are wanted.
    ///
    /// # Errors
    ///
    /// 400 for `top_logprobs` without `include`, and for `stream_options` without `stream`.
    pub(super) fn log(&self) -> Result<Option<usize>, ApiError> {
        if self.stream_options.is_some() && !self.stream {
            let message = "stream_options is only for stream: true";
            return Err(ApiError::value("stream_options", message));
        }
        match (self.include.is_empty(), self.top_logprobs) {
            (true, Some(1..)) => {
                let message = format!("top_logprobs is only for include: [\"{LOGPROBS}\"]");
                Err(ApiError::value("top_logprobs", message))
            }
            (true, _) => Ok(None),
            (false, top) => Ok(Some(top.unwrap_or(0))),
        }
    }

    /// Writes to the log whose request it is.
    pub(super) fn note_user(&self) {
        let ResponseBody { user, safety_identifier, prompt_cache_key, .. } = self;
        if user.is_some() || safety_identifier.is_some() || prompt_cache_key.is_some() {
            tracing::info!(user, safety_identifier, prompt_cache_key, "request of");
        }
    }
}
