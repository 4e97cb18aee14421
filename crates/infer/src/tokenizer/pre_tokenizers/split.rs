//! Cuts at the matches of a pattern.

use super::pattern::Pattern;

/// What becomes of the matches. The names are those of tokenizer.json.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behavior {
    /// Each match is a piece.
    Isolated,
    /// Matches are left out.
    Removed,
    /// Each match belongs to the text before it.
    MergedWithPrevious,
    /// Each match belongs to the text after it.
    MergedWithNext,
    /// Neighbouring matches are one piece.
    Contiguous,
}

/// Cuts at the matches of a pattern, or (`invert`) at what lies between them.
#[derive(Clone, Debug)]
pub(crate) struct Split {
    pub(crate) pattern: Pattern,
    pub(crate) behavior: Behavior,
    pub(crate) invert: bool,
}

impl Split {
    pub(crate) fn cut(&self, text: &str, piece: &mut dyn FnMut(&str)) {
        let mut cutter = Cutter { text, behavior: self.behavior, pending: None, piece };
        let mut end = 0;
        self.pattern.find(text, |start, stop| {
            if end < start {
                cutter.push(end, start, self.invert);
            }
            // An empty match cuts as well.
            cutter.push(start, stop, !self.invert);
            end = stop;
        });
        if end < text.len() {
            cutter.push(end, text.len(), self.invert);
        }
        cutter.flush();
    }
}

/// Joins parts into pieces as the behaviour asks. One part is held back until it is known whether
/// the next belongs to it.
struct Cutter<'a> {
    text: &'a str,
    behavior: Behavior,
    pending: Option<Part>,
    piece: &'a mut dyn FnMut(&str),
}

struct Part {
    start: usize,
    end: usize,
    /// Whether the last part joined was a match.
    is_match: bool,
}

impl Cutter<'_> {
    fn push(&mut self, start: usize, end: usize, is_match: bool) {
        if is_match && self.behavior == Behavior::Removed {
            return self.flush();
        }
        if let Some(pending) = &mut self.pending {
            let joins = match self.behavior {
                Behavior::Isolated | Behavior::Removed => false,
                Behavior::MergedWithPrevious => is_match && !pending.is_match,
                Behavior::MergedWithNext => pending.is_match && !is_match,
                Behavior::Contiguous => is_match == pending.is_match,
            };
            if joins {
                pending.end = end;
                pending.is_match = is_match;
                return;
            }
        }
        self.flush();
        self.pending = Some(Part { start, end, is_match });
    }

    fn flush(&mut self) {
        if let Some(part) = self.pending.take()
            && part.start < part.end
        {
            (self.piece)(&self.text[part.start..part.end]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::pattern::PatternText;
    use super::*;

    fn cut(behavior: Behavior, invert: bool) -> Vec<String> {
        let pattern = Pattern::new(PatternText::Literal("-".into())).unwrap();
        let mut pieces = Vec::new();
        let mut piece = |piece: &str| pieces.push(piece.to_owned());
        Split { pattern, behavior, invert }.cut("the-final--countdown", &mut piece);
        pieces
    }

    #[test]
    fn behaviors() {
        // The examples of the documentation of Hugging Face's SplitDelimiterBehavior.
        let expect = |behavior, pieces: &[&str]| assert_eq!(cut(behavior, false), pieces);
        expect(Behavior::Isolated, &["the", "-", "final", "-", "-", "countdown"]);
        expect(Behavior::Removed, &["the", "final", "countdown"]);
        expect(Behavior::MergedWithPrevious, &["the-", "final-", "-", "countdown"]);
        expect(Behavior::MergedWithNext, &["the", "-final", "-", "-countdown"]);
        expect(Behavior::Contiguous, &["the", "-", "final", "--", "countdown"]);
        assert_eq!(cut(Behavior::Removed, true), ["-", "-", "-"]);
    }

    #[test]
    fn a_match_may_be_empty() {
        let thousands = PatternText::Regex(r"(?=(\d{3})+(?!\d))".into());
        let pattern = Pattern::new(thousands).unwrap();
        for behavior in [Behavior::Isolated, Behavior::Removed, Behavior::MergedWithNext] {
            let mut pieces = Vec::new();
            Split { pattern: pattern.clone(), behavior, invert: false }
                .cut("in 1234567 1", &mut |piece| pieces.push(piece.to_owned()));
            assert_eq!(pieces, ["in 1", "234", "567 1"]);
        }
    }
}
