//! Strings at which generation stops, found in text that comes in pieces.

/// Watches text for stop strings and holds back what may become one.
///
/// The first stop string to be complete ends the text, whatever pieces it came in; of two that are
/// complete at the same character the longer one counts.
#[derive(Debug, Clone)]
pub(super) struct StopStrings {
    strings: Vec<String>,
    /// Text that may be the beginning of a stop string.
    held: String,
}

impl StopStrings {
    /// A watch for these strings; empty ones are left out.
    pub(super) fn new(strings: &[String]) -> Self {
        let strings = strings.iter().filter(|s| !s.is_empty()).cloned().collect();
        StopStrings { strings, held: String::new() }
    }

    /// Takes the next piece. Returns the text that can be let go, and whether a stop string ends
    /// it there (the stop string itself is not part of the text).
    pub(super) fn push(&mut self, piece: &str) -> (String, bool) {
        self.held.push_str(piece);
        if let Some(start) = self.first_match() {
            let text = self.held[..start].to_string();
            self.held.clear();
            return (text, true);
        }
        let rest = self.held.split_off(self.held.len() - self.unsure());
        (std::mem::replace(&mut self.held, rest), false)
    }

    /// What is held back, now that nothing follows.
    pub(super) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Where the stop string begins that is complete first.
    fn first_match(&self) -> Option<usize> {
        let matches = self.strings.iter().filter_map(|s| Some((self.held.find(s.as_str())?, s)));
        matches.map(|(start, s)| (start + s.len(), start)).min().map(|(_, start)| start)
    }

    /// The length of the longest end of the text with which a stop string begins.
    fn unsure(&self) -> usize {
        let longest = |stop: &String| {
            let proper = stop.char_indices().map(|(i, _)| i).rev();
            proper.into_iter().find(|&i| self.held.ends_with(&stop[..i])).unwrap_or(0)
        };
        self.strings.iter().map(longest).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(stops: &[&str], pieces: &[&str]) -> (Vec<String>, bool) {
        let stops: Vec<String> = stops.iter().map(|s| s.to_string()).collect();
        let mut watch = StopStrings::new(&stops);
        let mut texts = Vec::new();
        for piece in pieces {
            let (text, stopped) = watch.push(piece);
            texts.push(text);
            if stopped {
                return (texts, true);
            }
        }
        texts.push(watch.finish());
        (texts, false)
    }

    #[test]
    fn text_is_held_back_while_it_may_be_a_stop_string() {
        let (texts, stopped) = watch(&["\n\nUser:"], &["Hi", "\n", "\nU", "ser: x"]);
        assert_eq!((texts, stopped), (vec!["Hi".into(), "".into(), "".into(), "".into()], true));
        let (texts, stopped) = watch(&["\n\nUser:"], &["Hi\n", "\nUnder", "\n"]);
        assert!(!stopped);
        assert_eq!(texts, ["Hi", "\n\nUnder", "", "\n"]);
    }

    #[test]
    fn the_first_to_be_complete_stops_however_the_text_is_cut() {
        for pieces in [&["xabcd"][..], &["xab", "cd"], &["x", "a", "b", "c", "d"]] {
            let (texts, stopped) = watch(&["abcd", "c"], pieces);
            assert!(stopped);
            assert_eq!(texts.concat(), "xab", "{pieces:?}");
        }
        assert_eq!(watch(&["bc", "abc", ""], &["xab", "c"]).0.concat(), "x");
    }

    #[test]
    fn characters_stay_whole() {
        let (texts, stopped) = watch(&["éa"], &["é", "b", "é", "a"]);
        assert_eq!((texts.concat(), stopped), ("éb".to_string(), true));
        assert_eq!(watch(&["aab"], &["aaab"]), (vec!["a".to_string()], true));
    }
}
