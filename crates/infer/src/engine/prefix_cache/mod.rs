//! Blocks of earlier sequences, kept in the cache for requests that begin as those did.
//!
//! A full block is known by a hash of its content: of its parent's hash (the block before it), its
//! family and its tokens, so that one look-up a block finds the beginning of a prompt, however many
//! others are kept. A hash is only a hint: parent, family and tokens are compared, and a block whose
//! place another one has by chance is not kept. So a collision costs a little work and gives no wrong
//! key.
//!
//! Where the chain of full blocks ends, the next block may still begin alike. Siblings are sorted by
//! their tokens, and the one that has most in common with a prompt is one of the prompt's two
//! neighbours: so a prompt shares single tokens, too, and the last block of a sequence, which is not
//! full, is of use to its next turn.
//!
//! The least recently used block goes first, among those that no running sequence holds and after
//! which no other follows: a long beginning loses its end first, and what many have in common stays
//! while any of them does.

mod family;
#[cfg(test)]
mod tests;

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, BuildHasherDefault};
use std::ops::Bound;
use std::sync::Arc;

use crate::kv_cache::{BLOCK, SharedBlock};
pub(super) use family::Family;

/// Blocks by the hash of their content, with hashes by `S`.
#[derive(Debug, Default)]
pub(super) struct PrefixCache<S = BuildHasherDefault<DefaultHasher>> {
    /// Nothing goes through them in their order.
    blocks: HashMap<BlockHash, Kept>,
    /// The same, those that follow one block together, sorted by their tokens.
    siblings: BTreeMap<Place, BlockHash>,
    /// Those after which none follows, by when they were used.
    leaves: BTreeMap<u64, BlockHash>,
    /// Counts uses: the smallest number is the one not used for longest.
    clock: u64,
    hasher: S,
}

type BlockHash = u64;

/// Where a block belongs: what it is known by. The parent is none for a first block.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Place {
    family: Family,
    parent: Option<BlockHash>,
    /// [`BLOCK`] of them, or fewer in the last block of a sequence.
    tokens: Arc<[u32]>,
}

#[derive(Debug)]
struct Kept {
    place: Place,
    block: SharedBlock,
    used: u64,
    /// Blocks that follow it.
    children: usize,
}

/// Blocks that hold the beginning of a prompt.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Match {
    blocks: Vec<BlockHash>,
    /// Tokens that they have in common with the prompt.
    pub(super) len: usize,
}

impl<S: BuildHasher> PrefixCache<S> {
    /// The longest beginning of `prompt` that is kept.
    pub(super) fn longest_match(&self, family: Family, prompt: &[u32]) -> Match {
        let mut found = Match::default();
        let mut parent = None;
        for tokens in prompt.chunks_exact(BLOCK) {
            let place = Place { family, parent, tokens: tokens.into() };
            let Some(hash) = self.find(&place) else { break };
            found.blocks.push(hash);
            found.len += BLOCK;
            parent = Some(hash);
        }
        let rest = &prompt[found.len..];
        let place = Place { family, parent, tokens: rest[..rest.len().min(BLOCK)].into() };
        let likeness = |(sibling, _): &(&Place, BlockHash)| common_prefix(&sibling.tokens, rest);
        let best = self.neighbours(&place).into_iter().flatten().max_by_key(likeness);
        if let Some((sibling, hash)) = best
            && common_prefix(&sibling.tokens, rest) > 0
        {
            found.blocks.push(hash);
            found.len += common_prefix(&sibling.tokens, rest);
        }
        found
    }

    /// The blocks of a match, which count as used.
    pub(super) fn take(&mut self, found: &Match) -> Vec<SharedBlock> {
        self.touch(&found.blocks);
        found.blocks.iter().map(|hash| self.blocks[hash].block.clone()).collect()
    }

    /// Keeps the blocks of a sequence whose cached tokens are `tokens`. Where a block of the same
    /// content is kept already, that one stays.
    pub(super) fn keep(&mut self, family: Family, tokens: &[u32], blocks: Vec<SharedBlock>) {
        let mut path = Vec::new();
        for (tokens, block) in tokens.chunks(BLOCK).zip(blocks) {
            let place = Place { family, parent: path.last().copied(), tokens: tokens.into() };
            let Some(hash) = self.add(place, block) else { break };
            path.push(hash);
        }
        self.touch(&path);
    }

    /// All that are kept.
    pub(super) fn blocks(&self) -> impl Iterator<Item = &SharedBlock> {
        self.blocks.values().map(|kept| &kept.block)
    }

    /// How many of them no sequence holds.
    pub(super) fn unused(&self) -> usize {
        self.blocks().filter(|block| !block.is_shared()).count()
    }

    /// Drops the block not used for longest, of those that no sequence holds and none follows. False
    /// if there is none.
    pub(super) fn evict(&mut self) -> bool {
        let is_unused = |hash: &&BlockHash| !self.blocks[*hash].block.is_shared();
        let Some(&hash) = self.leaves.values().find(is_unused) else { return false };
        self.remove(hash);
        true
    }

    /// Whether a match that a sequence has taken ends within a block that no other sequence holds.
    pub(super) fn can_hand_over(&self, found: &Match) -> bool {
        let last = found.blocks.last().and_then(|hash| self.blocks.get(hash));
        !found.len.is_multiple_of(BLOCK) && last.is_some_and(|kept| kept.block.holders() == 2)
    }

    /// Leaves the last block of a match to the sequence that has taken it, if no other follows it:
    /// then it need not be copied to go on in it.
    pub(super) fn hand_over(&mut self, found: &Match) {
        if let Some(&last) = found.blocks.last()
            && self.blocks.get(&last).is_some_and(|kept| kept.children == 0)
        {
            self.remove(last);
        }
    }

    /// The block of a place.
    fn find(&self, place: &Place) -> Option<BlockHash> {
        let hash = self.hasher.hash_one(place);
        (self.blocks.get(&hash)?.place == *place).then_some(hash)
    }

    /// The siblings before and after a place, or in it.
    fn neighbours(&self, place: &Place) -> [Option<(&Place, BlockHash)>; 2] {
        let before = (Bound::Unbounded, Bound::Excluded(place));
        let from = (Bound::Included(place), Bound::Unbounded);
        let found = [
            self.siblings.range::<Place, _>(before).next_back(),
            self.siblings.range::<Place, _>(from).next(),
        ];
        let is_sibling =
            |other: &Place| (other.family, other.parent) == (place.family, place.parent);
        found.map(|found| found.map(|(other, &hash)| (other, hash)).filter(|(o, _)| is_sibling(o)))
    }

    /// Puts a block in its place. Returns what stands there: perhaps an older block of the same
    /// content, or one that begins with it; nothing if another has its hash.
    fn add(&mut self, place: Place, block: SharedBlock) -> Option<BlockHash> {
        let [before, after] = self.neighbours(&place);
        if let Some((longer, hash)) = after
            && longer.tokens.starts_with(&place.tokens)
        {
            return Some(hash);
        }
        // No block is the beginning of a sibling, so of all only this one can be that of the new.
        if let Some((shorter, hash)) = before
            && place.tokens.starts_with(&shorter.tokens)
        {
            self.remove(hash);
        }
        let hash = self.hasher.hash_one(&place);
        if self.blocks.contains_key(&hash) {
            return None;
        }
        if let Some(parent) = place.parent {
            let parent = self.kept(parent);
            parent.children += 1;
            let used = parent.used;
            self.leaves.remove(&used);
        }
        self.clock += 1;
        let used = self.clock;
        self.siblings.insert(place.clone(), hash);
        self.leaves.insert(used, hash);
        self.blocks.insert(hash, Kept { place, block, used, children: 0 });
        Some(hash)
    }

    /// Notes that the blocks of a beginning were used, the last first.
    fn touch(&mut self, path: &[BlockHash]) {
        for &hash in path.iter().rev() {
            self.clock += 1;
            let clock = self.clock;
            let kept = self.kept(hash);
            let before = std::mem::replace(&mut kept.used, clock);
            if self.leaves.remove(&before).is_some() {
                self.leaves.insert(clock, hash);
            }
        }
    }

    /// Drops a block after which none follows.
    fn remove(&mut self, hash: BlockHash) {
        let Some(Kept { place, used, .. }) = self.blocks.remove(&hash) else { return };
        self.siblings.remove(&place);
        self.leaves.remove(&used);
        if let Some(parent) = place.parent {
            let kept = self.kept(parent);
            kept.children -= 1;
            if kept.children == 0 {
                let used = kept.used;
                self.leaves.insert(used, parent);
            }
        }
    }

    fn kept(&mut self, hash: BlockHash) -> &mut Kept {
        self.blocks.get_mut(&hash).expect("a parent stays as long as its children")
    }
}

/// The number of tokens with which both begin.
pub(super) fn common_prefix(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
