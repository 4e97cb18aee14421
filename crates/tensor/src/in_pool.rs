//! Many operations on the threads of the pool, which stay awake while they last.
//!
//! A step of a program has some hundred pieces of work for all threads, with short stretches between them that only
//! one has work in. A thread of the pool that finds nothing to do goes to sleep after some microseconds, and it takes
//! the system as long again, or longer, to wake it. So while a step lasts the others keep looking.

use std::cell::Cell;
use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rayon::Yield;

/// How long a thread that finds nothing to do keeps looking. Longer than any stretch of a step that only one
/// thread has work in; a step that needs longer than that has other things to wait for than a thread to wake.
const PATIENCE: Duration = Duration::from_micros(500);

/// How often a thread looks before it offers the processor to others.
const LOOKS: usize = 64;

thread_local! {
    /// Whether this thread is in the middle of a step, or looks for work of one.
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// Calls `f`, which calls many operations, on a thread of the current pool (rayon's), and keeps the pool's other
/// threads awake until it is done.
///
/// An operation that is called from outside the pool works on the calling thread and on the pool's: one thread more
/// than there are processors, and the system lets them take turns. A step of training that enters the pool once takes
/// less time (`docs/benchmarks.md` in the repository). The results are the same, to the bit. Inside `f` a call of
/// `in_pool` is a call of its function.
///
/// # Panics
///
/// As `f`.
///
/// # Examples
///
/// ```
/// use ulp_tensor::{add, in_pool, ndarray::ArrayD, sum};
///
/// let x = ArrayD::<f32>::ones(vec![100, 100]);
/// let total = in_pool(|| {
///     let doubled = (0..3).fold(x.clone(), |y, _| add(y.view(), y.view()));
///     sum(doubled.view(), &[0, 1], false)
/// });
/// assert_eq!(total.sum(), 80_000.0);
/// ```
pub fn in_pool<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    if BUSY.get() {
        return f();
    }
    rayon::scope(|_| {
        let done = SetAtEnd(Arc::default());
        let _busy = Busy::enter();
        if rayon::current_num_threads() > 1 {
            let done = done.0.clone();
            // Nobody waits for these: a thread that has other things to do finds the step done.
            rayon::spawn_broadcast(move |_| look_for_work(&done.0));
        }
        f()
    })
}

/// The flag in a cache line of its own.
#[derive(Default)]
#[repr(align(128))]
struct Flag(AtomicBool);

/// Does what other threads have to give away until the step is done, or has nothing to give away for long.
fn look_for_work(done: &AtomicBool) {
    // A thread that waits inside a step of its own goes on with that first: two steps would wait for each
    // other.
    if BUSY.get() {
        return;
    }
    let _busy = Busy::enter();
    let mut idle_since = Instant::now();
    while !done.load(Ordering::Relaxed) {
        for _ in 0..LOOKS {
            if rayon::yield_now() == Some(Yield::Executed) {
                idle_since = Instant::now();
            }
            spin_loop();
        }
        if idle_since.elapsed() > PATIENCE {
            return;
        }
        std::thread::yield_now();
    }
}

/// Marks this thread as busy until it is dropped.
struct Busy {
    before: bool,
}

impl Busy {
    fn enter() -> Self {
        Busy { before: BUSY.replace(true) }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        BUSY.set(self.before);
    }
}

/// Sets a flag when it is dropped, after a panic, too.
struct SetAtEnd(Arc<Flag>);

impl Drop for SetAtEnd {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    /// Steps at the same time, one inside another's tasks, and one that panics: all end.
    #[test]
    fn steps_do_not_wait_for_each_other() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let (done, pool) = (AtomicUsize::new(0), &pool);
        let count = || {
            done.fetch_add(1, Ordering::Relaxed);
        };
        let inner = || in_pool(count);
        let step = || {
            in_pool(|| {
                rayon::join(inner, count);
            })
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..50).for_each(|_| pool.install(step)));
            }
        });
        assert_eq!(done.load(Ordering::Relaxed), 4 * 50 * 2);
        let panics = || pool.install(|| in_pool(|| panic!("of a step")));
        assert!(std::thread::scope(|scope| scope.spawn(panics).join()).is_err());
        pool.install(step);
    }

    /// A thread that is busy with something else for long is not waited for.
    #[test]
    fn a_pass_does_not_wait_for_a_busy_thread() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let (entered, passed) = (AtomicBool::new(false), AtomicBool::new(false));
        pool.scope(|scope| {
            scope.spawn(|_| {
                entered.store(true, Ordering::Release);
                while !passed.load(Ordering::Acquire) {
                    std::thread::yield_now();
                }
            });
            while !entered.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            in_pool(|| ());
            passed.store(true, Ordering::Release);
        });
    }
}
