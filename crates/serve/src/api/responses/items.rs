//! The items of an input as they are kept and listed: each with a type, an id, a status and parts.

use serde_json::{Value, json};

use super::input::Input;
use crate::random::random_name;

/// The items of an input. What they say to the model stays as it is.
pub(super) fn items(input: Input) -> Vec<Value> {
    match input {
        Input::Text(text) => vec![item(json!({"role": "user", "content": text}))],
        Input::Messages(list) => list.into_iter().map(item).collect(),
    }
}

fn item(mut item: Value) -> Value {
    let prefix = match item["type"].as_str() {
        Some("function_call") => "fc_",
        Some("function_call_output") => {
            if item["output"].is_array() {
                item["output"] = parts(&item["output"], input_part);
            }
            "fco_"
        }
        _ => {
            let part = if item["role"] == "assistant" { output_part } else { input_part };
            item["type"] = json!("message");
            item["content"] = parts(&item["content"], part);
            "msg_"
        }
    };
    for (name, value) in [("id", json!(random_name(prefix))), ("status", json!("completed"))] {
        if item[name].is_null() {
            item[name] = value;
        }
    }
    item
}

/// A text, or parts, as parts.
fn parts(content: &Value, part: fn(&Value) -> Value) -> Value {
    match content {
        Value::Array(parts) => parts.iter().map(part).collect(),
        text => json!([part(&json!({"text": text}))]),
    }
}

fn input_part(part: &Value) -> Value {
    json!({"type": "input_text", "text": part["text"]})
}

/// A part of an answer, which may have come back with what it said beside its text.
fn output_part(part: &Value) -> Value {
    let list = |name: &str| if part[name].is_array() { part[name].clone() } else { json!([]) };
    json!({
        "type": "output_text",
        "text": part["text"],
        "annotations": list("annotations"),
        "logprobs": list("logprobs"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_have_types_ids_and_parts() {
        let [text] = items(Input::Text("Hi".to_string())).try_into().unwrap();
        assert!(text["id"].as_str().unwrap().starts_with("msg_"));
        assert_eq!(text["content"], json!([{"type": "input_text", "text": "Hi"}]));
        let said = json!({"type": "output_text", "text": "So", "annotations": [], "logprobs": [1]});
        let given = vec![
            json!({"role": "system", "content": [{"type": "output_text", "text": "S"}]}),
            json!({"role": "assistant", "content": "A"}),
            json!({"role": "assistant", "id": "msg_1", "status": "incomplete", "content": [said]}),
            json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}),
            json!({"type": "function_call_output", "call_id": "c", "output": "text"}),
            json!({"type": "function_call_output", "call_id": "c",
                "output": [{"type": "output_text", "text": "p", "annotations": []}]}),
        ];
        let made = items(Input::Messages(given));
        assert_eq!(made[0]["content"], json!([{"type": "input_text", "text": "S"}]));
        let plain = json!({"type": "output_text", "text": "A", "annotations": [], "logprobs": []});
        assert_eq!(made[1]["content"], json!([plain]));
        let kept = [&made[2]["id"], &made[2]["status"], &made[2]["content"][0]];
        assert_eq!(kept, [&json!("msg_1"), &json!("incomplete"), &said]);
        assert!(made[3]["id"].as_str().unwrap().starts_with("fc_"));
        assert_eq!(made[4]["output"], "text");
        assert_eq!(made[5]["output"], json!([{"type": "input_text", "text": "p"}]));
        for (i, item) in made.iter().enumerate() {
            assert!(item["status"].is_string() && item["type"].is_string());
            assert!(made[..i].iter().all(|other| other["id"] != item["id"]));
        }
    }
}
