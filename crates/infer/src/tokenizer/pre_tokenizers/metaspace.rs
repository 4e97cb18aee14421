//! SentencePiece's spaces as a stage of cutting.

/// Where the mark is put before the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PrependScheme {
    /// Before the beginning of the whole text.
    First,
    /// Before each section between added tokens.
    Always,
    /// Nowhere.
    Never,
}

/// Writes spaces as a mark, puts one before the text, and cuts before each mark.
#[derive(Clone, Debug)]
pub(crate) struct Metaspace {
    pub(crate) replacement: char,
    pub(crate) prepend_scheme: PrependScheme,
    pub(crate) split: bool,
}

impl Metaspace {
    pub(crate) fn cut(&self, text: &str, at_start: bool, piece: &mut dyn FnMut(&str)) {
        let mut marked = String::with_capacity(text.len() + self.replacement.len_utf8());
        let prepend = match self.prepend_scheme {
            PrependScheme::First => at_start,
            PrependScheme::Always => true,
            PrependScheme::Never => false,
        };
        if prepend && !text.starts_with([' ', self.replacement]) {
            marked.push(self.replacement);
        }
        marked.extend(text.chars().map(|c| if c == ' ' { self.replacement } else { c }));
        if !self.split {
            return piece(&marked);
        }
        let mut start = 0;
        for (at, _) in marked.match_indices(self.replacement) {
            if at > start {
                piece(&marked[start..at]);
                start = at;
            }
        }
        piece(&marked[start..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(prepend_scheme: PrependScheme, text: &str, at_start: bool) -> Vec<String> {
        let stage = Metaspace { replacement: '_', prepend_scheme, split: true };
        let mut pieces = Vec::new();
        stage.cut(text, at_start, &mut |piece| pieces.push(piece.to_owned()));
        pieces
    }

    #[test]
    fn marks_and_cuts() {
        use PrependScheme::{Always, First, Never};
        assert_eq!(cut(Always, "Hey my  friend", false), ["_Hey", "_my", "_", "_friend"]);
        assert_eq!(cut(Always, " Hey", false), ["_Hey"]);
        assert_eq!(cut(First, "Hey", true), ["_Hey"]);
        assert_eq!(cut(First, "Hey", false), ["Hey"]);
        assert_eq!(cut(Never, "a b", true), ["a", "_b"]);
    }
}
