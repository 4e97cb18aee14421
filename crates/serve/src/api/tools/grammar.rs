//! What an answer with tools may be, in llguidance's variant of Lark's language.

use serde_json::{Value, json};
use ulp_infer::Grammar;

use super::{CLOSE, Choice, OPEN, Tool};

/// The grammar of an answer; none if there are no calls in it. `parallel` allows several calls.
pub(super) fn grammar(tools: &[Tool], choice: &Choice, parallel: bool) -> Option<Grammar> {
    let (callable, start): (Vec<&Tool>, &str) = match choice {
        Choice::None => return None,
        Choice::Auto => (tools.iter().collect(), "text | calls"),
        Choice::Required => (tools.iter().collect(), "calls"),
        Choice::Named(name) => (tools.iter().filter(|tool| tool.name() == name).collect(), "call"),
    };
    let calls = if parallel { "call (\"\\n\" call)*" } else { "call" };
    let schema = json!({"anyOf": callable.into_iter().map(call).collect::<Vec<Value>>()});
    // A text is what does not begin as a call does.
    Some(Grammar::Lark(format!(
        "start: {start}\n\
         text: /(([^<]|<[^t])(.|\\n)*)?/\n\
         calls: {calls}\n\
         call: \"{OPEN}\" /\\n?/ json /\\n?/ \"{CLOSE}\"\n\
         json: %json {schema}\n"
    )))
}

/// The schema of a call.
fn call(tool: &Tool) -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": {"const": tool.name()},
            "arguments": tool.parameters(),
        },
        "required": ["name", "arguments"],
        "additionalProperties": false,
    })
}
