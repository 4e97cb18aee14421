//! Somebody is stuck, and is saved.

use super::super::teller::Teller;

pub(super) fn tell(t: &mut Teller) {
    let (stuck, pull) = t.dice.pick(&[
        ("in the mud", "out of the mud"),
        ("in a deep hole", "out of the hole"),
        ("on a high branch", "down from the branch"),
        ("on a rock in the river", "back to the bank"),
        ("in a thorn bush", "out of the thorns"),
        ("under a heavy log", "out from under the log"),
    ]);
    t.set("stuck", stuck);
    t.set("pull", pull);
    t.draw("tool", &["rope", "long stick", "ladder", "strong branch", "blanket"]);
    t.say(&[
        "One day {H} heard somebody call, \"Help! Help!\"",
        "{H} was on the way home when {he} heard a cry for help.",
    ]);
    t.say(&["{He} ran to see what it was.", "{He} stopped and listened. Then {he} ran."]);
    t.say(&[
        "There was {F}, {a fkind}, stuck {stuck}.",
        "{He} saw {a fkind} named {F} who was stuck {stuck}.",
    ]);
    t.say(&[
        "\"I cannot get away,\" cried {F}.",
        "\"Please help me!\" said {F}. \"I have been here all day.\"",
    ]);
    t.pause();
    t.say(&[
        "\"Do not move,\" said {H}. \"I have an idea.\"",
        "{H} thought hard. \"Wait here,\" {he} said.",
    ]);
    t.say(&["{He} ran and came back with {a tool}.", "Near the path {he} found {a tool}."]);
    t.say(&[
        "\"Hold on tight!\" said {H}, and {he} held the {tool} out to {F}.",
        "{H} pushed the {tool} over to {F}. \"Take it!\" {he} called.",
    ]);
    t.say(&[
        "{He} pulled and pulled, but {F} did not move.",
        "It was hard, and {H} was almost too tired.",
    ]);
    t.say(&[
        "{He} tried one more time, and slowly {F} came {pull}.",
        "Then {he} used all {his} strength, and {F} came {pull}.",
    ]);
    t.pause();
    t.say(&[
        "\"You saved me!\" said {F}. \"How can I thank you?\"",
        "\"Thank you, thank you!\" said {F}.",
    ]);
    t.say(&[
        "\"Be my friend,\" said {H}.",
        "\"Everybody needs help sometimes,\" said {H}.",
        "\"You would do the same for me,\" said {H}.",
    ]);
    t.fact("Where was {F} stuck?", "{F} was stuck {stuck}.");
    t.fact("What did {H} use?", "{H} used {a tool}.");
    t.fact("Who saved {F}?", "{H} saved {F}.");
}
