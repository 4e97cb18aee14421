//! What a JSON schema comes to when its parts are merged.
//!
//! Where keywords stand beside `$ref`, `anyOf` or `allOf`, llguidance merges the schemas: it copies what
//! is referred to, for each alternative. A definition that merges the next one twice doubles it, so a
//! few lines can stand for more than any memory holds.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::limits::{MAX_INTERSECTIONS, MAX_MERGED_PARTS, expect};
use crate::error::InferError;

/// Keywords that say nothing of what is allowed.
const ANNOTATIONS: [&str; 15] = [
    "$anchor",
    "$comment",
    "$defs",
    "$id",
    "$schema",
    "contentEncoding",
    "contentMediaType",
    "default",
    "definitions",
    "description",
    "examples",
    "id",
    "readOnly",
    "title",
    "writeOnly",
];

/// The size of a schema after merging.
#[derive(Debug, Clone, Copy)]
struct Size {
    parts: usize,
    /// Alternatives that whatever is merged with it is copied for.
    alternatives: usize,
    /// Regular expressions that may have to hold together.
    patterns: usize,
}

impl Size {
    const ONE: Size = Size { parts: 1, alternatives: 1, patterns: 0 };

    fn and(self, other: Size) -> Size {
        let copies = |a: Size, b: Size| a.parts.saturating_mul(b.alternatives);
        Size {
            parts: copies(self, other).saturating_add(copies(other, self)),
            alternatives: self.alternatives.saturating_mul(other.alternatives),
            patterns: self.patterns.saturating_add(other.patterns),
        }
    }

    fn or(self, other: Size) -> Size {
        Size {
            parts: self.parts.saturating_add(other.parts),
            alternatives: self.alternatives.saturating_add(other.alternatives),
            patterns: self.patterns.max(other.patterns),
        }
    }

    /// With something inside, whose alternatives are its own. What is inside in different places is
    /// not merged with one another.
    fn around(self, inner: Size) -> Size {
        let parts = self.parts.saturating_add(inner.parts.saturating_mul(self.alternatives));
        Size { parts, patterns: self.patterns.max(inner.patterns), ..self }
    }
}

/// A schema that is being sized.
pub(super) struct MergedSchema<'a> {
    root: &'a Value,
    /// Sizes of what was referred to; none while it is being sized.
    known: BTreeMap<&'a str, Option<Size>>,
    /// Parts of all that is merged.
    merged: usize,
    /// Whether references may mean something else than a place in `root`.
    renamed: bool,
}

impl<'a> MergedSchema<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        MergedSchema { root, known: BTreeMap::new(), merged: 0, renamed: false }
    }

    /// # Errors
    ///
    /// [`InferError::GrammarTooLarge`] for a schema that merging makes too large,
    /// [`InferError::InvalidGrammar`] for one that merges what `$ref` cannot be followed to.
    pub(super) fn check(mut self) -> Result<(), InferError> {
        self.schema(self.root, false)?;
        if self.renamed && !self.known.is_empty() {
            return Err(unfollowed("below an $id of its own"));
        }
        Ok(())
    }

    /// The size of a schema. `merges` if it is itself merged with another one.
    fn schema(&mut self, value: &'a Value, merges: bool) -> Result<Size, InferError> {
        let map = match value {
            Value::Object(map) => map,
            Value::Array(list) => {
                let mut size = Size::ONE;
                for item in list {
                    size = size.around(self.schema(item, merges)?);
                }
                return Ok(size);
            }
            _ => return Ok(Size::ONE),
        };
        self.renamed |= !std::ptr::eq(value, self.root) && has_own_name(map);
        let merges = merges || is_merged(map);
        let mut size = Size::ONE;
        for (name, value) in map {
            if let Some(own) = self.keyword(name, value, merges)? {
                size = size.and(own);
            }
        }
        for (name, value) in map {
            if !is_applied_in_place(name, value) {
                size = size.around(self.schema(value, merges && !is_definitions(name))?);
            }
        }
        if merges {
            self.merged = self.merged.saturating_add(size.parts);
            expect("parts of merged schemas", self.merged, MAX_MERGED_PARTS)?;
            expect("patterns of merged schemas", size.patterns, MAX_INTERSECTIONS)?;
        }
        Ok(size)
    }

    /// The size of what a keyword says of the value itself, not of what is in it.
    fn keyword(
        &mut self,
        name: &'a str,
        value: &'a Value,
        merges: bool,
    ) -> Result<Option<Size>, InferError> {
        let size = match (name, value) {
            ("allOf", Value::Array(list)) => {
                let mut size = Size::ONE;
                for item in list {
                    size = size.and(self.schema(item, merges)?);
                }
                size
            }
            ("anyOf" | "oneOf", Value::Array(list)) => {
                let mut size = Size { alternatives: 0, ..Size::ONE };
                for item in list {
                    size = size.or(self.schema(item, merges)?);
                }
                Size { alternatives: size.alternatives.max(1), ..size }
            }
            ("enum", Value::Array(list)) => {
                let size = self.schema(value, merges)?;
                Size { alternatives: list.len().max(1), ..size }
            }
            ("$ref", Value::String(reference)) if merges => self.target(reference)?,
            ("pattern", Value::String(_)) => Size { patterns: 1, ..Size::ONE },
            _ => return Ok(None),
        };
        Ok(Some(size))
    }

    /// The size of what is referred to.
    fn target(&mut self, reference: &'a str) -> Result<Size, InferError> {
        match self.known.get(reference) {
            Some(Some(size)) => return Ok(*size),
            // It is a part of itself, which is copied no further.
            Some(None) => return Ok(Size::ONE),
            None => {}
        }
        let place = reference.strip_prefix('#').filter(|place| !place.contains('%'));
        let Some(target) = place.and_then(|place| self.root.pointer(place)) else {
            return Err(unfollowed(reference));
        };
        self.known.insert(reference, None);
        let size = self.schema(target, true)?;
        self.known.insert(reference, Some(size));
        Ok(size)
    }
}

/// Whether a keyword speaks of the value itself.
fn is_applied_in_place(name: &str, value: &Value) -> bool {
    match name {
        "allOf" | "anyOf" | "oneOf" | "enum" => value.is_array(),
        "$ref" | "pattern" => value.is_string(),
        _ => false,
    }
}

/// Whether this holds schemas for others to refer to.
fn is_definitions(name: &str) -> bool {
    matches!(name, "$defs" | "definitions")
}

/// Whether llguidance merges schemas for these keywords.
fn is_merged(map: &Map<String, Value>) -> bool {
    let keywords = || map.keys().filter(|name| !ANNOTATIONS.contains(&name.as_str()));
    let refers = ["$ref", "allOf", "anyOf", "oneOf"].iter().any(|name| map.contains_key(*name));
    let all_of = map.get("allOf").and_then(Value::as_array).map_or(0, Vec::len);
    refers && (keywords().count() > 1 || all_of > 1)
}

/// Whether references below these keywords may be counted from here, or come here by a name.
fn has_own_name(map: &Map<String, Value>) -> bool {
    ["$id", "id", "$anchor", "$dynamicAnchor"]
        .iter()
        .any(|name| map.get(*name).is_some_and(Value::is_string))
}

fn unfollowed(reference: &str) -> InferError {
    let reason = format!("a schema that is merged with others is {reference:?}, not #/PLACE");
    InferError::InvalidGrammar { reason }
}

/// The schemas that a Lark grammar holds.
pub(super) fn schemas_in(lark: &str) -> impl Iterator<Item = Value> {
    // In a string it may be no schema; then it says nothing that matters.
    lark.split("%json").skip(1).filter_map(|text| {
        serde_json::Deserializer::from_str(text).into_iter::<Value>().next()?.ok()
    })
}
