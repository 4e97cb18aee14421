//! Tasks shared out among threads so that all end together.
//!
//! Each thread begins with a run of neighbours of its own, as memory wants it: what one thread reads is one stretch,
//! and what it wrote in one operation it has in its caches in the next, if that is shared out alike. Who has done its
//! own takes half of what another has left, from the end, so that nobody waits for longer than a task takes.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use rayon::prelude::*;

/// Calls `task` once for each of `0..count` on up to `threads` threads: the calling one and others of the current pool
/// (rayon's). The calling thread works from the first moment on: a sleeping one takes tens of microseconds to wake, and
/// what is small is done by then. With one thread the tasks run here, in ascending order.
///
/// # Panics
///
/// As `task`, and if there are 2³² tasks or more.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// let sum = AtomicUsize::new(0);
/// ulp_tensor::tasks::for_each(10, 2, |i| {
///     sum.fetch_add(i, Ordering::Relaxed);
/// });
/// assert_eq!(sum.into_inner(), 45);
/// ```
pub fn for_each(count: usize, threads: usize, task: impl Fn(usize) + Sync) {
    share_out(count, threads, &|tasks| tasks.for_each(&task));
}

/// [`for_each`], where each thread calls `work` once, with its tasks.
pub(crate) fn share_out(count: usize, threads: usize, work: &(dyn Fn(Tasks<'_>) + Sync)) {
    assert!(u32::try_from(count).is_ok(), "{count} tasks");
    let threads = threads.min(count).min(rayon::current_num_threads()).max(1);
    let share = |i: usize| i * count / threads;
    let runs: Vec<Run> = (0..threads).map(|i| Run::new(share(i)..share(i + 1))).collect();
    let here = || work(Tasks { runs: &runs, own: claim(&runs) });
    if threads == 1 {
        return here();
    }
    if rayon::current_thread_index().is_some() {
        return (0..threads).into_par_iter().with_max_len(1).for_each(|_| here());
    }
    let (finished, helpers) = (AtomicUsize::new(0), threads - 1);
    rayon::in_place_scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(|_| {
                here();
                finished.fetch_add(1, Ordering::Release);
            });
        }
        here();
        // A thread outside the pool would sleep until the others are done, and be late.
        spin_until(|| finished.load(Ordering::Acquire) == helpers);
    });
}

/// Waits for a moment, some ten microseconds at most.
fn spin_until(done: impl Fn() -> bool) {
    for _ in 0..500 {
        if done() {
            return;
        }
        std::hint::spin_loop();
    }
}

/// The run that this thread begins with: the same one in each operation, unless another thread was sooner.
fn claim(runs: &[Run]) -> usize {
    let first = rayon::current_thread_index().unwrap_or(0);
    let numbers = (0..runs.len()).map(|i| (first + i) % runs.len());
    let mut free = numbers.filter(|&i| !runs[i].claimed.swap(true, ORDER));
    free.next().expect("a run for each thread")
}

/// The tasks of a thread: those of its own run, which is filled up from the longest of the others.
pub(crate) struct Tasks<'r> {
    runs: &'r [Run],
    own: usize,
}

impl Iterator for Tasks<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let &mut Tasks { runs, own } = self;
        loop {
            if let Some(next) = runs[own].take_first() {
                return Some(next);
            }
            let others = (1..runs.len()).map(|i| &runs[(own + i) % runs.len()]);
            match others.max_by_key(|run| run.len()) {
                Some(longest) if longest.len() > 0 => longest.give_half(&runs[own]),
                _ => return None,
            }
        }
    }
}

/// Neighbouring tasks that are left, on a line of memory of their own.
#[repr(align(128))]
struct Run {
    /// The ends.
    tasks: AtomicU64,
    /// Has a thread begun with it?
    claimed: AtomicBool,
}

/// Nothing but numbers of tasks is handed over here: the data were there before the threads began, and the pool
/// hands over what they wrote.
const ORDER: Ordering = Ordering::Relaxed;

impl Run {
    fn new(tasks: Range<usize>) -> Self {
        Run { tasks: AtomicU64::new(packed(tasks)), claimed: AtomicBool::new(false) }
    }

    fn len(&self) -> usize {
        unpacked(self.tasks.load(ORDER)).len()
    }

    /// Takes the first task.
    fn take_first(&self) -> Option<usize> {
        let rest = |tasks| {
            let tasks = unpacked(tasks);
            (!tasks.is_empty()).then(|| packed(tasks.start + 1..tasks.end))
        };
        self.tasks.fetch_update(ORDER, ORDER, rest).ok().map(|tasks| unpacked(tasks).start)
    }

    /// Gives the second half, of one task that one, to a run that has none left: nobody else changes such a run.
    fn give_half(&self, to: &Run) {
        let middle = |tasks: &Range<usize>| tasks.start + tasks.len() / 2;
        let rest = |tasks| {
            let tasks = unpacked(tasks);
            (!tasks.is_empty()).then(|| packed(tasks.start..middle(&tasks)))
        };
        if let Ok(tasks) = self.tasks.fetch_update(ORDER, ORDER, rest) {
            let tasks = unpacked(tasks);
            to.tasks.store(packed(middle(&tasks)..tasks.end), ORDER);
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
