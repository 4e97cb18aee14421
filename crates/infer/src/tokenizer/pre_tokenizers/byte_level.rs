//! The last stage of byte-level models.

use super::pattern::Pattern;
use super::split::{Behavior, Split};

/// Cuts by GPT-2's pattern, if asked to, and hands the model bytes.
///
/// Hugging Face's stage also rewrites each byte as a character of the byte alphabet. Here the
/// model reads the bytes themselves, so there is nothing to rewrite.
#[derive(Clone, Debug)]
pub(crate) struct ByteLevel {
    /// Puts a space before text that does not begin with one.
    pub(crate) add_prefix_space: bool,
    /// Cuts by GPT-2's pattern.
    split: Option<Split>,
}

impl ByteLevel {
    pub(crate) fn new(add_prefix_space: bool, use_regex: bool) -> Self {
        let split = use_regex.then(|| Split {
            pattern: Pattern::known(super::GPT2),
            behavior: Behavior::Isolated,
            invert: false,
        });
        ByteLevel { add_prefix_space, split }
    }

    pub(crate) fn use_regex(&self) -> bool {
        self.split.is_some()
    }

    pub(crate) fn cut(&self, text: &str, piece: &mut dyn FnMut(&str)) {
        let prefixed;
        let text = if self.add_prefix_space && !text.starts_with(' ') {
            prefixed = format!(" {text}");
            &prefixed
        } else {
            text
        };
        match &self.split {
            Some(split) => split.cut(text, piece),
            None => piece(text),
        }
    }
}
