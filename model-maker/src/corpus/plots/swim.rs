//! Something cannot be done, is practised, and can be done.

use super::super::teller::Teller;
use super::super::world;

pub(super) fn tell(t: &mut Teller) {
    let (skill, first, later) = t.dice.pick(&[
        ("swim", "went under and swallowed water", "swam from one side to the other"),
        ("ride a bicycle", "fell into the grass", "rode all the way to the mill and back"),
        ("whistle", "only blew air", "whistled a whole song"),
        ("climb", "slid down again", "climbed to the very top"),
        ("read", "mixed up all the letters", "read a whole book aloud"),
        ("dance", "stepped on everybody's feet", "danced as light as a leaf"),
        ("skate", "slipped and sat down on the ice", "skated in big circles"),
    ]);
    for (blank, value) in [("skill", skill), ("first", first), ("later", later)] {
        t.set(blank, value);
    }
    t.draw("place", world::PLACES);
    t.say(&[
        "{H} wanted to learn to {skill}.",
        "All {his} friends could {skill}, but {H} could not.",
    ]);
    t.say(&["{He} tried, but {he} {first}.", "The first time {he} {first}."]);
    t.say(&[
        "Some others laughed at {him}.",
        "\"I cannot do it,\" {he} said.",
        "{H} felt very small.",
    ]);
    t.pause();
    t.say(&[
        "{F}, the {fkind}, did not laugh. \"I can teach you,\" {fhe} said.",
        "\"I could not {skill} at first,\" said {F}, {a fkind}. \"You must practise.\"",
    ]);
    t.say(&[
        "Every day they met {place} and practised.",
        "So they practised {place}, day after day.",
    ]);
    t.say(&[
        "\"Slowly,\" said {F}. \"Do not be afraid.\"",
        "On Monday it went badly. On Tuesday it went a little better.",
        "Sometimes {H} wanted to stop, but {F} said, \"Once more!\"",
    ]);
    t.say(&["And then, one day, {he} {later}.", "After many days {H} {later}."]);
    t.pause();
    t.say(&[
        "\"I can {skill}!\" shouted {H}. \"I can {skill}!\"",
        "Everybody was amazed.",
        "{F} clapped and clapped.",
    ]);
    t.say(&[
        "Now {H} teaches the little ones to {skill}.",
        "\"You did it,\" said {F}. \"I knew that you could.\"",
        "Practice had made it easy.",
    ]);
    t.fact("What did {H} want to learn?", "{H} wanted to learn to {skill}.");
    t.fact("Who taught {H}?", "{F}, the {fkind}, taught {H}.");
    t.fact("Where did they practise?", "They practised {place}.");
}
