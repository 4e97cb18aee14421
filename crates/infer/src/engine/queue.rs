//! Requests that wait, and whose turn it is.

use super::options::Policy;
use super::request::RequestId;
use super::sequence::Sequence;

/// A request that this many later ones have overtaken goes next, whatever the policy: no request
/// waits for ever.
pub(super) const MAX_OVERTAKEN: usize = 32;

/// Waiting requests, in the order of their arrival.
#[derive(Debug)]
pub(super) struct Queue {
    policy: Policy,
    waiting: Vec<Sequence>,
}

impl Queue {
    pub(super) fn new(policy: Policy) -> Self {
        Queue { policy, waiting: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Puts a request in its place, which for one that was preempted is not the last.
    pub(super) fn push(&mut self, sequence: Sequence) {
        let at = self.waiting.partition_point(|other| other.id < sequence.id);
        self.waiting.insert(at, sequence);
    }

    pub(super) fn remove(&mut self, id: RequestId) -> Option<Sequence> {
        let at = self.waiting.iter().position(|sequence| sequence.id == id)?;
        Some(self.waiting.remove(at))
    }

    /// All requests in the order of their turns. `cached` says how many tokens of a request
    /// need not be computed.
    pub(super) fn turns(&self, cached: impl Fn(&Sequence) -> usize) -> Vec<&Sequence> {
        let mut turns: Vec<&Sequence> = self.waiting.iter().collect();
        match self.policy {
            // Sorting is stable: of equals the earlier one goes first.
            Policy::FirstCome => {}
            Policy::Priority => turns.sort_by_key(|s| -i64::from(s.priority())),
            Policy::LongestPrefix => {
                turns.sort_by_cached_key(|s| std::cmp::Reverse(cached(s)));
            }
        }
        turns.sort_by_key(|s| !s.is_overdue());
        turns
    }

    /// Takes a request out whose turn it is; those before it are overtaken.
    pub(super) fn take(&mut self, id: RequestId) -> Option<Sequence> {
        let taken = self.remove(id)?;
        for sequence in self.waiting.iter_mut().take_while(|other| other.id < id) {
            sequence.overtaken += 1;
        }
        Some(taken)
    }
}
