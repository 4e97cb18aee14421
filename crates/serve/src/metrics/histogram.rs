//! Durations counted in buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper edges of the buckets, in seconds: 1, 2.5 and 5 in each decade from a millisecond up.
pub(super) const EDGES: [f64; 16] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0,
];

/// How many durations fell between which edges.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// One for each edge, and one for what is above all of them.
    buckets: [AtomicU64; EDGES.len() + 1],
    nanoseconds: AtomicU64,
}

impl Histogram {
    pub(super) fn observe(&self, time: Duration) {
        let bucket = EDGES.partition_point(|&edge| edge < time.as_secs_f64());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }

    /// For each edge the number of durations up to it; then the number of all, and their sum.
    pub(super) fn cumulative(&self) -> (Vec<u64>, u64, f64) {
        let mut total = 0;
        let mut counts = Vec::with_capacity(EDGES.len());
        for bucket in &self.buckets {
            total += bucket.load(Ordering::Relaxed);
            counts.push(total);
        }
        counts.pop();
        (counts, total, self.nanoseconds.load(Ordering::Relaxed) as f64 * 1e-9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_belongs_to_its_bucket() {
        let histogram = Histogram::default();
        for milliseconds in [1, 2, 1000, 1_000_000] {
            histogram.observe(Duration::from_millis(milliseconds));
        }
        let (counts, total, sum) = histogram.cumulative();
        assert_eq!((counts[0], counts[1], counts[9], counts[15], total), (1, 2, 3, 3, 4));
        assert!((sum - 1001.003).abs() < 1e-6);
    }
}
