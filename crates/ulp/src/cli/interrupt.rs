//! Ctrl-C as a wish: work in steps looks at it between two steps.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What shells report for a program that Ctrl-C ended: 128 + SIGINT.
pub(super) const INTERRUPTED: i32 = 130;

/// Whether Ctrl-C was pressed while somebody watched. Another press, or one that nobody watches
/// for, ends the program at once.
#[derive(Clone)]
pub(super) struct Interrupt(Arc<State>);

struct State {
    watched: AtomicBool,
    pressed: AtomicBool,
}

impl Interrupt {
    /// Takes over Ctrl-C; to be called once in a process. `code` is what the program ends with
    /// where a press ends it.
    pub(super) fn install(code: i32) -> Interrupt {
        let state = State { watched: AtomicBool::new(false), pressed: AtomicBool::new(false) };
        let state = Arc::new(state);
        let seen = Arc::clone(&state);
        let handler = move || {
            if !seen.watched.load(Ordering::SeqCst) || seen.pressed.swap(true, Ordering::SeqCst) {
                process::exit(code);
            }
        };
        if let Err(error) = ctrlc::set_handler(handler) {
            eprintln!("ulp: Ctrl-C will end the program at once: {error}");
        }
        Interrupt(state)
    }

    /// From now on a press is a wish. Earlier ones are forgotten.
    pub(super) fn watch(&self) {
        self.0.pressed.store(false, Ordering::SeqCst);
        self.0.watched.store(true, Ordering::SeqCst);
    }

    /// From now on a press ends the program.
    pub(super) fn unwatch(&self) {
        self.0.watched.store(false, Ordering::SeqCst);
    }

    pub(super) fn is_pressed(&self) -> bool {
        self.0.pressed.load(Ordering::SeqCst)
    }
}
