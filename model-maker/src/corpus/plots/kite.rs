//! Something is built; it fails, it is tried again, it works.

use super::super::teller::Teller;

pub(super) fn tell(t: &mut Teller) {
    let (thing, made_of, fails, works) = t.dice.pick(&[
        ("kite", "paper and sticks", "it fell to the ground", "it flew high above the trees"),
        ("boat", "wood and cloth", "it filled with water", "it sailed across the pond"),
        ("tower", "stones", "it fell over", "it stood tall and did not move"),
        ("swing", "rope and a board", "the rope broke", "it went up and down, up and down"),
        ("bridge", "branches", "it broke in the middle", "it was strong enough for everybody"),
        ("cart", "boards and wheels", "a wheel came off", "it rolled all the way down the hill"),
    ]);
    for (blank, value) in [("thing", thing), ("stuff", made_of), ("fails", fails), ("works", works)]
    {
        t.set(blank, value);
    }
    t.say(&[
        "One day {H} wanted to make {a thing}.",
        "\"I want to build {a thing},\" said {H} one morning.",
    ]);
    t.say(&[
        "{He} took {stuff} and worked all morning.",
        "{He} found {stuff}, and {he} began to work.",
        "{He} needed {stuff}, so {he} looked for them and set to work.",
    ]);
    t.say(&[
        "But when {he} tried the {thing}, {fails}.",
        "At last it was ready. But then {fails}.",
    ]);
    t.say(&[
        "\"I will never do it,\" said {H}, and {he} sat down.",
        "{H} was angry. \"This {thing} is no good!\" {he} said.",
        "{H} was sad, because {he} had worked so hard.",
    ]);
    t.pause();
    t.say(&[
        "{F}, the {fkind}, had seen it all.",
        "Then {F}, {a fkind}, came by.",
        "{His} friend {F}, {a fkind}, sat down beside {him}.",
    ]);
    t.say(&[
        "\"Try again,\" said {F}. \"I will help you.\"",
        "\"Everybody makes mistakes,\" said {F}. \"Let us try once more.\"",
    ]);
    t.say(&[
        "{F} held it, and {H} tied it well.",
        "This time they worked slowly and with care.",
        "They made it again, and they made it stronger.",
    ]);
    t.say(&["And this time {works}!", "They tried it, and {works}!", "When it was done, {works}."]);
    t.pause();
    t.say(&[
        "\"We did it!\" shouted {H}.",
        "{H} and {F} jumped for joy.",
        "\"I am glad that I did not give up,\" said {H}.",
    ]);
    t.fact("What did {H} make?", "{H} made {a thing}.");
    t.fact("What was it made of?", "It was made of {stuff}.");
    t.fact("Who helped {H}?", "{F}, the {fkind}, helped {H}.");
}
