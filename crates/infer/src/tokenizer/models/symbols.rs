//! A word while its symbols merge.
//!
//! The symbols are a linked list in one vector, so that a merge moves nothing. A heap holds the
//! pairs that could merge; a word of n symbols takes n log n steps however long it is.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::merges::Merges;

/// The id of a symbol that no merge knows.
pub(super) const NO_ID: u32 = u32::MAX;
/// No neighbour.
const NONE: u32 = u32::MAX;
/// The rank of a pair that does not merge.
const NO_RANK: u32 = u32::MAX;

/// Bytes that a word may have: places are stored in 32 bits.
pub(super) const MAX_WORD: usize = 1 << 31;

/// The symbols of a word, and the pairs of neighbours that could merge.
#[derive(Default)]
pub(super) struct Symbols {
    list: Vec<Symbol>,
    /// Rank and place of the left symbol, so that the lowest rank comes first, of equal ranks the
    /// leftmost. A pair that has changed meanwhile has another rank.
    queue: BinaryHeap<Reverse<(u32, u32)>>,
}

/// A part of the word, linked to its neighbours. Symbols that are merged away are left empty.
#[derive(Clone, Copy)]
struct Symbol {
    id: u32,
    start: u32,
    end: u32,
    previous: u32,
    next: u32,
    /// The rank of the pair that begins here, and the token that it becomes.
    rank: u32,
    product: u32,
}

impl Symbols {
    pub(super) fn clear(&mut self) {
        self.list.clear();
    }

    /// Appends a symbol that is a part of the word: at most [`MAX_WORD`] of it.
    #[inline]
    pub(super) fn push(&mut self, id: u32, start: usize, end: usize) {
        let place = self.list.len() as u32;
        self.list.push(Symbol {
            id,
            start: start as u32,
            end: end as u32,
            previous: place.wrapping_sub(1), // NONE for the first
            next: place + 1,
            rank: NO_RANK,
            product: NO_ID,
        });
    }

    /// Merges neighbours until none can be merged.
    pub(super) fn merge(&mut self, merges: &Merges) {
        self.queue.clear();
        let Some(last) = self.list.last_mut() else { return };
        last.next = NONE;
        for left in 0..self.list.len() as u32 - 1 {
            self.consider(left, merges);
        }
        while let Some(Reverse((rank, left))) = self.queue.pop() {
            let Symbol { previous, next, product, rank: now, .. } = self.list[left as usize];
            if rank != now {
                continue;
            }
            let right = &mut self.list[next as usize];
            let (end, after) = (right.end, right.next);
            right.end = right.start;
            right.rank = NO_RANK;
            let merged = &mut self.list[left as usize];
            merged.id = product;
            merged.end = end;
            merged.next = after;
            if after != NONE {
                self.list[after as usize].previous = left;
            }
            self.consider(left, merges);
            if previous != NONE {
                self.consider(previous, merges);
            }
        }
    }

    /// Notes the pair that begins at `left`, and queues it if it can merge.
    #[inline]
    fn consider(&mut self, left: u32, merges: &Merges) {
        let Symbol { id, next, .. } = self.list[left as usize];
        let merge = match self.list.get(next as usize) {
            Some(right) if id != NO_ID && right.id != NO_ID => merges.get(id, right.id),
            _ => None,
        };
        let symbol = &mut self.list[left as usize];
        symbol.rank = NO_RANK;
        if let Some(merge) = merge {
            (symbol.rank, symbol.product) = (merge.rank, merge.id);
            self.queue.push(Reverse((merge.rank, left)));
        }
    }

    /// The symbols that are left: id, start and end.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, usize, usize)> {
        let left = self.list.iter().filter(|symbol| symbol.start < symbol.end);
        left.map(|symbol| (symbol.id, symbol.start as usize, symbol.end as usize))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::merges::Merge;
    use super::*;

    /// By looking through the whole word for the best pair, again and again.
    fn naive(mut word: Vec<u32>, merges: &Merges) -> Vec<u32> {
        loop {
            let pairs = word.windows(2).enumerate();
            let best = pairs
                .filter_map(|(place, pair)| Some((merges.get(pair[0], pair[1])?, place)))
                .min_by_key(|(merge, place)| (merge.rank, *place));
            let Some((merge, place)) = best else { return word };
            word.splice(place..place + 2, [merge.id]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn the_queue_finds_what_looking_finds(
            word in prop::collection::vec(0u32..4, 0..40),
            // Ranks repeat: SPM's equal scores.
            list in prop::collection::vec((0u32..12, 0u32..12, 0u32..9, 4u32..12), 0..40),
        ) {
            let mut merges = Merges::default();
            for (left, right, rank, id) in list {
                merges.insert((left, right), Merge { rank, id });
            }
            let mut symbols = Symbols::default();
            for (place, &id) in word.iter().enumerate() {
                symbols.push(id, place, place + 1);
            }
            symbols.merge(&merges);
            let merged: Vec<u32> = symbols.iter().map(|(id, ..)| id).collect();
            prop_assert_eq!(merged, naive(word, &merges));
        }
    }
}
