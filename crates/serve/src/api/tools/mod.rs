//! Tools: functions that the model may ask the client to call.
//!
//! A call is written as `<tool_call>{"name": ..., "arguments": ...}</tool_call>`, the form of Hermes,
//! Qwen and many others. The grammar of an answer allows a call of a known function with arguments
//! that its schema describes, or, where the client leaves the choice to the model, a text that does
//! not begin so; whatever the model does, what comes out can be parsed.

mod call;
mod decision;
mod grammar;
mod parameters;
mod prompt;

pub(crate) use call::{Splitter, ToolCall};
pub(crate) use decision::{Decision, ToolUse};
use grammar::grammar;
use parameters::{Choice, resolve};
pub(crate) use parameters::{FUNCTION, PARALLEL_TOOL_CALLS, TOOL_CHOICE, TOOLS, Tool};
pub(crate) use prompt::{explained, in_template_form};

/// What a call begins with.
const OPEN: &str = "<tool_call>";
/// What it ends with.
const CLOSE: &str = "</tool_call>";
