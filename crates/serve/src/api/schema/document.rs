//! A table as JSON Schema (draft 2020-12), the form that OpenAPI 3.1 has.

use serde_json::{Map, Value, json};

use super::{Parameter, Role, Schema};

/// The JSON Schema of a table.
pub(crate) fn document(schema: &Schema) -> Value {
    match schema {
        Schema::Boolean => json!({"type": "boolean"}),
        Schema::Integer { min, max: i64::MAX } => json!({"type": "integer", "minimum": min}),
        Schema::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Schema::Number { min, max } if max.is_infinite() => {
            json!({"type": "number", "minimum": min})
        }
        Schema::Number { min, max } => json!({"type": "number", "minimum": min, "maximum": max}),
        Schema::Text { min: 0 } => json!({"type": "string"}),
        Schema::Text { min } => json!({"type": "string", "minLength": min}),
        Schema::Choice(words) => json!({"type": "string", "enum": words}),
        Schema::Only(value) => json!({"type": "boolean", "const": value}),
        Schema::List { item, min, max } => {
            let mut list = json!({"type": "array", "items": document(item), "minItems": min});
            if *max < usize::MAX {
                list["maxItems"] = json!(max);
            }
            list
        }
        Schema::Object(groups) => object(groups, None),
        Schema::Map(schema) => {
            json!({"type": "object", "additionalProperties": document(schema)})
        }
        Schema::Tagged { tag, variants } => {
            let variants =
                variants.iter().map(|&(name, fields)| object(&[fields], Some((tag, name))));
            json!({
                "oneOf": variants.collect::<Vec<Value>>(),
                "discriminator": {"propertyName": tag},
            })
        }
        Schema::Either(schemas) => {
            json!({"anyOf": schemas.iter().map(document).collect::<Vec<Value>>()})
        }
        Schema::AnyObject => json!({"type": "object"}),
    }
}

/// An object with no other names than these; `tag` is a name with one fixed value.
fn object(groups: &[&[Parameter]], tag: Option<(&str, &str)>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    if let Some((tag, name)) = tag {
        properties.insert(tag.to_string(), json!({"type": "string", "const": name}));
        required.push(tag);
    }
    for parameter in groups.iter().copied().flatten() {
        let schema = match parameter.role {
            Role::Refused => continue,
            Role::Required(schema) => {
                required.push(parameter.name);
                document(&schema)
            }
            Role::Optional(schema) => json!({"anyOf": [document(&schema), {"type": "null"}]}),
        };
        let mut schema = schema;
        if !parameter.about.is_empty() {
            schema["description"] = json!(parameter.about);
        }
        properties.insert(parameter.name.to_string(), schema);
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_names_what_it_takes() {
        const SCHEMA: Schema = Schema::Object(&[&[
            Parameter::required("x", Schema::Integer { min: 1, max: i64::MAX }, "how many"),
            Parameter::optional("y", Schema::Boolean, ""),
            Parameter::refused("z", "not here"),
        ]]);
        let expected = json!({
            "type": "object",
            "properties": {
                "x": {"type": "integer", "minimum": 1, "description": "how many"},
                "y": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
            },
            "required": ["x"],
            "additionalProperties": false,
        });
        assert_eq!(document(&SCHEMA), expected);
    }
}
