//! The merges of a SentencePiece vocabulary, from the scores of its tokens.
//!
//! SentencePiece keeps no list of merges: two neighbours merge when their joined text is a token,
//! and the token with the highest score comes first
//! ([bpe_model.cc](https://github.com/google/sentencepiece/blob/master/src/bpe_model.cc)). Every
//! way to cut a token in two is therefore a merge, whose rank is that of the token's score.

use std::collections::{HashMap, HashSet};

use super::super::vocabulary::{TokenKind, Vocabulary, single_char};
use super::merges::{Merge, Merges};
use super::text_hash::TextHasher;

/// The merges, and the ids of single characters.
pub(crate) struct ScoreMerges {
    pub(crate) merges: Merges,
    /// The symbol of each character: its token, or, if only longer tokens contain it, a number
    /// from the vocabulary's length on. Such a symbol can merge, but is no token by itself.
    pub(crate) characters: HashMap<char, u32>,
}

/// Makes the table of merges. Only text takes part: normal, user-defined and unused tokens.
pub(crate) fn score_merges(vocabulary: &Vocabulary) -> ScoreMerges {
    let takes_part =
        |kind| matches!(kind, TokenKind::Normal | TokenKind::UserDefined | TokenKind::Unused);
    let tokens: Vec<_> = vocabulary.iter().filter(|(_, t)| takes_part(t.kind)).collect();
    let ranks = ranks(tokens.iter().map(|(_, token)| token.score));

    let mut characters: HashMap<char, u32> = HashMap::new();
    for (id, token) in &tokens {
        if let Some(c) = single_char(&token.text) {
            characters.insert(c, *id);
        }
    }
    let mut next = vocabulary.len() as u32;
    for (_, token) in &tokens {
        for c in token.text.chars() {
            characters.entry(c).or_insert_with(|| {
                next += 1;
                next - 1
            });
        }
    }

    let symbol = |text: &str| match single_char(text) {
        Some(c) => characters.get(&c).copied(),
        None => vocabulary
            .id(text)
            .filter(|&id| vocabulary.get(id).is_some_and(|token| takes_part(token.kind))),
    };
    // Looking up both parts of every cut would take time with the square of a token's length, and
    // files may have long ones.
    let hasher = TextHasher::new();
    let known: HashSet<u64> = tokens.iter().map(|(_, token)| hasher.whole(&token.text)).collect();
    let may_be_symbol = |text: &str, hash| known.contains(&hash) || text.chars().nth(1).is_none();
    let mut merges = Merges::default();
    for ((id, token), rank) in tokens.iter().zip(ranks) {
        let hashes = hasher.parts(&token.text);
        for (cut, _) in token.text.char_indices().skip(1) {
            let (left, right) = token.text.split_at(cut);
            if may_be_symbol(left, hashes.before(cut))
                && may_be_symbol(right, hashes.after(cut))
                && let (Some(left), Some(right)) = (symbol(left), symbol(right))
            {
                merges.insert((left, right), Merge { rank, id: *id });
            }
        }
    }
    ScoreMerges { merges, characters }
}

/// The place of each score in descending order; equal scores have equal places.
fn ranks(scores: impl Iterator<Item = f32>) -> Vec<u32> {
    // Adding zero makes -0 and 0 one score, as they are to a comparison.
    let scores: Vec<f32> = scores.map(|score| score + 0.0).collect();
    let mut distinct = scores.clone();
    distinct.sort_unstable_by(|a, b| b.total_cmp(a));
    distinct.dedup();
    scores
        .iter()
        .map(|score| distinct.partition_point(|other| other.total_cmp(score).is_gt()) as u32)
        .collect()
}
