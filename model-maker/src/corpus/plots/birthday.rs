//! A present without money: it is made by hand.

use super::super::teller::Teller;
use super::super::world;

pub(super) fn tell(t: &mut Teller) {
    let (elder, gender) = t.dice.pick(world::ELDERS);
    t.set("elder", elder);
    t.pronouns(["ehe", "ehim", "ehis"], gender);
    let (gift, made_of) = t.dice.pick(&[
        ("picture", "paint and paper"),
        ("necklace", "shells and string"),
        ("crown", "flowers and leaves"),
        ("little house", "clay and straw"),
        ("song", "old words and a new tune"),
        ("cake", "flour, eggs and honey"),
    ]);
    t.set("gift", gift);
    t.set("stuff", made_of);
    t.say(&[
        "It was {elder}'s birthday, and {H} wanted to give {ehim} a present.",
        "\"Today is {elder}'s birthday,\" thought {H}. \"What can I give {ehim}?\"",
    ]);
    t.say(&[
        "But {he} had no money.",
        "{He} went to the market, but everything cost too much.",
        "{He} looked in {his} pocket. There was not one coin in it.",
    ]);
    t.pause();
    t.say(&[
        "{F}, the {fkind}, had an idea. \"You can make something,\" {fhe} said.",
        "\"Why do you not make a present?\" asked {his} friend {F}, {a fkind}.",
    ]);
    t.say(&[
        "So {H} took {stuff} and made {a gift}.",
        "{H} found {stuff}, and {he} began to make {a gift}.",
    ]);
    t.say(&[
        "It took the whole day.",
        "It was hard work, but {he} did not stop.",
        "{F} helped a little too.",
    ]);
    t.say(&["In the evening it was ready.", "At last it was done, and it was beautiful."]);
    t.pause();
    t.say(&[
        "{H} gave the {gift} to {elder}. \"I made it for you,\" {he} said.",
        "\"Happy birthday!\" said {H}, and {he} gave {elder} the {gift}.",
    ]);
    t.say(&[
        "{elder} had tears in {ehis} eyes. \"It is the best present of all,\" {ehe} said.",
        "{elder} smiled and gave {H} a big hug. \"I love it,\" {ehe} said.",
    ]);
    t.say(&[
        "A present made with love is worth more than gold.",
        "Then they all ate cake and sang songs.",
    ]);
    t.fact("Whose birthday was it?", "It was {elder}'s birthday.");
    t.fact("What did {H} make?", "{H} made {a gift}.");
    t.fact("What did {H} use?", "{H} used {stuff}.");
}
