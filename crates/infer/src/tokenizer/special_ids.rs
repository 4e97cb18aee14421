//! Which tokens play which part.

use super::vocabulary::{TokenKind, Vocabulary};

/// Tokens that end a turn in the chat formats in use, whatever their files call them. Llama 3.1
/// ends turns by `<|eot_id|>` and tool calls by `<|eom_id|>` while its `eos` is another token.
const ENDS_OF_TURN: [&str; 12] = [
    "<|eot_id|>",
    "<|eom_id|>",
    "<|im_end|>",
    "<|end|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|EOT|>",
    "<|END_OF_TURN_TOKEN|>",
    "<|end_of_turn|>",
    "<｜end▁of▁sentence｜>",
    "<|return|>",
];

/// The tokens that play a part.
#[derive(Clone, Debug, Default)]
pub(crate) struct SpecialIds {
    pub(crate) bos: Option<u32>,
    pub(crate) eos: Option<u32>,
    pub(crate) unknown: Option<u32>,
    /// All tokens at which generation ends, in ascending order.
    pub(crate) eog: Vec<u32>,
}

impl SpecialIds {
    /// Collects the tokens at which generation ends: `eos`, `more`, and the marks known by name.
    pub(crate) fn collect_eog(&mut self, vocabulary: &Vocabulary, more: &[u32]) {
        let is_mark = |id: &u32| vocabulary.get(*id).is_some_and(|t| t.kind == TokenKind::Control);
        self.eog.extend(self.eos);
        self.eog.extend(more);
        self.eog.extend(ENDS_OF_TURN.iter().filter_map(|text| vocabulary.id(text)).filter(is_mark));
        self.eog.sort_unstable();
        self.eog.dedup();
    }
}
