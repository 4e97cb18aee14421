//! A found key, a search for what it opens, and what is inside.

use super::super::teller::Teller;
use super::super::world;

pub(super) fn tell(t: &mut Teller) {
    t.draw_distinct(&["place", "place2"], world::PLACES);
    t.draw("metal", &["golden", "silver", "rusty", "small", "old"]);
    t.draw("chest", &["wooden box", "little door", "big chest", "green gate", "iron box"]);
    t.draw(
        "inside",
        &[
            "a hundred paper stars",
            "a music box",
            "a map of the sea",
            "the most beautiful garden",
            "a heap of shining shells",
            "a book full of stories",
        ],
    );
    t.say(&[
        "One day {H} found {a metal} key {place}.",
        "One day {H} saw something shining {place}. It was {a metal} key.",
        "{H} was digging {place} when {he} found {a metal} key.",
    ]);
    t.say(&["\"What does it open?\" {he} wondered.", "\"There must be a lock for it,\" said {H}."]);
    t.say(&[
        "{He} tried it in every door, but it did not fit.",
        "{He} tried the door of the house and the door of the barn. It did not fit.",
    ]);
    t.pause();
    t.say(&[
        "{He} showed the key to {F}, the {fkind}.",
        "Then {he} asked {his} friend {F}, {a fkind}.",
    ]);
    t.say(&[
        "\"I have seen {a chest} {place2},\" said {F}.",
        "{F} thought for a while. \"There is {a chest} {place2},\" {fhe} said.",
    ]);
    t.say(&["They ran there as fast as they could.", "So they went there together."]);
    t.say(&[
        "There stood the {chest}, covered with leaves.",
        "They pushed the leaves away, and there was the {chest}.",
    ]);
    t.say(&[
        "{H} put the key in the lock and turned it. Click!",
        "The key fitted! {H} turned it slowly.",
    ]);
    t.pause();
    t.say(&["Inside they found {inside}.", "And what did they see? They saw {inside}!"]);
    t.say(&[
        "\"It belongs to both of us,\" said {H}.",
        "\"We will show it to everybody,\" said {H}.",
        "\"This is our secret,\" whispered {F}.",
    ]);
    t.fact("What did {H} find?", "{H} found {a metal} key.");
    t.fact("What did the key open?", "The key opened {a chest}.");
    t.fact("What was inside?", "They found {inside}.");
}
