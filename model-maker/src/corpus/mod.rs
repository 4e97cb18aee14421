//! The default model's corpus: short stories from a small closed world, and talks about them.
//!
//! Everything is drawn from counter-based dice: document N depends on the seed and N alone.

mod dice;
mod opening;
mod plots;
mod portrait;
mod talk;
mod teller;
mod world;

use std::error::Error;

use dice::Dice;
pub(crate) use talk::{ASSISTANT, END, USER};
use teller::Teller;

/// The seed of the default model's corpus.
pub(crate) const SEED: u64 = 2026;

/// `cargo xtask corpus [COUNT]`: prints the first documents.
pub(crate) fn run(words: &[String]) -> Result<(), Box<dyn Error>> {
    let count = words.first().map_or(Ok(12), |word| word.parse())?;
    for index in 0..count {
        println!("{}\n=====", document(SEED, index).trim_end());
    }
    Ok(())
}

/// The `index`-th document under `seed`: of four, two are stories, one is a talk, one a portrait.
/// One story of five begins in the middle, as a reader's prompt may.
pub(crate) fn document(seed: u64, index: u64) -> String {
    let mut dice = Dice::new(seed, index);
    match dice.below(4) {
        0 => portrait::portrait(dice),
        1 => talk::talk(dice),
        _ if dice.chance(1, 5) => story_from_the_middle(dice).text(),
        _ => story(dice).text(),
    }
}

/// A whole story: an opening, one of the plots, an end.
fn story(mut dice: Dice) -> Teller {
    let plot = dice.pick(plots::PLOTS);
    let mut teller = Teller::new(dice);
    opening::open(&mut teller, plot.strangers);
    teller.pause();
    (plot.tell)(&mut teller);
    opening::close(&mut teller);
    teller
}

/// A story that tells what happened, and leaves out who the hero is.
fn story_from_the_middle(mut dice: Dice) -> Teller {
    let plot = dice.pick(plots::PLOTS);
    let mut teller = Teller::new(dice);
    (plot.tell)(&mut teller);
    opening::close(&mut teller);
    teller
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_depend_on_seed_and_index_alone() {
        assert_eq!(document(7, 41), document(7, 41));
        assert_ne!(document(7, 41), document(7, 42));
        assert_ne!(document(7, 41), document(8, 41));
    }

    #[test]
    fn every_plot_fills_every_blank() {
        for index in 0..20_000 {
            let text = document(3, index);
            assert!(!text.contains(['{', '}']), "{text}");
            assert!(!text.contains("  "), "{text}");
        }
    }
}
