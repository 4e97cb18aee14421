//! The memory of one tape for the next.
//!
//! A training step makes a tape and drops it. Memory that has grown by doubling and is fresh each time
//! costs more than the small operations that it records.

use std::any::Any;
use std::cell::RefCell;

/// More bytes than this are given back.
pub(crate) const MOST_BYTES: usize = 1 << 23;

thread_local! {
    /// At most one of a type.
    static SPARE: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
}

/// What was kept on this thread, or a new one.
pub(crate) fn take<S: Any + Default>() -> S {
    // No thread-local memory is left while a thread ends.
    let found = SPARE.try_with(|spare| {
        let mut spare = spare.borrow_mut();
        let place = spare.iter().position(|one| one.is::<S>())?;
        spare.swap_remove(place).downcast::<S>().ok()
    });
    found.ok().flatten().map_or_else(S::default, |one| *one)
}

/// Keeps it for the next, unless there is one. It must be as good as new.
pub(crate) fn keep<S: Any>(one: S) {
    let _ = SPARE.try_with(|spare| {
        let mut spare = spare.borrow_mut();
        if !spare.iter().any(|other| other.is::<S>()) {
            spare.push(Box::new(one));
        }
    });
}
