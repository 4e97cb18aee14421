//! How guesses fare, and how far the next one goes.

/// Tokens of a first guess.
const FIRST: usize = 4;

/// How a sequence's guesses have fared.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Acceptance {
    /// Tokens of the next guess; doubled when a guess was right in full, halved when it was not.
    reach: usize,
}

impl Default for Acceptance {
    fn default() -> Self {
        Acceptance { reach: FIRST }
    }
}

impl Acceptance {
    /// How many tokens to guess, of `max` that are allowed.
    pub(in crate::engine) fn reach(&self, max: usize) -> usize {
        self.reach.min(max)
    }

    /// Takes down that of `drafted` guesses `accepted` were right.
    pub(in crate::engine) fn record(&mut self, drafted: usize, accepted: usize) {
        if drafted > 0 {
            let all = accepted == drafted;
            self.reach = if all { (2 * self.reach).min(64) } else { self.reach.div_ceil(2) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_grow_with_success() {
        let mut acceptance = Acceptance::default();
        assert_eq!((acceptance.reach(8), acceptance.reach(2)), (4, 2));
        acceptance.record(4, 4);
        assert_eq!(acceptance.reach(16), 8);
        acceptance.record(8, 1);
        acceptance.record(4, 0);
        acceptance.record(0, 0);
        assert_eq!(acceptance.reach(16), 2);
    }
}
