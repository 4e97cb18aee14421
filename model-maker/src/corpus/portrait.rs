//! Portraits: a few short sentences that name a character again and again.
//!
//! In a story a name stands ten times among two hundred tokens, and a model of this size needs very
//! many stories before it finds out that a name is to be looked up in the text. Here every sixth
//! token is a name that stood before; what is learned from it serves the stories too.

use super::dice::Dice;
use super::teller::Teller;
use super::world;

/// What can be said of the first of two characters.
const OF_HERO: &[&str] = &[
    "{H} is {trait}.",
    "{H} lives in {home}.",
    "{H} has a {toy}.",
    "{H} likes {food}.",
    "{H} likes to play {place}.",
    "{H} can sing.",
    "{H} can run fast.",
    "{H} laughs a lot.",
    "{H} is not afraid.",
    "Everybody knows {H}.",
    "Everybody likes {H}.",
    "This {toy} is for {H}.",
    "\"Good morning, {H}!\"",
    "\"My name is {H}.\"",
];

/// What can be said of the second, and of both.
const OF_FRIEND: &[&str] = &[
    "{F} is {a fkind}.",
    "{F} likes {food} too.",
    "{F} is a friend of {H}.",
    "{H} and {F} are friends.",
    "{F} sits {place} with {H}.",
    "{H} tells {F} a story.",
    "{F} helps {H}.",
    "\"Where is {F}?\" asks {H}.",
    "\"Here I am,\" says {F}.",
    "{H} has a {toy}, and {F} has none.",
    "{F} thanks {H}.",
    "\"Come, {F}!\" says {H}.",
];

/// A portrait of one character, or of two.
pub(crate) fn portrait(dice: Dice) -> String {
    let mut teller = Teller::new(dice);
    teller.draw("toy", world::TOYS);
    teller.draw("food", world::FOODS);
    teller.draw("place", world::PLACES);
    let two = teller.dice.chance(1, 2);
    let mut sentences = OF_HERO.to_vec();
    if two {
        sentences.extend(OF_FRIEND);
    }
    let count = 4 + teller.dice.below(5);
    teller.say(&["{H} is {a kind}.", "This is {H}.", "Look, there is {H}, the {kind}."]);
    for sentence in teller.dice.sample(&sentences, count) {
        teller.say(&[sentence]);
    }
    teller.text()
}
