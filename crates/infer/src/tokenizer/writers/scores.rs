//! Scores of tokens that order merges as a list does.
//!
//! SentencePiece gives each *token* a score; a list ranks each *pair*. So the ways to make a token
//! must stand together in the list, and the list must have all of them. The exception is tokens of
//! equal score, whose ways a converter mingles: LLaMA's rows of spaces all have one score.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::super::Parts;
use super::super::models::score_merges::score_merges;
use super::super::normalizers::Normalizer;
use super::super::vocabulary::Vocabulary;

type Pair = (u32, u32);

/// The score of each token; `None` if no scores give the merges of this tokenizer.
pub(super) fn scores(parts: &Parts) -> Option<Vec<f32>> {
    if let [Normalizer::SentencePiece(_)] = parts.normalizers[..] {
        return Some(list(&parts.vocabulary));
    }
    let merges: Vec<(Pair, u32)> =
        parts.model.merges.sorted().iter().map(|(pair, merge)| (*pair, merge.id)).collect();
    let mut vocabulary = parts.vocabulary.clone();
    let mut score = 0.0;
    for range in groups(&merges) {
        let (group, rest) = (&merges[range.clone()], &merges[range.start..]);
        if !is_one_token(group) && !grows_from_the_left(group, rest, &vocabulary) {
            return None;
        }
        score -= 1.0;
        for (_, id) in group {
            vocabulary.get_mut(*id)?.score = score;
        }
    }
    // The scores also bring in every way to make a token that the list leaves out.
    let sorted = |mut list: Vec<(Pair, u32)>| {
        list.sort_unstable();
        list
    };
    let scored = score_merges(&vocabulary).merges.sorted();
    let scored = scored.iter().map(|(pair, merge)| (*pair, merge.id)).collect();
    (sorted(scored) == sorted(merges)).then(|| list(&vocabulary))
}

fn list(vocabulary: &Vocabulary) -> Vec<f32> {
    let score = |id| vocabulary.get(id).map_or(0.0, |token| token.score);
    (0..vocabulary.len() as u32).map(score).collect()
}

/// Cuts the list into the shortest parts such that no token is made in two of them.
fn groups(merges: &[(Pair, u32)]) -> Vec<Range<usize>> {
    let last: HashMap<u32, usize> =
        merges.iter().enumerate().map(|(place, (_, id))| (*id, place)).collect();
    let mut groups = Vec::new();
    let (mut start, mut end) = (0, 0);
    for (place, (_, id)) in merges.iter().enumerate() {
        end = end.max(last[id] + 1);
        if place + 1 == end {
            groups.push(start..end);
            start = end;
        }
    }
    groups
}

fn is_one_token(group: &[(Pair, u32)]) -> bool {
    group.iter().all(|(_, id)| *id == group[0].1)
}

/// True if the tokens of a group are rows of one character without a gap in their lengths, and the
/// list would rather let a row grow by one than begin another. The list then does what equal scores
/// do, which take the leftmost pair: it finishes one row before it begins the next.
///
/// `rest` is the list from the group's beginning on.
fn grows_from_the_left(
    group: &[(Pair, u32)],
    rest: &[(Pair, u32)],
    vocabulary: &Vocabulary,
) -> bool {
    let text = |id| vocabulary.get(id).map_or("", |token| &*token.text);
    let Some(c) = text(group[0].1).chars().next() else { return false };
    let lengths: BTreeSet<usize> = group.iter().map(|(_, id)| text(*id).chars().count()).collect();
    if group.iter().any(|(_, id)| text(*id).chars().any(|other| other != c)) {
        return false;
    }
    let place = |left: usize| {
        let row = vocabulary.id(&String::from(c).repeat(left))?;
        let single = vocabulary.id(&String::from(c))?;
        rest.iter().position(|(pair, _)| *pair == (row, single))
    };
    // A row of two has only one way, so it may stand by itself, further down.
    let Some(begin) = place(1) else { return false };
    let longest = lengths.last().copied().unwrap_or(0);
    (3..=longest).all(|length| {
        lengths.contains(&length) && place(length - 1).is_some_and(|grow| grow < begin)
    })
}
