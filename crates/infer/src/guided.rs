//! Tasks shared out among threads so that all end together.
//!
//! Guided self-scheduling (Polychronopoulos and Kuck 1987, IEEE Transactions on Computers C-36): a thread
//! that has nothing to do takes a share of the tasks that are left. The first shares are long runs of
//! neighbours, as reading memory wants them; the last are single tasks, so that nobody waits for longer
//! than one of them takes.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

/// Of the tasks that are left, a thread takes one part of so many for each thread.
const PARTS: usize = 3;

/// Calls `task` once for each of `0..count` on up to `threads` threads of the current pool.
pub(crate) fn for_each(count: usize, threads: usize, task: impl Fn(usize) + Sync) {
    let threads = threads.min(count).min(rayon::current_num_threads());
    if threads <= 1 {
        (0..count).for_each(task);
        return;
    }
    let next = AtomicUsize::new(0);
    (0..threads).into_par_iter().with_max_len(1).for_each(|_| {
        while let Some(tasks) = take(&next, count, PARTS * threads) {
            tasks.for_each(&task);
        }
    });
}

/// The next of `count` tasks: one part of `parts` of those that are left.
fn take(next: &AtomicUsize, count: usize, parts: usize) -> Option<Range<usize>> {
    let share = |first: usize| first + (count - first).div_ceil(parts);
    // Nothing but the number of a task is handed over here: its data were there before the threads began,
    // and the pool hands over what they wrote.
    let (tried, order) = (|first| (first < count).then(|| share(first)), Ordering::Relaxed);
    let first = next.fetch_update(order, order, tried).ok()?;
    Some(first..share(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_runs_once() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        for count in [0, 1, 2, 5, 100, 1001] {
            for threads in [0, 1, 2, 3, 7] {
                let runs: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
                pool.install(|| {
                    for_each(count, threads, |i| {
                        runs[i].fetch_add(1, Ordering::Relaxed);
                    })
                });
                let once = runs.iter().all(|runs| runs.load(Ordering::Relaxed) == 1);
                assert!(once, "{count} tasks on {threads} threads");
            }
        }
    }

    #[test]
    fn shares_become_single_tasks() {
        let next = AtomicUsize::new(0);
        let shares: Vec<usize> =
            std::iter::from_fn(|| take(&next, 88, 6)).map(|tasks| tasks.len()).collect();
        assert_eq!(shares[..3], [15, 13, 10]);
        assert!(shares.is_sorted_by(|a, b| a >= b) && shares[shares.len() - 6..] == [1; 6]);
        assert_eq!(shares.iter().sum::<usize>(), 88);
    }
}
