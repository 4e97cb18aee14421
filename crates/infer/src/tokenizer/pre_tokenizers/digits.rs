//! Cuts numbers out of the text.

use super::super::unicode_classes::{Class, class};

/// Cuts at numbers (`\p{N}`).
#[derive(Clone, Debug)]
pub(crate) struct Digits {
    /// Each digit by itself.
    pub(crate) individual: bool,
}

impl Digits {
    pub(crate) fn cut(&self, text: &str, piece: &mut dyn FnMut(&str)) {
        let mut start = 0;
        let mut before = false;
        for (at, c) in text.char_indices() {
            let is_number = class(c) == Class::Number;
            if at > start && (is_number != before || (is_number && self.individual)) {
                piece(&text[start..at]);
                start = at;
            }
            before = is_number;
        }
        if start < text.len() {
            piece(&text[start..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_single_digits() {
        let cut = |individual| {
            let mut pieces = Vec::new();
            Digits { individual }.cut("in 1969, ½", &mut |piece| pieces.push(piece.to_owned()));
            pieces
        };
        assert_eq!(cut(false), ["in ", "1969", ", ", "½"]);
        assert_eq!(cut(true), ["in ", "1", "9", "6", "9", ", ", "½"]);
    }
}
