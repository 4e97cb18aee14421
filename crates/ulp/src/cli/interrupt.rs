//! Ctrl-C as a wish: work in steps looks at it between two steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What shells report for a program that Ctrl-C ended: 128 + SIGINT.
const INTERRUPTED: i32 = 130;

/// Whether Ctrl-C was pressed. The second press ends the program at once.
#[derive(Clone)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Takes over Ctrl-C; to be called once in a process.
    pub(super) fn install() -> Interrupt {
        let pressed = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&pressed);
        let handler = move || {
            if seen.swap(true, Ordering::SeqCst) {
                std::process::exit(INTERRUPTED);
            }
        };
        if let Err(error) = ctrlc::set_handler(handler) {
            eprintln!("ulp: Ctrl-C will end the program at once: {error}");
        }
        Interrupt(pressed)
    }

    pub(super) fn is_pressed(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
