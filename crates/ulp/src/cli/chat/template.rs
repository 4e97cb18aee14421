//! Where a model's chat template is.

use crate::cli::flags::{Loaded, ModelSource, read_text};
use crate::error::CliError;
use serde_json::Value as Json;
use std::path::Path;
use ulp_infer::{ChatTemplate, Gguf, InferError};
use ulp_nn::NnError;

/// The template in `file`, or else the model's own.
pub(in crate::cli) fn find(file: Option<&Path>, loaded: &Loaded) -> Result<ChatTemplate, CliError> {
    let source = match (file, &loaded.source) {
        (Some(path), _) => Some(read_text(path)?),
        (None, ModelSource::Gguf(gguf)) => in_gguf(gguf)?,
        (None, ModelSource::Directory(path)) => in_directory(path)?,
    };
    match source {
        Some(source) => Ok(ChatTemplate::new(source)?),
        None => {
            let name = &loaded.name;
            let problem = format!("{name} has no template: name one, or use `ulp generate`");
            Err(CliError::usage("--chat-template", problem))
        }
    }
}

fn in_gguf(gguf: &Gguf) -> Result<Option<String>, InferError> {
    let key = "tokenizer.chat_template";
    gguf.get(key).map(|_| gguf.str(key).map(str::to_string)).transpose()
}

/// `chat_template.jinja`, or the field `chat_template` of a configuration.
fn in_directory(directory: &Path) -> Result<Option<String>, CliError> {
    let path = directory.join("chat_template.jinja");
    if path.exists() {
        return read_text(&path).map(Some);
    }
    for name in ["chat_template.json", "tokenizer_config.json"] {
        let path = directory.join(name);
        if !path.exists() {
            continue;
        }
        let text = read_text(&path)?;
        let json: Json = serde_json::from_str(&text).map_err(|source| NnError::Json {
            file: path.display().to_string(),
            offset: 0,
            source,
        })?;
        if let Some(template) = in_field(&json["chat_template"]) {
            return Ok(Some(template.to_string()));
        }
    }
    Ok(None)
}

/// The field holds the template, or a list of named ones.
fn in_field(field: &Json) -> Option<&str> {
    match field {
        Json::String(template) => Some(template),
        Json::Array(list) => {
            let default = list.iter().find(|entry| entry["name"] == "default")?;
            default["template"].as_str()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::in_field;
    use serde_json::json;

    #[test]
    fn one_template_or_the_default_of_several() {
        assert_eq!(in_field(&json!("a")), Some("a"));
        let list = json!([{"name": "rag", "template": "b"}, {"name": "default", "template": "c"}]);
        assert_eq!(in_field(&list), Some("c"));
        assert_eq!(in_field(&json!(null)), None);
    }
}
