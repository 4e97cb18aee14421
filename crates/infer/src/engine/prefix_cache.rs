//! Finished sequences, kept in the cache for requests that begin as they did.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::kv_cache::{KvCache, RopeFactors, SequenceId};

/// What keys and values depend on beside the tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Family {
    /// The number of the adapter.
    pub(super) adapter: Option<u32>,
    pub(super) factors: RopeFactors,
}

/// Finished sequences by their tokens.
///
/// In lexicographic order the sequence that has the longest beginning in common with a prompt is
/// one of the prompt's two neighbours, so a search needs no hashes and finds no false friends.
#[derive(Debug, Default)]
pub(super) struct PrefixCache {
    kept: BTreeMap<Key, Kept>,
    /// Counts uses: the smallest number is the one not used for longest.
    clock: u64,
}

/// The family's numbers, then the tokens.
type Key = Vec<u32>;

fn key(family: Family, tokens: &[u32]) -> Key {
    let adapter = family.adapter.map_or(0, |number| number + 1);
    [&[adapter, family.factors as u32], tokens].concat()
}

#[derive(Debug)]
struct Kept {
    sequence: SequenceId,
    used: u64,
}

impl PrefixCache {
    /// The kept sequence that shares most of `prompt`'s beginning, and how many tokens that is.
    pub(super) fn longest_match(
        &self,
        family: Family,
        prompt: &[u32],
    ) -> Option<(SequenceId, usize)> {
        let prompt = &key(family, prompt)[..];
        let mut before = self.kept.range::<[u32], _>((Bound::Unbounded, Bound::Included(prompt)));
        let mut after = self.kept.range::<[u32], _>((Bound::Excluded(prompt), Bound::Unbounded));
        let neighbours = before.next_back().into_iter().chain(after.next());
        let lengths = neighbours.map(|(key, kept)| (kept.sequence, common_prefix(key, prompt)));
        // The family's numbers are no tokens.
        let lengths = lengths.map(|(sequence, len)| (sequence, len.saturating_sub(2)));
        lengths.max_by_key(|&(_, len)| len).filter(|&(_, len)| len > 0)
    }

    /// All that are kept.
    pub(super) fn sequences(&self) -> impl Iterator<Item = SequenceId> {
        self.kept.values().map(|kept| kept.sequence)
    }

    /// Notes that a sequence was used, if it is one of the kept.
    pub(super) fn touch(&mut self, sequence: SequenceId) {
        self.clock += 1;
        if let Some(kept) = self.kept.values_mut().find(|kept| kept.sequence == sequence) {
            kept.used = self.clock;
        }
    }

    /// Keeps a sequence whose cached tokens are `tokens`. One that it begins with is of no more
    /// use; if it is itself the beginning of another, it is closed.
    pub(super) fn keep(
        &mut self,
        family: Family,
        tokens: &[u32],
        sequence: SequenceId,
        cache: &mut KvCache,
    ) {
        let tokens = key(family, tokens);
        self.clock += 1;
        let used = self.clock;
        let from = (Bound::Included(&tokens[..]), Bound::Unbounded);
        let longer = self.kept.range_mut::<[u32], _>(from).next();
        if let Some((_, kept)) = longer.filter(|(longer, _)| longer.starts_with(&tokens)) {
            kept.used = used;
            return cache.close(sequence);
        }
        let mut shorter =
            self.kept.range::<[u32], _>((Bound::Unbounded, Bound::Excluded(&tokens[..])));
        let shorter = shorter.next_back().map(|(shorter, _)| shorter.clone());
        if let Some(shorter) = shorter.filter(|shorter| tokens.starts_with(shorter)) {
            self.remove(&shorter, cache);
        }
        self.kept.insert(tokens, Kept { sequence, used });
    }

    /// Closes the sequence not used for longest. False if none is kept.
    pub(super) fn evict(&mut self, cache: &mut KvCache) -> bool {
        let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used);
        let Some(tokens) = oldest.map(|(tokens, _)| tokens.clone()) else { return false };
        self.remove(&tokens, cache);
        true
    }

    fn remove(&mut self, tokens: &[u32], cache: &mut KvCache) {
        if let Some(kept) = self.kept.remove(tokens) {
            cache.close(kept.sequence);
        }
    }
}

/// The number of tokens with which both begin.
pub(super) fn common_prefix(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv_cache::CacheShape;

    fn cache() -> KvCache {
        KvCache::new(CacheShape { layers: 1, kv_heads: 1, head_dim: 2 }, 1024)
    }

    #[test]
    fn the_longest_beginning_is_found() {
        let (mut cache, mut prefixes) = (cache(), PrefixCache::default());
        assert_eq!(prefixes.longest_match(Family::default(), &[1, 2]), None);
        let all = [vec![1, 2, 3, 9], vec![1, 2, 5], vec![4], vec![1, 2, 3, 4, 5]];
        let ids = all.map(|tokens| {
            let sequence = cache.open();
            prefixes.keep(Family::default(), &tokens, sequence, &mut cache);
            sequence
        });
        let adapted = Family { adapter: Some(7), ..Family::default() };
        let long = Family { factors: RopeFactors::Long, ..Family::default() };
        assert_eq!(prefixes.longest_match(Family::default(), &[1, 2, 3, 4, 6]), Some((ids[3], 4)));
        assert_eq!(prefixes.longest_match(Family::default(), &[1, 2, 3, 9, 9]), Some((ids[0], 4)));
        assert_eq!(prefixes.longest_match(Family::default(), &[1, 2, 3, 9]), Some((ids[0], 4)));
        assert_eq!(prefixes.longest_match(Family::default(), &[4, 4]), Some((ids[2], 1)));
        assert_eq!(prefixes.longest_match(adapted, &[4, 4]), None, "computed with an adapter");
        assert_eq!(prefixes.longest_match(long, &[4, 4]), None, "turned with other factors");
        assert_eq!(prefixes.longest_match(Family::default(), &[0]), None);
        assert_eq!(prefixes.longest_match(Family::default(), &[5]), None);
    }

    #[test]
    fn the_longest_unused_goes_first_and_prefixes_are_absorbed() {
        let (mut cache, mut prefixes) = (cache(), PrefixCache::default());
        let keep = |prefixes: &mut PrefixCache, cache: &mut KvCache, tokens: &[u32]| {
            let sequence = cache.open();
            prefixes.keep(Family::default(), tokens, sequence, cache);
        };
        keep(&mut prefixes, &mut cache, &[1, 2]);
        keep(&mut prefixes, &mut cache, &[1, 2, 3]);
        assert_eq!(prefixes.kept.len(), 1, "the shorter is part of the longer");
        keep(&mut prefixes, &mut cache, &[1, 2]);
        assert_eq!(prefixes.kept.len(), 1);
        keep(&mut prefixes, &mut cache, &[7]);
        keep(&mut prefixes, &mut cache, &[8]);
        let (used, _) = prefixes.longest_match(Family::default(), &[1, 2]).unwrap();
        prefixes.touch(used);
        assert!(prefixes.evict(&mut cache));
        assert_eq!(
            prefixes.kept.keys().collect::<Vec<_>>(),
            [&vec![0, 0, 1, 2, 3], &vec![0, 0, 8]]
        );
        assert!(prefixes.evict(&mut cache) && prefixes.evict(&mut cache));
        assert!(!prefixes.evict(&mut cache));
    }
}
