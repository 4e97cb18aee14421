//! Something is broken, hidden, confessed and forgiven.

use super::super::teller::Teller;
use super::super::world;

pub(super) fn tell(t: &mut Teller) {
    let (elder, gender) = t.dice.pick(world::ELDERS);
    t.set("elder", elder);
    t.pronouns(["ehe", "ehim", "ehis"], gender);
    t.draw(
        "thing",
        &["blue cup", "white plate", "glass bowl", "old clock", "flower pot", "green lamp"],
    );
    t.draw(
        "hiding",
        &["under the bed", "behind the door", "in a box", "under a cloth", "in the garden"],
    );
    t.say(&[
        "One day {H} was playing with a ball in the house.",
        "{H} was jumping and dancing in the kitchen.",
        "One rainy day {H} was running around the table.",
    ]);
    t.say(&[
        "Crash! {elder}'s {thing} fell down and broke.",
        "Suddenly there was a crash. {elder}'s {thing} lay on the floor in pieces.",
    ]);
    t.say(&[
        "{H} was afraid. {He} hid the pieces {hiding}.",
        "\"Nobody must know,\" thought {H}, and {he} put the pieces {hiding}.",
    ]);
    t.pause();
    t.say(&[
        "In the evening {elder} asked, \"Has anybody seen my {thing}?\"",
        "\"Where is my {thing}?\" asked {elder} at supper.",
    ]);
    t.say(&[
        "{H} looked at the floor and said nothing.",
        "\"I do not know,\" said {H}, but {his} face was red.",
    ]);
    t.say(&[
        "That night {he} could not sleep.",
        "{He} felt bad, and {his} supper did not taste good.",
        "{He} had a heavy feeling in {his} heart.",
    ]);
    t.maybe(&[
        "\"You should tell the truth,\" said {his} friend {F}.",
        "{F}, the {fkind}, said, \"Tell the truth, and you will feel better.\"",
    ]);
    t.pause();
    t.say(&["In the morning {H} went to {elder}. \"I broke your {thing},\" {he} said. \"I am sorry.\"", "\"I must tell you something,\" {H} said to {elder}. \"I broke the {thing}. I am very sorry.\""]);
    t.say(&["{elder} was not angry. \"Thank you for telling the truth,\" {ehe} said.", "{elder} took {H} in {ehis} arms. \"It was only {a thing},\" {ehe} said. \"You are worth more to me.\""]);
    t.say(&[
        "They mended it together with glue.",
        "{H} felt light again, like a feather.",
        "After that {H} always told the truth.",
    ]);
    t.fact("What did {H} break?", "{H} broke {elder}'s {thing}.");
    t.fact("Where did {H} hide the pieces?", "{H} hid the pieces {hiding}.");
    t.fact("Was {elder} angry?", "No, {elder} was not angry.");
}
