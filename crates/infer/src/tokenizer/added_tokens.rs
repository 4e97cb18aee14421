//! Tokens that are looked for before the model sees the text.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::fault::TokenizerFault;

/// A token that is found in the text as it stands, and what surrounds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AddedToken {
    pub(crate) id: u32,
    pub(crate) content: String,
    /// Found only where no word character touches it.
    pub(crate) single_word: bool,
    /// Takes white space on its left with it.
    pub(crate) lstrip: bool,
    /// Takes white space on its right with it.
    pub(crate) rstrip: bool,
    /// Looked for in normalized text, in the form it has there.
    pub(crate) normalized: bool,
    /// A mark and not text: found only where marks are asked for.
    pub(crate) special: bool,
}

impl AddedToken {
    /// A token found wherever its text stands.
    pub(crate) fn new(id: u32, content: &str, special: bool) -> Self {
        AddedToken {
            id,
            content: content.into(),
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: false,
            special,
        }
    }
}

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section<'a> {
    /// Text, and whether it is the beginning of the whole.
    Text(&'a str, bool),
    /// An added token.
    Token(u32),
}

/// The added tokens of a vocabulary.
#[derive(Clone, Debug, Default)]
pub(crate) struct AddedTokens {
    /// In ascending order of their ids.
    tokens: Vec<AddedToken>,
    /// What each of them looks like in the text that it is looked for in.
    forms: Vec<String>,
    raw: Finders,
    normalized: Finders,
}

/// Finders with and without the special tokens.
#[derive(Clone, Debug, Default)]
struct Finders {
    all: Option<Finder>,
    plain: Option<Finder>,
}

/// Bytes above which a token counts as long. Those of models in use have some dozens.
const LONG: usize = 256;

/// Finds the leftmost of some tokens, of several there the longest.
#[derive(Clone, Debug)]
struct Finder {
    automaton: AhoCorasick,
    tokens: Vec<AddedToken>,
}

impl AddedTokens {
    /// `normalize` gives the form of a token's text in normalized text.
    pub(crate) fn new(
        mut tokens: Vec<AddedToken>,
        normalize: impl Fn(&str) -> String,
    ) -> Result<Self, TokenizerFault> {
        tokens.sort_by_key(|token| token.id);
        let form = |token: &AddedToken| match token.normalized {
            true => normalize(&token.content),
            false => token.content.clone(),
        };
        let forms: Vec<String> = tokens.iter().map(form).collect();
        let finders = |normalized| {
            let all = tokens.iter().zip(&forms).filter(|(token, _)| token.normalized == normalized);
            Finders::new(&all.collect::<Vec<_>>())
        };
        let (raw, normalized) = (finders(false)?, finders(true)?);
        Ok(AddedTokens { raw, normalized, tokens, forms })
    }

    pub(crate) fn tokens(&self) -> &[AddedToken] {
        &self.tokens
    }

    /// An added token, and what it looks like in the text that it is looked for in.
    pub(crate) fn get(&self, id: u32) -> Option<(&AddedToken, &str)> {
        let place = self.tokens.binary_search_by_key(&id, |token| token.id).ok()?;
        Some((&self.tokens[place], &self.forms[place]))
    }

    /// The sections of text as it came in.
    pub(crate) fn split_raw<'a>(&self, text: &'a str, special: bool) -> Vec<Section<'a>> {
        self.raw.split(text, true, special)
    }

    /// The sections of normalized text.
    pub(crate) fn split_normalized<'a>(
        &self,
        text: &'a str,
        at_start: bool,
        special: bool,
    ) -> Vec<Section<'a>> {
        self.normalized.split(text, at_start, special)
    }
}

impl Finders {
    fn new(tokens: &[(&AddedToken, &String)]) -> Result<Self, TokenizerFault> {
        let plain: Vec<_> = tokens.iter().copied().filter(|(token, _)| !token.special).collect();
        Ok(Finders { all: Finder::new(tokens)?, plain: Finder::new(&plain)? })
    }

    fn split<'a>(&self, text: &'a str, at_start: bool, special: bool) -> Vec<Section<'a>> {
        match if special { &self.all } else { &self.plain } {
            Some(finder) => finder.split(text, at_start),
            None if text.is_empty() => Vec::new(),
            None => vec![Section::Text(text, at_start)],
        }
    }
}

impl Finder {
    /// `None` if there is nothing to find. A token without text is nowhere in a text.
    fn new(tokens: &[(&AddedToken, &String)]) -> Result<Option<Self>, TokenizerFault> {
        let tokens: Vec<_> = tokens.iter().filter(|(_, form)| !form.is_empty()).collect();
        if tokens.is_empty() {
            return Ok(None);
        }
        let longest = tokens.iter().map(|(_, form)| form.len()).max();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            // Left to itself it makes a table of few patterns, in time that is quadratic in the
            // length of one that repeats itself.
            .kind(longest.filter(|&n| n > LONG).map(|_| AhoCorasickKind::ContiguousNFA))
            .build(tokens.iter().map(|(_, form)| form))
            .map_err(|error| TokenizerFault::Unsupported { value: error.to_string() })?;
        let tokens = tokens.into_iter().map(|(token, _)| (*token).clone()).collect();
        Ok(Some(Finder { automaton, tokens }))
    }

    fn split<'a>(&self, text: &'a str, at_start: bool) -> Vec<Section<'a>> {
        let mut sections = Vec::new();
        let mut done = 0;
        let push_text = |sections: &mut Vec<Section<'a>>, start: usize, end: usize| {
            if start < end {
                sections.push(Section::Text(&text[start..end], at_start && start == 0));
            }
        };
        for found in self.automaton.find_iter(text) {
            let token = &self.tokens[found.pattern().as_usize()];
            let (before, after) = (&text[..found.start()], &text[found.end()..]);
            // The token before may have taken this one with it, if this one is white space.
            let taken = found.start() < done;
            if taken || (token.single_word && touches_word(before, after)) {
                continue;
            }
            let start = if token.lstrip { before.trim_end().len().max(done) } else { before.len() };
            push_text(&mut sections, done, start);
            sections.push(Section::Token(token.id));
            let rest = if token.rstrip { after.trim_start() } else { after };
            done = text.len() - rest.len();
        }
        push_text(&mut sections, done, text.len());
        sections
    }
}

/// True if a word character stands at the end of `before` or at the start of `after`.
fn touches_word(before: &str, after: &str) -> bool {
    // `\w` of patterns also takes vowel signs and joiners, and not all numbers.
    let is_word = |c: char| regex_syntax::try_is_word_character(c).unwrap_or(false);
    before.chars().next_back().is_some_and(is_word) || after.chars().next().is_some_and(is_word)
}

#[cfg(test)]
mod tests {
    use super::Section::{Text, Token};
    use super::*;

    fn tokens(list: Vec<AddedToken>) -> AddedTokens {
        AddedTokens::new(list, |text| text.to_uppercase()).unwrap()
    }

    #[test]
    fn the_longest_of_the_leftmost_is_found() {
        let added = tokens(vec![
            AddedToken::new(1, "<a>", true),
            AddedToken::new(2, "<a><b>", false),
            AddedToken::new(3, "", false),
        ]);
        let sections = added.split_raw("x<a><b><a>y", true);
        assert_eq!(sections, [Text("x", true), Token(2), Token(1), Text("y", false)]);
        let sections = added.split_raw("<a>y", false);
        assert_eq!(sections, [Text("<a>y", true)]);
    }

    #[test]
    fn white_space_goes_with_the_token() {
        let strips = AddedToken { lstrip: true, rstrip: true, ..AddedToken::new(1, "<m>", false) };
        let added = tokens(vec![strips]);
        let sections = added.split_raw("a  <m> \n <m>b", false);
        assert_eq!(sections, [Text("a", true), Token(1), Token(1), Text("b", false)]);
        let row = AddedToken { rstrip: true, ..AddedToken::new(2, "  ", false) };
        let sections = tokens(vec![row]).split_raw("a     b", false);
        assert_eq!(sections, [Text("a", true), Token(2), Text("b", false)]);
    }

    #[test]
    fn a_single_word_is_not_found_in_another() {
        let word = AddedToken { single_word: true, ..AddedToken::new(1, "cat", false) };
        let added = tokens(vec![word]);
        assert_eq!(added.split_raw("concat", false), [Text("concat", true)]);
        assert_eq!(
            added.split_raw("a cat.", false),
            [Text("a ", true), Token(1), Text(".", false)]
        );
        // A vowel sign belongs to a word, a fraction does not.
        assert_eq!(added.split_raw("cat\u{903}", false), [Text("cat\u{903}", true)]);
        assert_eq!(added.split_raw("½cat", false), [Text("½", true), Token(1)]);
    }

    /// A table of these states would take minutes.
    #[test]
    fn long_tokens_that_repeat_themselves_are_found() {
        let long = "x".repeat(100_000);
        let start = std::time::Instant::now();
        let added = tokens(vec![AddedToken::new(1, &long, false), AddedToken::new(2, "xy", true)]);
        let text = format!("{long}xy");
        assert_eq!(added.split_raw(&text, true), [Token(1), Token(2)]);
        assert_eq!(added.split_raw(&text[1..], true), [Token(1), Text("y", false)]);
        assert_eq!(added.split_raw("xxy", true), [Text("x", true), Token(2)]);
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }

    #[test]
    fn normalized_tokens_are_found_in_normalized_text() {
        let token = AddedToken { normalized: true, ..AddedToken::new(1, "x", false) };
        let added = tokens(vec![token]);
        assert_eq!(added.split_raw("x", false), [Text("x", true)]);
        assert_eq!(added.split_normalized("X", false, false), [Token(1)]);
    }
}
