//! Work shared out among threads by outputs.
//!
//! Which thread does which task ([`tasks`]) has no effect on a result.

use std::cell::Cell;

use crate::tasks;

/// With so many tasks for each thread, work inside a task is not shared out again: nobody is idle who
/// could take it, and to offer it costs microseconds each time.
const ENOUGH: usize = 8;

thread_local! {
    /// Is this thread doing one of so many tasks?
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// Whether work that is shared out now would find no idle thread.
pub(crate) fn all_are_busy() -> bool {
    BUSY.get()
}

/// Runs `f` with [`all_are_busy`] as given, and restores it even when `f` panics.
fn while_busy(busy: bool, f: impl FnOnce()) {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            BUSY.set(self.0);
        }
    }
    let _restore = Restore(BUSY.replace(busy));
    f();
}

/// Calls `f(task)` once for each number below `tasks`: on the threads of the current pool (rayon's)
/// if `parallel` and some may be idle, else here and in ascending order.
pub(crate) fn for_each(tasks: usize, parallel: bool, f: impl Fn(usize) + Sync) {
    share_out(tasks, parallel, &f);
}

/// [`for_each`], compiled once: what there is to do about threads would otherwise be a part of each
/// operation for each type of elements.
fn share_out(count: usize, parallel: bool, f: &(dyn Fn(usize) + Sync)) {
    let parallel = parallel && count > 1 && !all_are_busy();
    let threads = if parallel { rayon::current_num_threads() } else { 1 };
    if threads <= 1 {
        return (0..count).for_each(f);
    }
    tasks::share_out(count, threads, &|tasks| {
        while_busy(count >= ENOUGH * threads, || tasks.for_each(f));
    });
}

/// Calls `f(index, part)` once for each part of `chunk` elements (the last may be shorter).
pub(crate) fn chunks<T: Send>(
    data: &mut [T],
    chunk: usize,
    parallel: bool,
    f: impl Fn(usize, &mut [T]) + Sync,
) {
    let mut nothing = vec![(); data.len().div_ceil(chunk.max(1))];
    chunks_beside(data, chunk, &mut nothing, parallel, |index, part, ()| f(index, part));
}

/// [`chunks`], where part number i also has `beside[i]` to write to.
///
/// # Panics
///
/// If there are fewer entries than parts.
pub(crate) fn chunks_beside<T: Send, S: Send>(
    data: &mut [T],
    chunk: usize,
    beside: &mut [S],
    parallel: bool,
    f: impl Fn(usize, &mut [T], &mut S) + Sync,
) {
    let (len, chunk) = (data.len(), chunk.max(1));
    let parts = len.div_ceil(chunk);
    assert!(beside.len() >= parts, "too few entries beside the parts");
    let (data, beside) = (Shared(data.as_mut_ptr()), Shared(beside.as_mut_ptr()));
    for_each(parts, parallel, |index| {
        let start = index * chunk;
        // SAFETY: the slices are borrowed exclusively until `for_each` returns; it calls this once
        // for each index below `parts`, and the parts and entries of different indices are disjoint
        // and inside.
        let (part, beside) = unsafe {
            let part = data.at(start);
            (std::slice::from_raw_parts_mut(part, chunk.min(len - start)), &mut *beside.at(index))
        };
        f(index, part, beside);
    });
}

/// The address of a slice whose elements are shared out.
struct Shared<T>(*mut T);

// SAFETY: each element is used by one task only, which may run on another thread.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// The address of an element.
    ///
    /// # Safety
    ///
    /// The index must be inside the slice.
    unsafe fn at(&self, index: usize) -> *mut T {
        // SAFETY: the caller's promise.
        unsafe { self.0.add(index) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn in_pool(threads: usize, f: impl FnOnce() + Send) {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(f);
    }

    #[test]
    fn each_part_is_given_out_once() {
        let check = || {
            for (len, chunk) in [(0, 3), (1, 3), (10, 3), (1000, 1), (12, 4), (5, 0)] {
                let mut data = vec![0u32; len];
                let mut beside = vec![0usize; len];
                chunks_beside(&mut data, chunk, &mut beside, true, |index, part, beside| {
                    part.iter_mut().for_each(|x| *x += 1 + index as u32);
                    *beside += part.len();
                });
                let expected: Vec<u32> = (0..len).map(|i| 1 + (i / chunk.max(1)) as u32).collect();
                assert_eq!(data, expected);
                assert_eq!(beside.iter().sum::<usize>(), len);
            }
        };
        check();
        in_pool(1, check);
        in_pool(3, check);
    }

    #[test]
    fn work_inside_work_is_done() {
        let count = AtomicUsize::new(0);
        in_pool(2, || {
            for_each(5, true, |_| {
                for_each(7, true, |_| {
                    count.fetch_add(1, Ordering::Relaxed);
                });
            });
        });
        assert_eq!(count.into_inner(), 35);
    }

    #[test]
    fn work_inside_many_tasks_stays_on_its_thread() {
        let stayed = AtomicUsize::new(0);
        in_pool(2, || {
            for_each(2 * ENOUGH, true, |_| {
                assert!(all_are_busy());
                let here = std::thread::current().id();
                for_each(100, true, |_| {
                    let same = std::thread::current().id() == here;
                    stayed.fetch_add(usize::from(same), Ordering::Relaxed);
                });
            });
            assert!(!all_are_busy());
            for_each(2 * ENOUGH - 1, true, |_| assert!(!all_are_busy()));
        });
        assert_eq!(stayed.into_inner(), 200 * ENOUGH);
    }

    #[test]
    #[should_panic(expected = "on purpose")]
    fn a_panic_arrives() {
        for_each(100, true, |task| assert!(task != 50, "on purpose"));
    }
}
