//! Log-probabilities, kept back until the text of their tokens is out.

use std::collections::VecDeque;

use ulp_infer::{PromptToken, TokenEvent, TokenLogProbability, Tokenizer};

/// A token with its log-probability and those of its rivals.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LoggedToken {
    pub(crate) id: u32,
    pub(crate) bytes: Vec<u8>,
    /// None for a token that nothing came before.
    pub(crate) logprob: Option<f32>,
    /// Best first.
    pub(crate) top: Vec<(u32, Vec<u8>, f32)>,
}

impl LoggedToken {
    /// A token of a prompt.
    pub(crate) fn of_prompt(token: &PromptToken, tokenizer: &Tokenizer) -> Self {
        LoggedToken::new(token.id, token.logprob, &token.top, tokenizer)
    }

    fn new(
        id: u32,
        logprob: Option<f32>,
        top: &[TokenLogProbability],
        tokenizer: &Tokenizer,
    ) -> Self {
        let rival = |t: &TokenLogProbability| (t.id, token_bytes(t.id, tokenizer), t.logprob);
        let top = top.iter().map(rival).collect();
        LoggedToken { id, bytes: token_bytes(id, tokenizer), logprob, top }
    }

    /// The token as text; bytes that are no whole character become U+FFFD.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Tokens whose text may yet turn out to be a stop string, or half a character. (Of bytes that are
/// no characters at all a token or two may come early: their text is longer than they are.)
#[derive(Debug, Default)]
pub(crate) struct TokenLog {
    /// With the byte of the answer at which each begins.
    held: VecDeque<(usize, LoggedToken)>,
    /// Bytes of all tokens so far.
    known: usize,
    /// Bytes of the text that is out.
    released: usize,
}

impl TokenLog {
    pub(crate) fn push(&mut self, token: &TokenEvent, tokenizer: &Tokenizer) {
        let logged = LoggedToken::new(token.id, Some(token.logprob), &token.top, tokenizer);
        let start = self.known;
        self.known += logged.bytes.len();
        self.held.push_back((start, logged));
    }

    /// `bytes` more of the text are out: gives the tokens that begin in what is out.
    pub(crate) fn release(&mut self, bytes: usize) -> Vec<LoggedToken> {
        self.released += bytes;
        let out = self.held.iter().take_while(|(start, _)| *start < self.released).count();
        self.held.drain(..out).map(|(_, token)| token).collect()
    }

    /// The tokens that are left.
    pub(crate) fn rest(&mut self) -> Vec<LoggedToken> {
        self.held.drain(..).map(|(_, token)| token).collect()
    }
}

/// The bytes that a token stands for within a text; of a special token its name.
pub(crate) fn token_bytes(id: u32, tokenizer: &Tokenizer) -> Vec<u8> {
    if tokenizer.is_special(id) {
        return tokenizer.token_text(id).unwrap_or_default().as_bytes().to_vec();
    }
    // The first token of a text may lose its space, the second does not.
    let once = tokenizer.decode_bytes(&[id]).len();
    tokenizer.decode_bytes(&[id, id]).split_off(once)
}
