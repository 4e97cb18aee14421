//! Two friends quarrel over a thing and make up.

use super::super::teller::Teller;
use super::super::world;

pub(super) fn tell(t: &mut Teller) {
    t.draw("toy", world::TOYS);
    t.draw("place", world::PLACES);
    t.say(&[
        "{H} and {F}, the {fkind}, were playing {place}.",
        "One day {H} met {his} friend {F}, {a fkind}, {place}.",
    ]);
    t.say(&["There they found {a toy}.", "In the grass lay {a toy}."]);
    t.say(&[
        "\"It is mine!\" said {H}. \"No, it is mine!\" said {F}.",
        "\"I saw it first!\" shouted {F}. \"No, I did!\" shouted {H}.",
    ]);
    t.say(&[
        "They both pulled at the {toy}.",
        "{H} pulled on one side, and {F} pulled on the other.",
    ]);
    t.say(&["Then {H} ran home with it. {F} was angry.", "{F} began to cry and went away."]);
    t.pause();
    t.say(&[
        "At home {H} played with the {toy}, but it was no fun alone.",
        "{H} looked at the {toy}. It did not make {him} happy.",
        "Now {H} had the {toy}, but {he} had no friend.",
    ]);
    t.say(&[
        "\"{F} is more important than {a toy},\" {he} thought.",
        "\"I was not kind,\" {he} thought.",
    ]);
    t.say(&[
        "So {he} went to {F} and said, \"I am sorry. You can have the {toy}.\"",
        "{He} ran to {F}. \"I am sorry,\" {he} said. \"It is yours.\"",
    ]);
    t.say(&[
        "\"I am sorry too,\" said {F}. \"Let us share it.\"",
        "{F} smiled. \"We can both play with it,\" {fhe} said.",
    ]);
    t.pause();
    t.say(&[
        "One day {H} had the {toy}, and the next day {F} had it.",
        "They played with the {toy} together, and they laughed a lot.",
    ]);
    t.fact("What did they find?", "They found {a toy}.");
    t.fact("Why did they quarrel?", "They both wanted the {toy}.");
    t.fact("Who said sorry first?", "{H} said sorry first.");
}
