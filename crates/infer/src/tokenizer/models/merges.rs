//! The table of merges: which two neighbours become which token, and how early.

use std::collections::HashMap;

use super::super::fault::TokenizerFault;
use super::super::vocabulary::Vocabulary;
use super::pair_hasher::PairHasher;

/// What a pair of neighbours becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Merge {
    /// Merges of lower rank come first; equal ranks from left to right.
    pub(crate) rank: u32,
    /// The token that the pair becomes.
    pub(crate) id: u32,
}

/// The merges of a vocabulary, by the ids of the pair.
#[derive(Clone, Debug, Default)]
pub(crate) struct Merges {
    pairs: HashMap<u64, Merge, PairHasher>,
}

/// Two ids as one number.
const fn pair((left, right): (u32, u32)) -> u64 {
    (left as u64) << 32 | right as u64
}

impl Merges {
    /// The table of a list of merges, the first of which comes first. An error gives the place in
    /// the list.
    pub(crate) fn from_list<'a>(
        list: impl Iterator<Item = (&'a str, &'a str)>,
        vocabulary: &Vocabulary,
    ) -> Result<Self, (usize, TokenizerFault)> {
        let mut merges = Merges::default();
        let mut joined = String::new();
        for (rank, (left, right)) in list.enumerate() {
            let id = |text: &str| {
                vocabulary
                    .id(text)
                    .ok_or_else(|| (rank, TokenizerFault::UnknownToken { text: text.into() }))
            };
            joined.clear();
            joined.push_str(left);
            joined.push_str(right);
            let pair = (id(left)?, id(right)?);
            let merge = Merge { rank: rank as u32, id: id(&joined)? };
            if merges.insert(pair, merge).is_some() {
                let fault =
                    TokenizerFault::DuplicateMerge { left: left.into(), right: right.into() };
                return Err((rank, fault));
            }
        }
        Ok(merges)
    }

    pub(crate) fn insert(&mut self, ids: (u32, u32), merge: Merge) -> Option<Merge> {
        self.pairs.insert(pair(ids), merge)
    }

    #[inline]
    pub(crate) fn get(&self, left: u32, right: u32) -> Option<Merge> {
        self.pairs.get(&pair((left, right))).copied()
    }

    /// All merges, the first first; equal ranks by the ids of the pair.
    pub(crate) fn sorted(&self) -> Vec<((u32, u32), Merge)> {
        let ids = |pair: u64| ((pair >> 32) as u32, pair as u32);
        let mut list: Vec<_> =
            self.pairs.iter().map(|(&pair, &merge)| (ids(pair), merge)).collect();
        list.sort_unstable_by_key(|&(pair, merge)| (merge.rank, pair));
        list
    }
}
