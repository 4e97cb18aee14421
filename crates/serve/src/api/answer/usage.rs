//! How many tokens a request cost.

use serde_json::{Value, json};
use ulp_infer::Usage;

/// Tokens of one or more sequences.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) prompt: usize,
    /// Of the prompt, those that were in the cache.
    pub(crate) reused: usize,
    pub(crate) generated: usize,
    accepted: usize,
    rejected: usize,
}

impl Counts {
    pub(crate) fn of(usage: &Usage) -> Self {
        Counts {
            prompt: usage.prompt,
            reused: usage.reused,
            generated: usage.generated,
            accepted: usage.accepted,
            rejected: usage.drafted.saturating_sub(usage.accepted),
        }
    }

    /// Another answer to the same prompt: the prompt counts once.
    pub(crate) fn add_answer(&mut self, other: Counts) {
        self.generated += other.generated;
        self.accepted += other.accepted;
        self.rejected += other.rejected;
    }

    /// An answer to another prompt.
    pub(crate) fn add(&mut self, other: Counts) {
        self.prompt += other.prompt;
        self.reused += other.reused;
        self.add_answer(other);
    }

    /// The API's `usage`.
    pub(crate) fn to_json(self) -> Value {
        json!({
            "prompt_tokens": self.prompt,
            "completion_tokens": self.generated,
            "total_tokens": self.prompt + self.generated,
            "prompt_tokens_details": {"cached_tokens": self.reused},
            "completion_tokens_details": {
                "accepted_prediction_tokens": self.accepted,
                "rejected_prediction_tokens": self.rejected,
            },
        })
    }
}

/// The counts of all answers to several prompts, `n` to each, in the order of their requests.
pub(crate) fn total(answers: &[Counts], n: usize) -> Counts {
    let mut total = Counts::default();
    for answers in answers.chunks(n.max(1)) {
        let (first, others) = answers.split_first().expect("a chunk is not empty");
        total.add(*first);
        others.iter().for_each(|other| total.add_answer(*other));
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_counts_once() {
        let one = Counts { prompt: 10, reused: 4, generated: 3, accepted: 1, rejected: 2 };
        let again = Counts { reused: 9, ..one };
        let all = total(&[one, again, one, again], 2);
        assert_eq!((all.prompt, all.reused, all.generated), (20, 8, 12));
        assert_eq!(all.to_json()["total_tokens"], 32);
    }
}
