//! Calls in an answer's text.

use serde_json::{Value, json};

use super::{CLOSE, OPEN};
use crate::api::answer::Addition;
use crate::random::random_name;

/// A call of a function.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ToolCall {
    id: String,
    name: String,
    /// As JSON text.
    arguments: String,
}

impl ToolCall {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "type": "function",
            "function": {"name": self.name, "arguments": self.arguments},
        })
    }

    /// As an item of the newer API's output.
    pub(crate) fn to_item(&self) -> Value {
        json!({
            "type": "function_call",
            "id": random_name("fc_"),
            "call_id": self.id,
            "name": self.name,
            "arguments": self.arguments,
            "status": "completed",
        })
    }
}

/// Tells text from calls as an answer grows.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    held: String,
    /// It has turned out to be text.
    is_text: bool,
}

impl Splitter {
    /// Leaves of an addition's text what can be shown now; at the end, takes out the calls.
    pub(crate) fn split(&mut self, addition: &mut Addition) -> Vec<ToolCall> {
        addition.text = self.push(&addition.text);
        if addition.end.is_none() {
            return Vec::new();
        }
        let (calls, rest) = self.finish();
        addition.text.push_str(&rest);
        calls
    }

    /// Takes the next piece; gives the text that can be shown now.
    fn push(&mut self, piece: &str) -> String {
        if self.is_text {
            return piece.to_string();
        }
        self.held.push_str(piece);
        if OPEN.starts_with(self.held.as_str()) || self.held.starts_with(OPEN) {
            return String::new();
        }
        self.is_text = true;
        std::mem::take(&mut self.held)
    }

    /// At the end: the calls, and the text that is left if it is none.
    fn finish(&mut self) -> (Vec<ToolCall>, String) {
        let held = std::mem::take(&mut self.held);
        match held.starts_with(OPEN).then(|| calls(&held)).flatten() {
            Some(calls) => (calls, String::new()),
            None => (Vec::new(), held),
        }
    }
}

/// The calls of a text; `None` if one is not whole, as where the limit of tokens cut it.
fn calls(text: &str) -> Option<Vec<ToolCall>> {
    let calls = text.split(OPEN).skip(1).map(|call| {
        let json: Value = serde_json::from_str(call.trim_end().strip_suffix(CLOSE)?).ok()?;
        Some(ToolCall {
            id: random_name("call_"),
            name: json["name"].as_str()?.to_string(),
            arguments: json["arguments"].to_string(),
        })
    });
    calls.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&str]) -> (String, Vec<(String, String)>) {
        let mut splitter = Splitter::default();
        let mut text: String = pieces.iter().map(|piece| splitter.push(piece)).collect();
        let (calls, rest) = splitter.finish();
        text.push_str(&rest);
        (text, calls.into_iter().map(|call| (call.name, call.arguments)).collect())
    }

    #[test]
    fn calls_are_told_from_text() {
        assert_eq!(split(&["Hel", "lo"]).0, "Hello");
        assert_eq!(split(&["<", "b>"]).0, "<b>");
        assert_eq!(split(&["<tool"]).0, "<tool", "the end came early");
        let one = r#"<tool_call>{"name": "f", "arguments": {"x": 1}}</tool_call>"#;
        let call = ("f".to_string(), r#"{"x":1}"#.to_string());
        for cut in [1, 5, 20, one.len()] {
            let (text, calls) = split(&[&one[..cut], &one[cut..]]);
            assert_eq!((text.as_str(), calls), ("", vec![call.clone()]));
        }
        assert_eq!(split(&[one, "\n", one]).1.len(), 2);
        let cut = &one[..30];
        assert_eq!(split(&[cut]), (cut.to_string(), Vec::new()), "half a call is text");
    }
}
