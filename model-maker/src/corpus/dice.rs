//! Dice for the corpus: counter-based, so that story N depends on the seed and N alone.

use ulp_tensor::Philox;

/// A sequence of draws belonging to one story.
pub(crate) struct Dice {
    philox: Philox,
    drawn: u64,
}

impl Dice {
    /// The dice of story `story` under `seed`.
    pub(crate) fn new(seed: u64, story: u64) -> Self {
        Self { philox: Philox::new(seed, story), drawn: 0 }
    }

    /// An index below `n`. The bias of the multiply-shift reduction is below n / 2^32.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        let bits = self.philox.word(self.drawn);
        self.drawn += 1;
        ((u64::from(bits) * n as u64) >> 32) as usize
    }

    /// True in `yes` of `out_of` draws.
    pub(crate) fn chance(&mut self, yes: usize, out_of: usize) -> bool {
        self.below(out_of) < yes
    }

    /// One element of a list.
    pub(crate) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    /// `n` different elements of a list, in random order (the head of a Fisher-Yates shuffle).
    pub(crate) fn sample<T: Copy>(&mut self, list: &[T], n: usize) -> Vec<T> {
        let mut pool = list.to_vec();
        for i in 0..n {
            let j = i + self.below(pool.len() - i);
            pool.swap(i, j);
        }
        pool.truncate(n);
        pool
    }
}
