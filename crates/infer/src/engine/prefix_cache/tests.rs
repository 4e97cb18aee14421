use std::hash::Hasher;

use proptest::prelude::*;

use super::*;
use crate::kv_cache::{CacheShape, KvCache, RopeFactors};

const PLAIN: Family = Family { adapter: None, factors: RopeFactors::Short };

/// The tokens `from..from + len`.
fn tokens(from: u32, len: usize) -> Vec<u32> {
    (from..from + len as u32).collect()
}

/// A cache of blocks, and what is kept of them.
struct Kit<S> {
    cache: KvCache,
    prefixes: PrefixCache<S>,
    /// The sequences that the blocks were made for, by the blocks' numbers.
    made_for: BTreeMap<usize, (Family, Vec<u32>)>,
}

impl<S: BuildHasher + Default> Kit<S> {
    fn new() -> Self {
        let shape = CacheShape { layers: 1, kv_heads: 1, head_dim: 2 };
        let (cache, prefixes) = (KvCache::new(shape, 64 * BLOCK), PrefixCache::default());
        Kit { cache, prefixes, made_for: BTreeMap::new() }
    }

    /// Keeps the blocks of a sequence that was computed without a look at what is kept.
    fn keep(&mut self, family: Family, tokens: &[u32]) {
        let sequence = self.cache.open();
        while self.cache.reserve(sequence, tokens.len()).is_err() {
            assert!(self.prefixes.evict());
        }
        self.cache.advance(sequence, tokens.len());
        let blocks = self.cache.share(sequence);
        self.cache.close(sequence);
        for block in &blocks {
            self.made_for.insert(block.number(), (family, tokens.to_vec()));
        }
        self.prefixes.keep(family, tokens, blocks);
    }

    fn len(&self, family: Family, prompt: &[u32]) -> usize {
        self.prefixes.longest_match(family, prompt).len
    }

    /// The length of a match, whose blocks have been made for sequences that begin as the prompt.
    fn checked_len(&mut self, family: Family, prompt: &[u32]) -> usize {
        let found = self.prefixes.longest_match(family, prompt);
        let blocks = self.prefixes.take(&found);
        assert_eq!(blocks.len(), found.len.div_ceil(BLOCK));
        for (i, block) in blocks.iter().enumerate() {
            let (theirs, tokens) = &self.made_for[&block.number()];
            assert_eq!(*theirs, family);
            assert!(common_prefix(tokens, prompt) >= found.len.min((i + 1) * BLOCK));
        }
        found.len
    }
}

#[test]
fn the_longest_beginning_is_found_to_the_token() {
    let mut kit = Kit::<BuildHasherDefault<DefaultHasher>>::new();
    assert_eq!(kit.len(PLAIN, &[1, 2]), 0);
    let long = tokens(1, 200);
    let branch = [&long[..100], &tokens(1000, 80)].concat();
    kit.keep(PLAIN, &long);
    kit.keep(PLAIN, &branch);
    kit.keep(PLAIN, &[7, 8, 9]);
    for (prompt, len) in [
        (&long[..], 200),
        (&long[..199], 199),
        (&long[..64], 64),
        (&long[..63], 63),
        (&branch[..170], 170),
        (&[&long[..105], &[0, 0]].concat(), 105),
        (&[&branch[..105], &[0; 100]].concat(), 105),
        (&[7, 8, 5], 2),
        (&[0], 0),
        (&[], 0),
    ] {
        assert_eq!(kit.checked_len(PLAIN, prompt), len);
    }
    let adapted = Family { adapter: Some(0), ..PLAIN };
    let turned = Family { factors: RopeFactors::Long, ..PLAIN };
    assert_eq!((kit.len(adapted, &long), kit.len(turned, &long)), (0, 0));
}

#[test]
fn a_content_is_kept_once() {
    let mut kit = Kit::<BuildHasherDefault<DefaultHasher>>::new();
    let long = tokens(1, 200);
    let held = |kit: &Kit<_>| 64 - kit.cache.free_positions() / BLOCK;
    kit.keep(PLAIN, &long[..70]);
    assert_eq!(held(&kit), 2);
    kit.keep(PLAIN, &long);
    assert_eq!(held(&kit), 4, "the beginning of the second block is part of the whole one");
    kit.keep(PLAIN, &long[..150]);
    kit.keep(PLAIN, &long);
    assert_eq!(held(&kit), 4);
    assert_eq!(kit.checked_len(PLAIN, &long), 200);
}

#[test]
fn a_long_beginning_loses_its_end_first() {
    let mut kit = Kit::<BuildHasherDefault<DefaultHasher>>::new();
    let (old, new) = (tokens(1, 5 * BLOCK + 3), tokens(2000, 2 * BLOCK));
    kit.keep(PLAIN, &old);
    kit.keep(PLAIN, &new);
    let lengths: Vec<(usize, usize)> = std::iter::from_fn(|| {
        kit.prefixes.evict().then(|| (kit.len(PLAIN, &old), kit.len(PLAIN, &new)))
    })
    .collect();
    let blocks: Vec<(usize, usize)> =
        [(5, 2), (4, 2), (3, 2), (2, 2), (1, 2), (0, 2), (0, 1), (0, 0)].into();
    assert_eq!(lengths, blocks.iter().map(|&(a, b)| (a * BLOCK, b * BLOCK)).collect::<Vec<_>>());
    assert_eq!(kit.cache.free_positions(), kit.cache.capacity());
    let PrefixCache { blocks, siblings, leaves, .. } = &kit.prefixes;
    assert!(blocks.is_empty() && siblings.is_empty() && leaves.is_empty());
}

#[test]
fn a_common_stem_survives_its_branches() {
    let mut kit = Kit::<BuildHasherDefault<DefaultHasher>>::new();
    let stem = tokens(1, 2 * BLOCK);
    let branch = |from| [&stem[..], &tokens(from, BLOCK)].concat();
    let [a, b, c] = [1000, 2000, 3000].map(branch);
    let other = tokens(5000, BLOCK);
    for kept in [&a, &b, &c, &other] {
        kit.keep(PLAIN, kept);
    }
    // Used again, in another order.
    for used in [&c, &a] {
        kit.checked_len(PLAIN, used);
    }
    let mut next = || {
        assert!(kit.prefixes.evict());
        [&a, &b, &c, &other].map(|kept| kit.len(PLAIN, kept) / BLOCK)
    };
    assert_eq!(next(), [3, 2, 3, 1], "b was used least recently");
    assert_eq!(next(), [3, 2, 3, 0]);
    assert_eq!(next(), [3, 2, 2, 0]);
    assert_eq!(
        next(),
        [2, 2, 2, 0],
        "the stem was there before its last branch, and is there after"
    );
    assert_eq!(next(), [1, 1, 1, 0]);
}

#[test]
fn what_a_sequence_holds_is_not_dropped() {
    let mut kit = Kit::<BuildHasherDefault<DefaultHasher>>::new();
    let (long, other) = (tokens(1, 3 * BLOCK), tokens(900, BLOCK));
    kit.keep(PLAIN, &long);
    kit.keep(PLAIN, &other);
    let found = kit.prefixes.longest_match(PLAIN, &long[..2 * BLOCK]);
    let blocks = kit.prefixes.take(&found);
    let sequence = kit.cache.open_on(blocks, found.len, RopeFactors::Short);
    assert_eq!(kit.prefixes.unused(), 2);
    // Not in the order of use: two of the three older blocks are held.
    assert!(kit.prefixes.evict() && kit.prefixes.evict() && !kit.prefixes.evict());
    assert_eq!((kit.len(PLAIN, &long), kit.len(PLAIN, &other)), (2 * BLOCK, 0));
    kit.cache.close(sequence);
    assert!(kit.prefixes.evict() && kit.prefixes.evict() && !kit.prefixes.evict());
}

#[test]
fn the_last_block_of_a_match_can_be_taken_over() {
    let mut kit = Kit::<BuildHasherDefault<DefaultHasher>>::new();
    let long = tokens(1, 70);
    kit.keep(PLAIN, &long);
    let found = kit.prefixes.longest_match(PLAIN, &long[..66]);
    assert!(!kit.prefixes.can_hand_over(&found), "no sequence has taken it");
    let blocks = kit.prefixes.take(&found);
    let sequence = kit.cache.open_on(blocks, found.len, RopeFactors::Short);
    assert!(kit.prefixes.can_hand_over(&found));
    assert_eq!(kit.cache.new_blocks(sequence, 1), 1, "a copy");
    kit.prefixes.hand_over(&found);
    assert_eq!((kit.cache.new_blocks(sequence, 1), kit.len(PLAIN, &long)), (0, BLOCK));
    // A whole block is never copied.
    let found = kit.prefixes.longest_match(PLAIN, &long[..64]);
    let blocks = kit.prefixes.take(&found);
    assert!(blocks.len() == 1 && !kit.prefixes.can_hand_over(&found));
}

/// A hash of so many bits: contents collide all the time.
#[derive(Debug, Default)]
struct Few<const BITS: u32>(DefaultHasher);

impl<const BITS: u32> Hasher for Few<BITS> {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    fn finish(&self) -> u64 {
        self.0.finish() % (1 << BITS)
    }
}

/// With any hash a block is the right one; with a good one the longest beginning is found.
fn check_against_all_kept<S: BuildHasher + Default>(sequences: &[(Family, Vec<u32>)]) -> usize {
    let mut kit = Kit::<S>::new();
    let mut missed = 0;
    for (i, (family, tokens)) in sequences.iter().enumerate() {
        let kept = sequences[..i].iter().filter(|(theirs, _)| theirs == family);
        let longest = kept.map(|(_, kept)| common_prefix(kept, tokens)).max().unwrap_or(0);
        let found = kit.checked_len(*family, tokens);
        assert!(found <= longest);
        missed += longest - found;
        kit.keep(*family, tokens);
    }
    while kit.prefixes.evict() {}
    assert_eq!(kit.cache.free_positions(), kit.cache.capacity(), "nothing is left behind");
    missed
}

/// Sequences of few different blocks, so that many begin alike and blocks repeat within one.
fn sequences() -> impl Strategy<Value = Vec<(Family, Vec<u32>)>> {
    let family = (0u32..2, any::<bool>()).prop_map(|(adapter, long)| Family {
        adapter: adapter.checked_sub(1),
        factors: if long { RopeFactors::Long } else { RopeFactors::Short },
    });
    let blocks = prop::collection::vec(0u32..2, 0..4);
    let sequence =
        (family, blocks, 0u32..2, 1usize..BLOCK).prop_map(|(family, blocks, last, n)| {
            let whole = blocks.iter().flat_map(|&token| [token; BLOCK]);
            (family, whole.chain(std::iter::repeat_n(last, n)).collect())
        });
    prop::collection::vec(sequence, 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_collision_gives_no_wrong_block(sequences in sequences()) {
        check_against_all_kept::<BuildHasherDefault<Few<0>>>(&sequences);
        check_against_all_kept::<BuildHasherDefault<Few<2>>>(&sequences);
        let missed = check_against_all_kept::<BuildHasherDefault<DefaultHasher>>(&sequences);
        prop_assert_eq!(missed, 0);
    }
}

#[test]
fn collisions_are_brought_about() {
    let sequences: Vec<(Family, Vec<u32>)> =
        (0..8).map(|i| (PLAIN, tokens(i * 100, 2 * BLOCK))).collect();
    let twice = [&sequences[..], &sequences[..]].concat();
    assert!(check_against_all_kept::<BuildHasherDefault<Few<2>>>(&twice) > 0);
    assert_eq!(check_against_all_kept::<BuildHasherDefault<DefaultHasher>>(&twice), 0);
}
