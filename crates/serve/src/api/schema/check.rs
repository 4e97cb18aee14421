//! A body against its table.

use serde_json::{Map, Value};

use super::{Parameter, Role, Schema, any_of};
use crate::api::error::ApiError;

impl Schema {
    /// Checks `value`, which stands at `path`. Values that say nothing (null for what may be left
    /// out) are taken away and integers written as 2.0 become 2, so that a struct can be filled.
    ///
    /// # Errors
    ///
    /// 400 with the path of the first thing that is wrong.
    pub(crate) fn check(&self, value: &mut Value, path: &str) -> Result<(), ApiError> {
        match self {
            Schema::Boolean if value.is_boolean() => Ok(()),
            Schema::Integer { min, max } => check_integer(value, *min, *max, path),
            Schema::Number { min, max } => check_number(value, *min, *max, path),
            Schema::Text { min } => check_text(value, *min, path),
            Schema::Choice(words) => check_choice(value, words, path),
            Schema::Only(only) => match value.as_bool() {
                Some(given) if given == *only => Ok(()),
                Some(given) => Err(ApiError::unsupported(
                    path,
                    &format!("it is {given}, only {only} is served"),
                )),
                None => Err(wrong_type(self, value, path)),
            },
            Schema::List { item, min, max } => check_list(value, item, *min, *max, path),
            Schema::Object(groups) => check_object(value, groups, None, path),
            Schema::Map(schema) => check_map(value, schema, path),
            Schema::Tagged { tag, variants } => check_tagged(value, tag, variants, path),
            Schema::Either(schemas) => check_either(self, value, schemas, path),
            Schema::AnyObject if value.is_object() => Ok(()),
            Schema::Boolean | Schema::AnyObject => Err(wrong_type(self, value, path)),
        }
    }

    /// Whether the value is of a JSON type that the schema takes, whatever its contents.
    fn takes_type_of(&self, value: &Value) -> bool {
        match (self, value) {
            (Schema::Boolean | Schema::Only(_), Value::Bool(_))
            | (Schema::Number { .. }, Value::Number(_))
            | (Schema::Text { .. } | Schema::Choice(_), Value::String(_))
            | (
                Schema::Object(_) | Schema::Map(_) | Schema::Tagged { .. } | Schema::AnyObject,
                Value::Object(_),
            ) => true,
            (Schema::Integer { .. }, Value::Number(number)) => as_integer(number).is_some(),
            (Schema::List { item, .. }, Value::Array(list)) => {
                list.first().is_none_or(|first| item.takes_type_of(first))
            }
            (Schema::Either(schemas), value) => schemas.iter().any(|s| s.takes_type_of(value)),
            _ => false,
        }
    }
}

/// The value of a number that is whole, in whatever way it is written.
fn as_integer(number: &serde_json::Number) -> Option<i128> {
    if let Some(n) = number.as_i64() {
        return Some(n.into());
    }
    if let Some(n) = number.as_u64() {
        return Some(n.into());
    }
    let x = number.as_f64()?;
    (x.fract() == 0.0 && x.abs() < 1e18).then_some(x as i128)
}

fn check_integer(value: &mut Value, min: i64, max: i64, path: &str) -> Result<(), ApiError> {
    let Value::Number(number) = &*value else {
        return Err(wrong_type(&Schema::Integer { min, max }, value, path));
    };
    let Some(n) = as_integer(number) else {
        return Err(wrong_type(&Schema::Integer { min, max }, value, path));
    };
    if n < min.into() || n > max.into() {
        let range = match (min, max) {
            (i64::MIN, i64::MAX) => "of 64 bits".to_string(),
            (min, i64::MAX) => format!("{min} or more"),
            (min, max) => format!("from {min} to {max}"),
        };
        return Err(ApiError::value(path, format!("{path} is {n}, it must be {range}")));
    }
    *value = Value::from(n as i64);
    Ok(())
}

fn check_number(value: &Value, min: f64, max: f64, path: &str) -> Result<(), ApiError> {
    let Some(x) = value.as_f64() else {
        return Err(wrong_type(&Schema::Number { min, max }, value, path));
    };
    if (min..=max).contains(&x) {
        return Ok(());
    }
    let range = match max {
        f64::INFINITY => format!("{min} or more"),
        _ => format!("from {min} to {max}"),
    };
    Err(ApiError::value(path, format!("{path} is {value}, it must be {range}")))
}

fn check_text(value: &Value, min: usize, path: &str) -> Result<(), ApiError> {
    match value.as_str() {
        Some(text) if text.chars().take(min).count() == min => Ok(()),
        Some(_) => Err(ApiError::value(path, format!("{path} must not be empty"))),
        None => Err(wrong_type(&Schema::Text { min }, value, path)),
    }
}

fn check_choice(value: &Value, words: &'static [&'static str], path: &str) -> Result<(), ApiError> {
    let Some(given) = value.as_str() else {
        return Err(wrong_type(&Schema::Choice(words), value, path));
    };
    if words.contains(&given) {
        return Ok(());
    }
    let message = format!("{path} is {given:?}, it must be one of {}", words.join(", "));
    Err(ApiError::value(path, message))
}

fn check_list(
    value: &mut Value,
    item: &'static Schema,
    min: usize,
    max: usize,
    path: &str,
) -> Result<(), ApiError> {
    let Value::Array(list) = value else {
        return Err(wrong_type(&Schema::List { item, min, max }, value, path));
    };
    if list.len() < min {
        let message = format!("{path} has {} items, it must have {min} or more", list.len());
        return Err(ApiError::value(path, message));
    }
    if list.len() > max {
        let message = format!("{path} has {} items, it may have {max}", list.len());
        return Err(ApiError::value(path, message));
    }
    for (i, value) in list.iter_mut().enumerate() {
        item.check(value, &format!("{path}[{i}]"))?;
    }
    Ok(())
}

/// `tag` is a field that has been checked already.
fn check_object(
    value: &mut Value,
    groups: &[&[Parameter]],
    tag: Option<&str>,
    path: &str,
) -> Result<(), ApiError> {
    let Value::Object(object) = value else {
        return Err(wrong_type(&Schema::AnyObject, value, path));
    };
    let parameters = || groups.iter().copied().flatten();
    for parameter in parameters() {
        check_parameter(object, parameter, path)?;
    }
    let known = |name: &str| tag == Some(name) || parameters().any(|p| p.name == name);
    match object.keys().find(|name| !known(name)) {
        None => Ok(()),
        Some(name) => {
            let path = join(path, name);
            let message = format!("{path} is not a parameter that this server knows");
            Err(ApiError::invalid(&path, "unknown_parameter", message))
        }
    }
}

fn check_parameter(
    object: &mut Map<String, Value>,
    parameter: &Parameter,
    path: &str,
) -> Result<(), ApiError> {
    let path = join(path, parameter.name);
    match (parameter.role, object.get_mut(parameter.name)) {
        (Role::Optional(_) | Role::Refused, None) => Ok(()),
        (Role::Optional(_) | Role::Refused, Some(Value::Null)) => {
            object.remove(parameter.name);
            Ok(())
        }
        (Role::Refused, Some(_)) => Err(ApiError::unsupported(&path, parameter.about)),
        (Role::Required(_), None) => {
            let message = format!("{path} is missing");
            Err(ApiError::invalid(&path, "missing_required_parameter", message))
        }
        (Role::Required(schema) | Role::Optional(schema), Some(value)) => {
            schema.check(value, &path)
        }
    }
}

fn check_map(value: &mut Value, schema: &'static Schema, path: &str) -> Result<(), ApiError> {
    let Value::Object(map) = value else {
        return Err(wrong_type(&Schema::Map(schema), value, path));
    };
    map.iter_mut().try_for_each(|(name, value)| schema.check(value, &join(path, name)))
}

fn check_tagged(
    value: &mut Value,
    tag: &'static str,
    variants: &'static [(&'static str, &'static [Parameter])],
    path: &str,
) -> Result<(), ApiError> {
    let Some(object) = value.as_object() else {
        return Err(wrong_type(&Schema::Tagged { tag, variants }, value, path));
    };
    let path_of_tag = join(path, tag);
    let Some(name) = object.get(tag) else {
        let message = format!("{path_of_tag} is missing");
        return Err(ApiError::invalid(&path_of_tag, "missing_required_parameter", message));
    };
    let Some(&(_, parameters)) = variants.iter().find(|(known, _)| name == known) else {
        let known: Vec<&str> = variants.iter().map(|(name, _)| *name).collect();
        let message = format!("{path_of_tag} is {name}, it must be one of {}", known.join(", "));
        return Err(ApiError::value(&path_of_tag, message));
    };
    check_object(value, &[parameters], Some(tag), path)
}

fn check_either(
    this: &Schema,
    value: &mut Value,
    schemas: &'static [Schema],
    path: &str,
) -> Result<(), ApiError> {
    let tagged = |schema: &&Schema| match schema {
        Schema::Tagged { tag, .. } => value.get(tag).is_some(),
        _ => false,
    };
    let fits = || schemas.iter().filter(|schema| schema.takes_type_of(value));
    match fits().find(tagged).or_else(|| fits().next()) {
        Some(schema) => schema.check(value, path),
        None => {
            Err(wrong_item(value, schemas, path).unwrap_or_else(|| wrong_type(this, value, path)))
        }
    }
}

/// What is wrong with the first item of a list, if lists are taken, and none with such an item.
fn wrong_item(value: &Value, schemas: &[Schema], path: &str) -> Option<ApiError> {
    let first = value.as_array()?.first()?;
    let items = schemas.iter().filter_map(|schema| match schema {
        Schema::List { item, .. } => Some(*item),
        _ => None,
    });
    let expected = any_of(items)?;
    Some(mismatch(&expected, first, &format!("{path}[0]")))
}

fn wrong_type(schema: &Schema, value: &Value, path: &str) -> ApiError {
    mismatch(&schema.expected(), value, path)
}

fn mismatch(expected: &str, value: &Value, path: &str) -> ApiError {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    let place = if path.is_empty() { "the body" } else { path };
    let message = format!("{place} is {found}, it must be {expected}");
    ApiError::invalid(path, "invalid_type", message)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_string() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const POINT: Schema = Schema::Object(&[&[
        Parameter::required("x", Schema::Integer { min: -5, max: 5 }, ""),
        Parameter::optional("y", Schema::Number { min: 0.0, max: 1.0 }, ""),
        Parameter::refused("z", "the world is flat"),
        Parameter::optional(
            "name",
            Schema::Either(&[WORD, Schema::List { item: &WORD, min: 1, max: 2 }]),
            "",
        ),
        Parameter::optional("kind", Schema::Choice(&["dot", "cross"]), ""),
        Parameter::optional("bias", Schema::Map(&Schema::Boolean), ""),
        Parameter::optional("store", Schema::Only(false), ""),
        Parameter::optional(
            "part",
            Schema::Tagged { tag: "type", variants: &[("a", &[]), ("b", &[PART])] },
            "",
        ),
        Parameter::optional(
            "either",
            Schema::Either(&[
                Schema::Tagged { tag: "role", variants: &[("user", &[])] },
                Schema::Tagged { tag: "type", variants: &[("call", &[PART])] },
            ]),
            "",
        ),
    ]]);
    const WORD: Schema = Schema::Text { min: 1 };
    const PART: Parameter = Parameter::required("b", Schema::Boolean, "");

    fn fault(mut value: Value) -> (String, &'static str, String) {
        let error = POINT.check(&mut value, "").unwrap_err();
        (error.param.unwrap_or_default(), error.code, error.message)
    }

    #[test]
    fn what_is_right_passes_and_is_tidied() {
        let mut value = json!({
            "x": 2.0, "y": null, "z": null, "name": ["a", "b"], "kind": "dot",
            "bias": {"7": true}, "store": false, "part": {"type": "b", "b": true},
            "either": {"type": "call", "b": false}
        });
        POINT.check(&mut value, "").unwrap();
        assert_eq!(value["x"].as_i64(), Some(2));
        assert!(value.get("y").is_none() && value.get("z").is_none());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (value, param, code, message) in [
            (json!(3), "", "invalid_type", "the body is a number, it must be an object"),
            (json!({}), "x", "missing_required_parameter", "x is missing"),
            (json!({"x": null}), "x", "invalid_type", "x is null, it must be an integer"),
            (json!({"x": 1.5}), "x", "invalid_type", "x is a number, it must be an integer"),
            (json!({"x": 6}), "x", "invalid_value", "x is 6, it must be from -5 to 5"),
            (json!({"x": 1e300}), "x", "invalid_type", "x is a number, it must be an integer"),
            (json!({"x": 1, "y": 2}), "y", "invalid_value", "y is 2, it must be from 0 to 1"),
            (
                json!({"x": 1, "z": 0}),
                "z",
                "unsupported_parameter",
                "z is not supported: the world is flat",
            ),
            (
                json!({"x": 1, "w": 0}),
                "w",
                "unknown_parameter",
                "w is not a parameter that this server knows",
            ),
            (
                json!({"x": 1, "name": 3}),
                "name",
                "invalid_type",
                "name is a number, it must be a string or a list",
            ),
            (
                json!({"x": 1, "name": [3]}),
                "name[0]",
                "invalid_type",
                "name[0] is a number, it must be a string",
            ),
            (
                json!({"x": 1, "name": ["a", ""]}),
                "name[1]",
                "invalid_value",
                "name[1] must not be empty",
            ),
            (
                json!({"x": 1, "name": ["a", "a", "a"]}),
                "name",
                "invalid_value",
                "name has 3 items, it may have 2",
            ),
            (
                json!({"x": 1, "kind": "line"}),
                "kind",
                "invalid_value",
                "kind is \"line\", it must be one of dot, cross",
            ),
            (
                json!({"x": 1, "bias": {"a": 1}}),
                "bias.a",
                "invalid_type",
                "bias.a is a number, it must be true or false",
            ),
            (
                json!({"x": 1, "store": true}),
                "store",
                "unsupported_parameter",
                "store is not supported: it is true, only false is served",
            ),
            (
                json!({"x": 1, "part": {"type": "c"}}),
                "part.type",
                "invalid_value",
                "part.type is \"c\", it must be one of a, b",
            ),
            (
                json!({"x": 1, "part": {"type": "a", "b": true}}),
                "part.b",
                "unknown_parameter",
                "part.b is not a parameter that this server knows",
            ),
            (
                json!({"x": 1, "either": {}}),
                "either.role",
                "missing_required_parameter",
                "either.role is missing",
            ),
            (
                json!({"x": 1, "either": {"type": "call"}}),
                "either.b",
                "missing_required_parameter",
                "either.b is missing",
            ),
        ] {
            assert_eq!(fault(value.clone()), (param.into(), code, message.into()), "{value}");
        }
    }
}
