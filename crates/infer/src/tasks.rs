//! Tasks shared out among threads so that all end together.
//!
//! Each thread begins with a run of neighbours of its own, as reading memory wants it: what one thread reads is one
//! stretch. Who has done its own takes half of what another has left, from the end, so that nobody waits for longer
//! than a task takes.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

/// Calls `task` once for each of `0..count` on up to `threads` threads of the current pool.
pub(crate) fn for_each(count: usize, threads: usize, task: impl Fn(usize) + Sync) {
    let threads = threads.min(count).min(rayon::current_num_threads());
    if threads <= 1 {
        (0..count).for_each(task);
        return;
    }
    let share = |i: usize| i * count / threads;
    let runs: Vec<Run> = (0..threads).map(|i| Run::new(share(i)..share(i + 1))).collect();
    (0..threads).into_par_iter().with_max_len(1).for_each(|own| {
        loop {
            while let Some(next) = runs[own].take_first() {
                task(next);
            }
            let others = (1..threads).map(|i| &runs[(own + i) % threads]);
            match others.max_by_key(|run| run.len()) {
                Some(longest) if longest.len() > 0 => longest.give_half(&runs[own]),
                _ => return,
            }
        }
    });
}

/// Neighbouring tasks that are left, on a line of memory of their own.
#[repr(align(128))]
struct Run(AtomicU64);

/// Nothing but numbers of tasks is handed over here: the data were there before the threads began, and the pool
/// hands over what they wrote.
const ORDER: Ordering = Ordering::Relaxed;

impl Run {
    fn new(tasks: Range<usize>) -> Self {
        Run(AtomicU64::new(packed(tasks)))
    }

    fn len(&self) -> usize {
        unpacked(self.0.load(ORDER)).len()
    }

    /// Takes the first task.
    fn take_first(&self) -> Option<usize> {
        let rest = |tasks| {
            let tasks = unpacked(tasks);
            (!tasks.is_empty()).then(|| packed(tasks.start + 1..tasks.end))
        };
        self.0.fetch_update(ORDER, ORDER, rest).ok().map(|tasks| unpacked(tasks).start)
    }

    /// Gives the second half, of one task that one, to a run that has none left: nobody else changes such a run.
    fn give_half(&self, to: &Run) {
        let middle = |tasks: &Range<usize>| tasks.start + tasks.len() / 2;
        let rest = |tasks| {
            let tasks = unpacked(tasks);
            (!tasks.is_empty()).then(|| packed(tasks.start..middle(&tasks)))
        };
        if let Ok(tasks) = self.0.fetch_update(ORDER, ORDER, rest) {
            let tasks = unpacked(tasks);
            to.0.store(packed(middle(&tasks)..tasks.end), ORDER);
        }
    }
}

/// Both ends in one number, so that they change together.
fn packed(tasks: Range<usize>) -> u64 {
    (tasks.start as u64) << 32 | tasks.end as u64
}

fn unpacked(tasks: u64) -> Range<usize> {
    (tasks >> 32) as usize..tasks as u32 as usize
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

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
    fn who_is_done_takes_what_another_has_left() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let (count, done) = (20, AtomicUsize::new(0));
        pool.install(|| {
            for_each(count, 2, |i| {
                // The first of a run waits for all others of both.
                while i == 0 && done.load(Ordering::Relaxed) < count - 1 {
                    std::thread::yield_now();
                }
                done.fetch_add(1, Ordering::Relaxed);
            });
        });
        assert_eq!(done.into_inner(), count);
    }
}
