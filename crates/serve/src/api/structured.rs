//! `response_format`: answers that can be parsed.

use serde::Deserialize;
use serde_json::Value;
use ulp_infer::Grammar;

use super::schema::{Parameter, Schema, TEXT, WORD};

/// The fields of a named schema; the newer API has them beside `type`, the older one below.
pub(crate) const NAMED_SCHEMA: &[Parameter] = &[
    Parameter::required("name", WORD, "It has no effect on the answer"),
    Parameter::required("schema", Schema::AnyObject, "A JSON schema"),
    Parameter::optional("description", TEXT, "It has no effect on the answer"),
    Parameter::optional("strict", Schema::Boolean, "The answer always follows the schema"),
];

/// The form of a chat's answer.
pub(crate) const RESPONSE_FORMAT: Schema = Schema::Tagged {
    tag: "type",
    variants: &[
        ("text", &[]),
        ("json_object", &[]),
        ("json_schema", &[Parameter::required("json_schema", Schema::Object(&[NAMED_SCHEMA]), "")]),
        ("regex", &[Parameter::required("regex", WORD, "The whole answer matches it")]),
        ("grammar", &[Parameter::required("grammar", WORD, "In llguidance's variant of Lark")]),
    ],
};

/// The form of a response's answer.
pub(crate) const TEXT_FORMAT: Schema = Schema::Tagged {
    tag: "type",
    variants: &[("text", &[]), ("json_object", &[]), ("json_schema", NAMED_SCHEMA)],
};

/// The tables above, filled.
#[derive(Debug, Default, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ResponseFormat {
    /// Anything.
    #[default]
    Text,
    JsonObject,
    JsonSchema {
        /// The older API's place.
        json_schema: Option<NamedSchema>,
        /// The newer one's.
        schema: Option<Value>,
    },
    Regex {
        regex: String,
    },
    Grammar {
        grammar: String,
    },
}

#[derive(Debug, Deserialize)]
pub(crate) struct NamedSchema {
    schema: Value,
}

impl ResponseFormat {
    /// What the answer must be; none for a text.
    pub(crate) fn grammar(&self) -> Option<Grammar> {
        match self {
            ResponseFormat::Text => None,
            ResponseFormat::JsonObject => Some(Grammar::json_object()),
            ResponseFormat::JsonSchema { json_schema, schema } => {
                let schema = json_schema.as_ref().map(|named| &named.schema).or(schema.as_ref())?;
                Some(Grammar::JsonSchema(schema.to_string()))
            }
            ResponseFormat::Regex { regex } => Some(Grammar::Regex(regex.clone())),
            ResponseFormat::Grammar { grammar } => Some(Grammar::Lark(grammar.clone())),
        }
    }
}
