//! Calls or an answer of a given form: what a request leaves to the model.

use serde_json::Value;
use ulp_infer::Grammar;

use super::{Choice, Tool, grammar, resolve};
use crate::api::error::ApiError;
use crate::api::structured::ResponseFormat;

/// What a request says of tools and of the form of its answer.
pub(crate) struct ToolUse<'a> {
    pub(crate) tools: &'a [Tool],
    pub(crate) choice: Option<&'a Value>,
    pub(crate) parallel: Option<bool>,
    pub(crate) format: &'a ResponseFormat,
    /// Which parameter `format` is.
    pub(crate) format_param: &'static str,
    /// Where in a tool its name stands.
    pub(crate) name: &'static str,
}

/// What follows from it.
pub(crate) struct Decision {
    /// The model may call tools.
    pub(crate) with_tools: bool,
    /// What an answer must be.
    pub(crate) grammar: Option<Grammar>,
    /// The parameter that says so.
    pub(crate) grammar_param: &'static str,
}

impl ToolUse<'_> {
    /// # Errors
    ///
    /// 400 for tools or a choice that make no sense, or a form of the answer beside calls.
    pub(crate) fn decide(&self) -> Result<Decision, ApiError> {
        let choice = resolve(self.tools, self.choice, self.name)?;
        let format = self.format.grammar();
        let param = self.format_param;
        if choice == Choice::None {
            return Ok(Decision { with_tools: false, grammar: format, grammar_param: param });
        }
        if format.is_some() {
            let message =
                format!("{param} and tools exclude one another, but for tool_choice: none");
            return Err(ApiError::value(param, message));
        }
        let grammar = grammar(self.tools, &choice, self.parallel.unwrap_or(true));
        Ok(Decision { with_tools: true, grammar, grammar_param: "tools" })
    }
}
