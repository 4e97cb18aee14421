//! How stories begin and end.

use super::teller::Teller;
use super::world;

/// Ways to bring the hero in. A reader's own prompt may be the first words of any of them, so there
/// are many; in some the name comes after the kind, and has to be waited for.
const INTRODUCTIONS: &[&str] = &[
    "Once upon a time, there was {a trait} {kind} named {H}.",
    "Once upon a time, there was {a kind} called {H}.",
    "Once upon a time there was {a trait} {kind}. {His} name was {H}.",
    "Once upon a time, {a trait} {kind} named {H} lived in {home}.",
    "Once there was {a kind} named {H}.",
    "Once there was {a kind}. {His} name was {H}.",
    "Once there was {a trait} {kind} who lived in {home}. {His} name was {H}.",
    "Once there lived {a trait} {kind} called {H} in {home}.",
    "There once was {a trait} {kind} called {H}.",
    "There was once {a trait} {kind}, and {his} name was {H}.",
    "There was {a kind} named {H}, who lived in {home}.",
    "{H} was {a trait} {kind} who lived in {home}.",
    "{H} was {a trait} {kind}.",
    "{H} the {kind} lived in {home}.",
    "{A trait} {kind} named {H} lived in {home}.",
    "{A kind} lived in {home}. {He} was called {H}.",
    "One day, {a trait} {kind} named {H} woke up early.",
    "One morning, {a kind} called {H} went out to play.",
    "One morning {a trait} {kind} named {H} looked out of {home}.",
    "In {home} lived {a trait} {kind}. {His} name was {H}.",
    "In {home} there was {a kind} called {H}.",
    "Long ago, {a trait} {kind} named {H} lived in {home}.",
    "A long time ago there lived {a kind} named {H}.",
    "This is the story of {H}, {a trait} {kind}.",
    "This is a story about {a kind} named {H}.",
    "Far away, in {home}, there lived {a trait} {kind} called {H}.",
    "The {trait} {kind} was called {H}.",
    "The {trait} {kind} lived in {home}. {His} name was {H}.",
    "The {kind}'s name was {H}.",
    "Do you know {H}? {H} was {a trait} {kind}.",
];

/// Ways to bring both in at once.
const INTRODUCTIONS_OF_FRIENDS: &[&str] = &[
    "Once there were two friends, {a kind} named {H} and {a fkind} named {F}.",
    "Two friends lived near {home}: {a kind} named {H} and {a fkind} named {F}.",
    "{H} and {F} were good friends. {H} was {a kind}, and {F} was {a fkind}.",
    "{A kind} named {H} and {a fkind} named {F} lived near {home}.",
];

/// The first paragraph: who the hero is and where the hero lives.
pub(super) fn open(t: &mut Teller, strangers: bool) {
    let weather = t.dice.pick(world::WEATHER);
    let weather_at = t.dice.below(6);
    if weather_at == 0 {
        t.say(&[weather]);
    }
    if !strangers && t.dice.chance(1, 7) {
        t.say(INTRODUCTIONS_OF_FRIENDS);
    } else {
        t.say(INTRODUCTIONS);
        tell_more(t, strangers);
    }
    t.fact("What was the {kind}'s name?", "The {kind} was called {H}.");
    t.fact("Who was {H}?", "{H} was {a kind}.");
    if weather_at > 3 {
        t.say(&[weather]);
    }
}

fn tell_more(t: &mut Teller, strangers: bool) {
    if !strangers && t.dice.chance(1, 8) {
        t.say(&["{H} had a good friend, {a fkind} named {F}."]);
        return;
    }
    t.maybe(&[
        "{H} liked to play outside.",
        "{He} loved to sing in the morning.",
        "Everybody liked {H}.",
        "Every morning {he} looked out and smiled.",
        "{H} lived with {his} mother and {his} father.",
    ]);
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
