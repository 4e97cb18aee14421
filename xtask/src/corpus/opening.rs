//! How stories begin and end.

use super::teller::Teller;
use super::world;

/// The first paragraph: who the hero is and where the hero lives.
pub(super) fn open(t: &mut Teller) {
    t.say(&[
        "Once upon a time, there was {a trait} {kind} named {H}.",
        "Once upon a time, {a trait} {kind} named {H} lived in {home}.",
        "There once was {a trait} {kind} called {H}.",
        "{H} was {a trait} {kind} who lived in {home}.",
        "One day, {a trait} {kind} named {H} woke up early.",
        "In {home} lived {a trait} {kind}. {His} name was {H}.",
        "{H} was {a trait} {kind}.",
        "Long ago, {a trait} {kind} named {H} lived in {home}.",
        "This is the story of {H}, {a trait} {kind}.",
        "Far away, in {home}, there lived {a trait} {kind} called {H}.",
        "The {trait} {kind} was called {H}.",
    ]);
    t.maybe(&[
        "{H} liked to play outside.",
        "{H} had a good friend, {a fkind} named {F}.",
        "{He} loved to sing in the morning.",
        "Everybody liked {H}.",
        "Every morning {he} looked out and smiled.",
        "{H} lived with {his} mother and {his} father.",
    ]);
    t.fact("What was the {kind}'s name?", "The {kind} was called {H}.");
    t.fact("Who was {H}?", "{H} was {a trait} {kind}.");
    if t.dice.chance(1, 2) {
        let weather = t.dice.pick(world::WEATHER);
        t.say(&[weather]);
    }
}

/// The last sentences.
pub(super) fn close(t: &mut Teller) {
    if t.dice.chance(2, 3) {
        t.say(&[
            "That night {H} slept very well.",
            "And {H} was happy all day long.",
            "From that day on, {H} and {F} were the best of friends.",
            "{H} smiled and went home.",
            "When the stars came out, {H} fell asleep with a smile.",
            "It was the best day of all.",
            "{H} never forgot that day.",
        ]);
    }
    if t.dice.chance(1, 4) {
        t.say(&["The end."]);
    }
}
