//! What a request may hold, as data: one table checks the body, writes the OpenAPI document, and
//! names whatever is refused.
//!
//! The tables are the truth; the structs that the handlers read are filled only after the check. A
//! name that is in no table is refused, so nothing is ignored in silence.

mod check;
mod document;

pub(crate) use document::document;

/// The values that a place in a body may have.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Schema {
    Boolean,
    /// An integer; a number as 2.0 is one, too.
    Integer {
        min: i64,
        max: i64,
    },
    Number {
        min: f64,
        max: f64,
    },
    /// A text of at least this many characters.
    Text {
        min: usize,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`, and nothing else.
    Only(bool),
    List {
        item: &'static Schema,
        min: usize,
        max: usize,
    },
    /// An object with the names of all these groups.
    Object(&'static [&'static [Parameter]]),
    /// Any names with values of one kind.
    Map(&'static Schema),
    /// The value of the field `tag` says which other fields there are.
    Tagged {
        tag: &'static str,
        variants: &'static [(&'static str, &'static [Parameter])],
    },
    /// Any of these. No two may take the same JSON type, but lists, of which the first item decides,
    /// and objects with different tags, of which the tag that is there decides.
    Either(&'static [Schema]),
    /// Any JSON object.
    AnyObject,
}

/// A name in an object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    /// For the OpenAPI document; of a refused one, why.
    pub(crate) about: &'static str,
}

/// What a name in an object is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Role {
    /// Must be there.
    Required(Schema),
    /// May be left out or null.
    Optional(Schema),
    /// Known, and refused unless null.
    Refused,
}

impl Parameter {
    pub(crate) const fn required(name: &'static str, schema: Schema, about: &'static str) -> Self {
        Parameter { name, role: Role::Required(schema), about }
    }

    pub(crate) const fn optional(name: &'static str, schema: Schema, about: &'static str) -> Self {
        Parameter { name, role: Role::Optional(schema), about }
    }

    pub(crate) const fn refused(name: &'static str, reason: &'static str) -> Self {
        Parameter { name, role: Role::Refused, about: reason }
    }
}

/// A text of any length.
pub(crate) const TEXT: Schema = Schema::Text { min: 0 };
/// A text that is not empty.
pub(crate) const WORD: Schema = Schema::Text { min: 1 };
/// A count from 1.
pub(crate) const COUNT: Schema = Schema::Integer { min: 1, max: i64::MAX };

impl Schema {
    /// What is expected, for a message.
    pub(super) fn expected(&self) -> String {
        match self {
            Schema::Boolean => "true or false".to_string(),
            Schema::Integer { .. } => "an integer".to_string(),
            Schema::Number { .. } => "a number".to_string(),
            Schema::Text { .. } => "a string".to_string(),
            Schema::Choice(words) => format!("one of {}", words.join(", ")),
            Schema::Only(value) => value.to_string(),
            Schema::List { .. } => "a list".to_string(),
            Schema::Object(_) | Schema::Map(_) | Schema::Tagged { .. } | Schema::AnyObject => {
                "an object".to_string()
            }
            Schema::Either(schemas) => any_of(*schemas).unwrap_or_default(),
        }
    }
}

/// What is expected where any of these may be; none of none.
fn any_of<'a>(schemas: impl IntoIterator<Item = &'a Schema>) -> Option<String> {
    let mut words: Vec<String> = Vec::new();
    for word in schemas.into_iter().map(Schema::expected) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    (!words.is_empty()).then(|| words.join(" or "))
}
