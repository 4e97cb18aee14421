//! A hurt creature is taken home, nursed, and flies away.

use super::super::teller::Teller;
use super::super::world;

pub(super) fn tell(t: &mut Teller) {
    t.draw("place", world::PLACES);
    t.draw(
        "creature",
        &["small bird", "young robin", "tiny sparrow", "white dove", "blue butterfly"],
    );
    t.draw("box", &["a basket", "a box with hay", "a soft nest of wool", "an old hat"]);
    t.say(&[
        "One day {H} was walking {place} when {he} heard a weak cry.",
        "{H} was playing {place} when {he} heard a soft sound.",
        "One morning {H} went for a walk and found something {place}.",
    ]);
    t.say(&[
        "It was {a creature}, and it had hurt its wing.",
        "{A creature} lay on the ground. Its wing was hurt.",
    ]);
    t.say(&[
        "\"Poor thing,\" said {H}. \"I will take care of you.\"",
        "\"Do not be afraid,\" said {H}. \"I will help you.\"",
    ]);
    t.say(&[
        "{He} carried the {creature} home and put it in {box}.",
        "Very gently {he} took it home and made a bed for it in {box}.",
    ]);
    t.pause();
    t.say(&[
        "Every day {H} brought it water and seeds.",
        "{H} gave it water and sang to it in the evening.",
        "Day after day {H} fed it and kept it warm.",
    ]);
    t.maybe(&[
        "{His} friend {F} came to visit and told it funny stories.",
        "{F}, the {fkind}, helped too.",
    ]);
    t.say(&[
        "Slowly the wing grew strong.",
        "After a week it could move its wing again.",
        "Soon it could hop from one side to the other.",
    ]);
    t.say(&[
        "One morning the {creature} spread its wings and flew around the room.",
        "Then, one sunny day, it opened its wings and flew.",
    ]);
    t.pause();
    t.say(&[
        "{H} opened the window. \"Fly home,\" {he} said softly.",
        "{H} was a little sad, but {he} knew it had to go. {He} opened the door.",
    ]);
    t.say(&[
        "The {creature} flew high into the sky.",
        "It flew around {H} one more time, and then it was gone.",
    ]);
    t.say(&[
        "But every spring it came back to say hello.",
        "The next day it came back and sang for {H}.",
    ]);
    t.fact("What did {H} find?", "{H} found {a creature} with a hurt wing.");
    t.fact("Where did {H} put it?", "{H} put it in {box}.");
    t.fact("What happened at the end?", "The {creature} got well and flew away.");
}
