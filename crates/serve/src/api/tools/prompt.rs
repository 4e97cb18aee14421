//! Tools and calls as the model reads them.

use serde_json::{Value, json};

use super::{CLOSE, OPEN, Tool};

/// Calls and results as templates that know tools have them: arguments as objects.
pub(crate) fn in_template_form(messages: &mut [Value]) {
    for call in
        messages.iter_mut().filter_map(|message| message["tool_calls"].as_array_mut()).flatten()
    {
        let arguments = &mut call["function"]["arguments"];
        let parsed = arguments.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        if let Some(parsed) = parsed {
            *arguments = parsed;
        }
    }
}

/// The same for templates that know no tools: a system message that explains them, calls as the
/// text that the model would have written, results as texts of the user.
pub(crate) fn explained(messages: Vec<Value>, tools: &[Tool]) -> Vec<Value> {
    let mut explained: Vec<Value> = messages.into_iter().map(as_text).collect();
    if tools.is_empty() {
        return explained;
    }
    let functions: Vec<String> =
        tools.iter().map(|tool| tool.whole["function"].to_string()).collect();
    let text = format!(
        "You can call these functions, each described by a line of JSON:\n{}\nTo call one, answer \
         with {OPEN}{{\"name\": NAME, \"arguments\": ARGUMENTS}}{CLOSE} and nothing else.",
        functions.join("\n")
    );
    match explained.first_mut() {
        Some(first) if first["role"] == "system" => {
            let said = first["content"].as_str().unwrap_or_default();
            first["content"] = json!(format!("{said}\n\n{text}"));
        }
        _ => explained.insert(0, json!({"role": "system", "content": text})),
    }
    explained
}

fn as_text(message: Value) -> Value {
    if message["role"] == "tool" {
        let result = message["content"].as_str().unwrap_or_default();
        let content = format!("<tool_response>\n{result}\n</tool_response>");
        return json!({"role": "user", "content": content});
    }
    let Some(calls) = message["tool_calls"].as_array() else { return message };
    let written = calls.iter().map(|call| {
        let function = &call["function"];
        let call = json!({"name": function["name"], "arguments": function["arguments"]});
        format!("{OPEN}{call}{CLOSE}")
    });
    let said = message["content"].as_str().unwrap_or_default().to_string();
    let parts: Vec<String> =
        (!said.is_empty()).then_some(said).into_iter().chain(written).collect();
    json!({"role": "assistant", "content": parts.join("\n")})
}
